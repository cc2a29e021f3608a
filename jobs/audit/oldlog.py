"""The log as the first versions left it in the state store, carried over: a list of entries per month, and no MAC.

Its entries keep their numbers and hashes, so checkpoints in receipts stay good. They get their MACs here: the key
vouches that they are what was there, and a chain, when they were carried over.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from redis import Redis

from jobs.audit.entry import Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.places import NEWEST, OF_ONE_SECONDS, answers_of, of_one, text, texts
from jobs.audit.putting import KEPT_SECONDS, put_entries
from jobs.audit.shelf import Shelf, day_of, is_over

HEAD = "audit:head"
_MONTH = re.compile(r"audit:\d{4}-\d\d")
_PAGE = 1000


class OldLogDamaged(Exception):
    """The old log is not what was written, from the entry with this number on."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the old audit log is damaged at entry {number}")
        self.number = number


def carry_over(redis: Redis, shelf: Shelf, key: AuditKey) -> None:
    """Move an old log's closed days into files and the rest to where entries are now; nothing where there is none.

    Its keys go in one transaction once all else is done: whatever dies before, the next try finds them.

    Raises:
        OldLogDamaged: its chain is broken, its newest entry is not the last, or there is a new log beside it.
        FileExistsError: there are other files of those days.
    """
    head = text(answers_of(redis).get(HEAD))
    if head is None:
        return
    if redis.exists(NEWEST):
        raise OldLogDamaged(0)
    months = sorted(name for name in texts([*redis.scan_iter("audit:*", count=1000)]) if _MONTH.fullmatch(name))
    now = int(answers_of(redis).time()[0])
    of: defaultdict[str, list[str]] = defaultdict(list)
    rest: list[Entry] = []
    last = None
    for _, group in groupby(_entries(redis, months), key=lambda entry: day_of(entry.at)):
        entries = [*group]
        last = entries[-1]
        if is_over(last.at, now):
            shelf.write([key.signed(Purpose.ENTRY, entry.line) for entry in entries])
            _remember(redis, of, entries, key)
        else:
            rest += entries
    if last is None or last.line != head:
        raise OldLogDamaged(last.number if last else 0)
    with answers_of(redis).pipeline(transaction=True) as turn:
        for migration, lines in of.items():
            turn.rpush(of_one(migration), *lines)
            turn.expire(of_one(migration), OF_ONE_SECONDS)
        put_entries(turn, rest, key)
        turn.set(NEWEST, key.signed(Purpose.ENTRY, head), ex=KEPT_SECONDS)
        turn.delete(HEAD, *months)
        turn.execute()


def _entries(redis: Redis, months: list[str]) -> Iterator[Entry]:
    """Yield the entries of the old lists, each tied to the one before."""
    last: Entry | None = None
    for month in months:
        for first in range(0, int(answers_of(redis).llen(month)), _PAGE):
            for line in texts(answers_of(redis).lrange(month, first, first + _PAGE - 1)):
                last = _next(last, line)
                yield last


def _next(last: Entry | None, line: str) -> Entry:
    try:
        entry = Entry.from_line(line)
    except ValueError:
        raise OldLogDamaged(last.number + 1 if last else 0) from None
    if last and not entry.follows(last):
        raise OldLogDamaged(last.number + 1)
    return entry


def _remember(redis: Redis, of: defaultdict[str, list[str]], entries: list[Entry], key: AuditKey) -> None:
    """Keep the entries about imports that are still there for their own lists."""
    ids = sorted({entry.migration for entry in entries if entry.migration})
    with answers_of(redis).pipeline(transaction=False) as look:
        for migration in ids:
            look.exists(f"mig:{{{migration}}}")
        there = {migration for migration, found in zip(ids, look.execute(), strict=True) if found}
    for entry in entries:
        if entry.migration in there:
            of[entry.migration].append(key.signed(Purpose.ENTRY, entry.line))
