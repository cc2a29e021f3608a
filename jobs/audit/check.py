"""Whether the audit log is what was written: every entry, the chain they form, the files, and earlier checkpoints.

The chain alone shows what was altered, dropped, inserted or moved. Who can write to the store or the files can also
write a whole new chain from some entry on: without the key no MAC fits. What was cut off at the end, or brought back
from an old copy, shows against the mark (`jobs.audit.mark`) and against checkpoints in receipts and the service's log.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from redis import Redis

from jobs.audit.entry import BEGINNING, Checkpoint, Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.log import Snapshot, snapshot
from jobs.audit.places import VERDICT, answers_of, end_date, text
from jobs.audit.shelf import MAC_LETTERS, Seal, Sealed, Shelf, day_of, lines_of

MOST_FLAWS = 20
"""Flaws that a verdict names; it counts them all."""


class Kind(StrEnum):
    """What can be wrong at an entry; sentences for people are in `app.cli_audit`."""

    CHANGED = "changed"
    FORGED = "forged"
    MISSING = "missing"
    MISPLACED = "misplaced"
    UNTIED = "untied"
    MISFILED = "misfiled"
    UNSEALED = "unsealed"
    EARLY = "early"
    CUT = "cut"
    HEAD_LOST = "head-lost"
    HEAD_DIFFERS = "head-differs"
    REWRITTEN = "rewritten"
    BEHIND = "behind"
    ROLLED_BACK = "rolled-back"
    MARK_ALTERED = "mark-altered"
    DOUBLED = "doubled"
    OLD_LOG = "old-log"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong, and the number of the entry."""

    number: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found.

    `first` and `last` are the numbers of the first and last entry kept, 0 when there is none; entries before `first`
    have ended by their time. `flaws` names the first of `count`. `confirmed` are the checkpoints the log contains;
    `out_of_reach` those of entries before `first`, which nobody can confirm any more. `at` is the store's clock.
    """

    first: int
    last: int
    flaws: tuple[Flaw, ...]
    count: int
    confirmed: tuple[Checkpoint, ...] = ()
    out_of_reach: tuple[Checkpoint, ...] = ()
    at: int = 0

    @property
    def holds(self) -> bool:
        """True when nothing is wrong and every checkpoint is confirmed."""
        return not self.count and not self.out_of_reach


def publish(redis: Redis, verdict: Verdict, seconds: int) -> None:
    """Leave in the store what was found, for everybody who has no key; for so many seconds."""
    row = asdict(verdict) | {"confirmed": (), "out_of_reach": ()}
    redis.set(VERDICT, json.dumps(row), ex=seconds)


def verdict(redis: Redis) -> Verdict | None:
    """Return what the keeper found last; None before it has looked."""
    told = text(answers_of(redis).get(VERDICT))
    if told is None:
        return None
    row = json.loads(told)
    flaws = tuple(Flaw(flaw["number"], Kind(flaw["kind"])) for flaw in row["flaws"])
    return Verdict(row["first"], row["last"], flaws, row["count"], at=row["at"])


@dataclass(frozen=True, slots=True)
class Step:
    """One line on the way along the chain, or a file that is passed by.

    `ties` are its hash and time, as the next one must name them; None where they are not known.
    """

    number: int
    line: str
    place: str
    entry: Entry | None
    ties: tuple[str, int] | None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The entry as a checkpoint; the hash that stands in the line has been found to fit."""
        return Checkpoint(self.number, self.ties[0]) if self.ties else None


OPEN_DAY = ""
"""Where the entries lie that are in no file yet."""

Place = tuple[str, str | Seal]
"""A day or `OPEN_DAY`, and a line of an entry; or the seal of a file that is passed by, or stands at its end."""


def verify(
    redis: Redis,
    shelf: Shelf | None = None,
    checkpoints: Iterable[Checkpoint] = (),
    is_read: Callable[[Sealed], bool] = lambda _: True,
    mark: Checkpoint | None = None,
) -> Verdict:
    """Hold the log against itself, the key if the shelf has it, and the checkpoints.

    Args:
        redis: the state store.
        shelf: the closed days; without it only what is in no file yet is looked at.
        checkpoints: what the log must contain.
        is_read: whether to read a file whole; of others the seal stands for the entries. Those with a checkpoint are.
        mark: the newest checkpoint outside the store, as another one that the log must contain.

    Raises:
        redis.RedisError: the store is away, or a key of the log is of another type.
    """
    asked = frozenset(checkpoints) | ({mark} if mark and mark.number else set())
    taken = snapshot(redis)
    files = _files(shelf, taken)
    seals = [*_wrong_seals(files)]

    def is_wanted(file: Sealed) -> bool:
        seal = file.seal
        return is_read(file) or (seal is not None and any(seal.first <= c.number <= seal.last for c in asked))

    places = _places(files, is_wanted, taken.lines)
    return judge(taken, places, asked, seals, shelf, mark)


def judge(
    taken: Snapshot,
    places: Iterable[Place],
    asked: frozenset[Checkpoint] = frozenset(),
    seals: Iterable[Flaw] = (),
    shelf: Shelf | None = None,
    mark: Checkpoint | None = None,
) -> Verdict:
    """Check a log, given what the store holds of it, and each entry or seal in order."""
    numbers = {c.number for c in asked}
    key = shelf.key if shelf else None
    found = _Found([*seals])
    before, first = None, None
    confirmed = asked & {Checkpoint(0, BEGINNING)}
    for step, begin in _steps(places):
        found.take(_wrong(before, step, begin, taken.now, key, has_files=shelf is not None))
        if step.number in numbers:
            confirmed |= asked & {step.checkpoint}
        first, before = first or begin, step
    confirmed |= asked & {_just_before(first)}
    out_of_reach = {c for c in asked - confirmed if first and 0 < c.number < first.number}
    found.take(_wrong_head(before, taken.newest, key))
    found.take(_unknown(before, asked - confirmed - out_of_reach, mark))
    return Verdict(
        first=first.number if first else 0,
        last=before.number if before else 0,
        flaws=tuple(found.flaws[:MOST_FLAWS]),
        count=found.count,
        confirmed=_sorted(confirmed),
        out_of_reach=_sorted(out_of_reach),
        at=taken.now,
    )


def _files(shelf: Shelf | None, taken: Snapshot) -> list[Sealed]:
    """Return the files of the days that were closed before the look at the store; those of later ones are in both."""
    first = next((entry.number for line in taken.lines if (entry := _entry(line))), None)
    files = shelf.files() if shelf else []
    return [file for file in files if not (first and file.seal and file.seal.first >= first)]


class _Found:
    """Flaws, of which the first are named and all counted."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = flaws
        self.count = len(flaws)

    def take(self, flaws: Iterable[Flaw]) -> None:
        more = [*flaws]
        self.flaws += more[: max(0, MOST_FLAWS - len(self.flaws))]
        self.count += len(more)


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a line or a file begins: the number of its first entry, and what that names as the one before."""

    number: int
    ties: tuple[str, int] | None


def _places(files: Iterable[Sealed], is_wanted: Callable[[Sealed], bool], lines: Iterable[str]) -> Iterator[Place]:
    for file in files:
        if file.seal is None or is_wanted(file):
            yield from ((file.day, line) for line in lines_of(file.path))
        else:
            yield file.day, file.seal
    yield from ((OPEN_DAY, line) for line in lines)


def _wrong_seals(files: Iterable[Sealed]) -> Iterator[Flaw]:
    """Each seal is of the key, names its file's day and the file before, and what stands before it is what it says."""
    before: Sealed | None = None
    for file in files:
        seal = file.seal
        number = seal.first if seal else before.seal.last + 1 if before and before.seal else 1
        if seal is None or seal.day != file.day or (before and seal.previous != before.mac):
            yield Flaw(number, Kind.UNSEALED)
        before = file


def _steps(places: Iterable[Place]) -> Iterator[tuple[Step, Begin]]:
    """Give every line its number; one that cannot be read has that of its place."""
    unread: list[str] = []
    last = 0
    for place, what in places:
        if isinstance(what, Seal):
            yield from _unread(unread, what.first - len(unread)) if not last else ()
            last = what.last
            ties = (what.hash, what.at)
            yield Step(last, "", place, None, ties), Begin(what.first, (what.tied, what.tied_at))
            continue
        entry = _entry(what)
        if entry is None and not last:
            unread.append(place)  # its number is known when a later line can be read
            continue
        if entry is not None and not last:
            yield from _unread(unread, entry.number - len(unread))
        last = entry.number if entry else last + 1
        yield _step(last, what, place, entry)
    if not last:
        yield from _unread(unread, 1)


def _step(number: int, line: str, place: str, entry: Entry | None) -> tuple[Step, Begin]:
    ties = (entry.hash, entry.at) if entry else None
    before = (entry.previous, entry.previous_at) if entry else None
    return Step(number, line, place, entry, ties), Begin(number, before)


def _unread(places: Iterable[str], first: int) -> Iterator[tuple[Step, Begin]]:
    return (_step(number, "", place, None) for number, place in enumerate(places, first))


def _entry(line: str) -> Entry | None:
    try:
        return Entry.from_line(line[MAC_LETTERS + 1 :])
    except ValueError:
        return None


def _wrong(
    before: Step | None, step: Step, begin: Begin, now: int, key: AuditKey | None, *, has_files: bool
) -> Iterator[Flaw]:
    if begin.ties is None:
        yield Flaw(step.number, Kind.CHANGED)
        return
    if before:
        yield from _wrong_tie(before, begin, begin.ties)
    elif has_files:
        yield from _wrong_first(begin.number, begin.ties, now)
    if step.entry and step.place and day_of(step.entry.at) != step.place:
        yield Flaw(step.number, Kind.MISFILED)
    if step.entry and key and not key.has_signed(Purpose.ENTRY, step.line):
        yield Flaw(step.number, Kind.FORGED)


def _wrong_first(number: int, ties: tuple[str, int], now: int) -> Iterator[Flaw]:
    """The first entry kept begins the log, or those before it were in a file whose time is over."""
    begins = number == 1
    if begins != (ties == (BEGINNING, 0)):
        yield Flaw(number, Kind.UNTIED)
    elif not begins and end_date(ties[1]) > now:
        yield Flaw(number - 1, Kind.EARLY)


def _wrong_tie(before: Step, begin: Begin, ties: tuple[str, int]) -> Iterator[Flaw]:
    due = before.number + 1
    if begin.number != due:
        yield Flaw(due, Kind.MISSING if begin.number > due else Kind.MISPLACED)
    elif before.ties and ties != before.ties:
        yield Flaw(begin.number, Kind.UNTIED)


def _wrong_head(last: Step | None, newest: str | None, key: AuditKey | None) -> Iterator[Flaw]:
    entry = _entry(newest or "")
    number = last.number if last else 0
    if newest is None and last:
        yield Flaw(number, Kind.HEAD_LOST)
    elif entry and entry.number > number:
        yield Flaw(number + 1, Kind.CUT)
    elif newest is not None and not _is_newest(last, entry, newest, key):
        yield Flaw(number, Kind.HEAD_DIFFERS)


def _is_newest(last: Step | None, entry: Entry | None, newest: str, key: AuditKey | None) -> bool:
    if key and not key.has_signed(Purpose.ENTRY, newest):
        return False
    return bool(last and entry and last.checkpoint == entry.checkpoint and last.line in {"", newest})


def _just_before(first: Begin | None) -> Checkpoint | None:
    """Return the last entry that has ended, of which the first kept still holds the hash."""
    return Checkpoint(first.number - 1, first.ties[0]) if first and first.ties else None


def _unknown(last: Step | None, checkpoints: Iterable[Checkpoint], mark: Checkpoint | None) -> Iterator[Flaw]:
    number = last.number if last else 0
    for c in _sorted(checkpoints):
        behind = Kind.ROLLED_BACK if c == mark else Kind.BEHIND
        yield Flaw(c.number, behind if c.number > number else Kind.REWRITTEN)


def _sorted(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    return tuple(sorted(checkpoints, key=str))
