"""Appending to the audit log, and reading it."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from redis import Redis

from jobs.audit.entry import BEGINNING, Checkpoint, Entry, Note
from jobs.audit.places import (
    BROKEN,
    NEWEST,
    OPEN,
    WRITERS,
    answers_of,
    inbox,
    of_one,
    text,
    texts,
    writer_of,
)
from jobs.audit.shelf import MAC_LETTERS, Shelf, day_of, lines_backwards, lines_of
from jobs.audit.taking import Written, entries_of
from jobs.audit.words import Act, Actor
from jobs.errors import JobError

MOST_WAITING = 100_000
"""Notes of one role that may wait for the keeper: 20 MB. Then nobody keeps the log, and nothing more is done."""


class AuditBroken(JobError):
    """The log is not what was written, so nothing can be appended to it; `migrator audit verify` says where."""

    code = "audit-broken"

    def __init__(self) -> None:
        super().__init__("the audit log is damaged")


class AuditBusy(JobError):
    """Too much waits for the log's keeper."""

    code = "audit-busy"

    def __init__(self) -> None:
        super().__init__("the audit log is too busy")


def append(redis: Redis, actor: Actor, act: Act, migration: str = "", code: str = "") -> Note:
    """Write down what is about to happen; only when this returns may it happen.

    It is then in the store, where the writer cannot take it back; seconds later the keeper makes an entry of it.

    Args:
        redis: the state store. The time is that of its clock.
        actor: who acts.
        act: what is done.
        migration: its id from `jobs.migration.new_id`, or empty.
        code: a reason or a name of data in up to four words of letters, or empty; never anything a person or a slice's
            process has chosen.

    Raises:
        ValueError: a value has another shape.
        AuditBroken: the log is damaged.
        AuditBusy: too much waits for the keeper.
        redis.RedisError: the store is away, full, read-only or without the replicas it must have.
    """
    mine = inbox(writer_of(redis))
    with answers_of(redis).pipeline(transaction=False) as look:
        look.exists(BROKEN)
        look.llen(mine)
        look.time()
        broken, waiting, clock = look.execute()
    note = Note.make(int(clock[0]), actor, act, migration, code)
    if broken:
        raise AuditBroken
    if waiting >= MOST_WAITING:
        raise AuditBusy
    redis.rpush(mine, note.line)
    return note


def checkpoint(redis: Redis) -> Checkpoint:
    """Return the newest entry's number and hash; notes that still wait for the keeper are not in it.

    Raises:
        AuditBroken: the log is damaged.
    """
    with answers_of(redis).pipeline(transaction=True) as look:
        look.exists(BROKEN)
        look.get(NEWEST)
        broken, newest = look.execute()
    if broken:
        raise AuditBroken
    entry = _newest(text(newest))
    return entry.checkpoint if entry else Checkpoint(0, BEGINNING)


def is_begun(redis: Redis) -> bool:
    """True when anything was ever written down, be it waiting for the keeper."""
    return bool(redis.exists(NEWEST, *map(inbox, WRITERS)))


def entries(
    redis: Redis, migration: str | None = None, since: float = 0.0, shelf: Shelf | None = None
) -> Iterator[Entry]:
    """Yield the entries kept, oldest first, and those that notes still waiting for the keeper will become.

    Args:
        redis: the state store.
        migration: only those of this migration; they are in the store while it is there, however old they are.
        since: only those from this time on, in seconds since the epoch.
        shelf: the closed days, where they can be read; without it those in the store alone.

    Raises:
        AuditBroken: an entry cannot be read. (`verify` looks at the chain as a whole.)
    """
    if migration is not None and shelf is None:
        found = _of_one(redis, migration)
    else:
        found = _all(snapshot(redis), shelf, day_of(int(since)), migration or "")
    for entry in found:
        if entry.at >= since and migration in {None, entry.migration}:
            yield entry


def latest(redis: Redis, count: int, migration: str | None = None, shelf: Shelf | None = None) -> tuple[Entry, ...]:
    """Return the newest `count` entries, oldest first.

    Raises:
        AuditBroken: an entry cannot be read.
    """
    if migration is not None:
        return tuple(deque(entries(redis, migration, shelf=shelf), maxlen=count))
    newest = [entry for entry, _ in zip(backwards(redis, shelf=shelf), range(count), strict=False)]
    return tuple(reversed(newest))


def backwards(redis: Redis, before: int = 0, shelf: Shelf | None = None) -> Iterator[Entry]:
    """Yield the entries kept, the newest first; no more than a day of them is in memory.

    Args:
        redis: the state store.
        before: only entries with a smaller number; 0 for all.
        shelf: the closed days, where they can be read; without it those in the store alone.

    Raises:
        AuditBroken: an entry cannot be read.
    """
    taken = snapshot(redis)
    first = 0
    for entry in chain(reversed(taken.waiting), map(read, reversed(taken.lines))):
        first = entry.number
        if not before or entry.number < before:
            yield entry
    for sealed in reversed(shelf.files() if shelf else []):
        if not before or sealed.seal is None or sealed.seal.first < before:
            for entry in map(read, lines_backwards(sealed.path)):
                if (not before or entry.number < before) and (not first or entry.number < first):
                    yield entry


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What of the log is in the store at one moment: the newest entry, the lines in no file, the notes that wait.

    `now` is the store's clock in seconds since the epoch.
    """

    newest: str | None
    lines: tuple[str, ...]
    written: tuple[Written, ...]
    now: int

    @property
    def waiting(self) -> list[Entry]:
        """What the notes will become.

        Raises:
            AuditBroken: the newest entry is altered.
        """
        return entries_of(_newest(self.newest), self.written, self.now, known=readable(self.lines[-1000:]))


def snapshot(redis: Redis) -> Snapshot:
    """Look at everything in one moment."""
    with answers_of(redis).pipeline(transaction=True) as look:
        look.get(NEWEST)
        look.time()
        look.lrange(OPEN, 0, -1)
        for writer in WRITERS:
            look.lrange(inbox(writer), 0, -1)
        newest, clock, lines, *notes = look.execute()
    written = tuple((by, line) for by, rows in zip(WRITERS, notes, strict=True) for line in texts(rows))
    return Snapshot(text(newest), tuple(texts(lines)), written, int(clock[0]))


def read(line: str) -> Entry:
    """Return the entry of a stored line: its MAC, a blank, its hash and text.

    Raises:
        AuditBroken: it is none.
    """
    try:
        return Entry.from_line(line[MAC_LETTERS + 1 :])
    except ValueError:
        raise AuditBroken from None


def readable(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of the lines that are entries."""
    for line in lines:
        with suppress(AuditBroken):
            yield read(line)


def _of_one(redis: Redis, migration: str) -> Iterator[Entry]:
    with answers_of(redis).pipeline(transaction=True) as look:
        look.lrange(of_one(migration), 0, -1)
        look.get(NEWEST)
        look.time()
        for writer in WRITERS:
            look.lrange(inbox(writer), 0, -1)
        lines, newest, clock, *notes = look.execute()
    mine = [*map(read, texts(lines))]
    written = tuple((by, line) for by, rows in zip(WRITERS, notes, strict=True) for line in texts(rows))
    return chain(mine, entries_of(_newest(text(newest)), written, int(clock[0]), known=mine))


def _all(taken: Snapshot, shelf: Shelf | None, day: str, migration: str) -> Iterator[Entry]:
    """Yield what the files and the store hold; lines without the migration's id are passed over unread."""
    here = [*map(read, (line for line in taken.lines if migration in line))]
    first = read(taken.lines[0]).number if taken.lines else 0
    for sealed in shelf.files() if shelf else []:
        if sealed.day >= day:
            for entry in map(read, (line for line in lines_of(sealed.path) if migration in line)):
                if not first or entry.number < first:
                    yield entry
    yield from chain(here, taken.waiting)


def _newest(line: str | None) -> Entry | None:
    return None if line is None else read(line)
