"""Whether the audit log is what was written: every entry, the chain they form, and earlier checkpoints of it.

The chain alone shows what was altered, dropped, inserted or moved. Who can write to the store can also write a whole
new chain from some entry on; that shows only against a checkpoint kept elsewhere: in a receipt, in the service's log.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from redis import Redis

from jobs.audit.entry import BEGINNING, Checkpoint, Entry
from jobs.audit.lists import Snapshot, end_date, lines, month_key, snapshot

MOST_FLAWS = 20
"""Flaws that a verdict names; it counts them all."""


class Kind(StrEnum):
    """What can be wrong at an entry; sentences for people are in `app.cli_audit`."""

    CHANGED = "changed"
    MISSING = "missing"
    MISPLACED = "misplaced"
    UNTIED = "untied"
    MISFILED = "misfiled"
    EARLY = "early"
    CUT = "cut"
    HEAD_LOST = "head-lost"
    HEAD_DIFFERS = "head-differs"
    REWRITTEN = "rewritten"
    BEHIND = "behind"


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
    `out_of_reach` those of entries before `first`, which nobody can confirm any more.
    """

    first: int
    last: int
    flaws: tuple[Flaw, ...]
    count: int
    confirmed: tuple[Checkpoint, ...]
    out_of_reach: tuple[Checkpoint, ...]

    @property
    def holds(self) -> bool:
        """True when nothing is wrong and every checkpoint is confirmed."""
        return not self.count and not self.out_of_reach


@dataclass(frozen=True, slots=True)
class Step:
    """One line on the way along the chain: its number, its list, and its entry unless it cannot be read."""

    number: int
    key: str
    line: str
    entry: Entry | None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The entry as a checkpoint; the hash that stands in the line has been found to fit."""
        return Checkpoint(self.number, self.line[:64]) if self.entry else None


def verify(redis: Redis, checkpoints: Iterable[Checkpoint] = ()) -> Verdict:
    """Read the whole log as it stands now, page by page, and hold it against itself and the checkpoints.

    Raises:
        redis.RedisError: the store is away, or a key of the log is of another type.
    """
    taken = snapshot(redis)
    return judge(taken, lines(redis, taken), checkpoints)


def judge(taken: Snapshot, found: Iterable[tuple[str, str]], checkpoints: Iterable[Checkpoint] = ()) -> Verdict:
    """Check a log, given its snapshot, and list and line of each of its entries in order."""
    asked = frozenset(checkpoints)
    numbers = {c.number for c in asked}
    flaws: list[Flaw] = []
    count, before, first = 0, None, None
    confirmed = asked & {Checkpoint(0, BEGINNING)}
    for step in _steps(found):
        wrong = [*_wrong(before, step, taken.now)]
        flaws += wrong[: MOST_FLAWS - len(flaws)]
        count += len(wrong)
        if step.number in numbers:
            confirmed |= asked & {step.checkpoint}
        first, before = first or step, step
    confirmed |= asked & {_just_before(first)}
    out_of_reach = {c for c in asked - confirmed if first and 0 < c.number < first.number}
    rest = [*_wrong_head(before, taken.head), *_unknown(before, asked - confirmed - out_of_reach)]
    return Verdict(
        first=first.number if first else 0,
        last=before.number if before else 0,
        flaws=(*flaws, *rest[: MOST_FLAWS - len(flaws)]),
        count=count + len(rest),
        confirmed=_sorted(confirmed),
        out_of_reach=_sorted(out_of_reach),
    )


def _steps(found: Iterable[tuple[str, str]]) -> Iterator[Step]:
    """Give every line its number; one that cannot be read has that of its place."""
    unread: list[str] = []
    last = 0
    for key, line in found:
        entry = _entry(line)
        if entry is None and not last:
            unread.append(key)  # its number is known when a later line can be read
            continue
        if entry is not None and not last:
            yield from _unread(unread, entry.number - len(unread))
        last = entry.number if entry else last + 1
        yield Step(last, key, line, entry)
    if not last:
        yield from _unread(unread, 1)


def _unread(keys: Iterable[str], first: int) -> Iterator[Step]:
    return (Step(number, key, "", None) for number, key in enumerate(keys, first))


def _entry(line: str) -> Entry | None:
    try:
        return Entry.from_line(line)
    except ValueError:
        return None


def _wrong(before: Step | None, step: Step, now: int) -> Iterator[Flaw]:
    if step.entry is None:
        yield Flaw(step.number, Kind.CHANGED)
        return
    yield from _wrong_tie(before, step, step.entry) if before else _wrong_first(step.entry, now)
    if month_key(step.entry.at) != step.key:
        yield Flaw(step.number, Kind.MISFILED)


def _wrong_first(entry: Entry, now: int) -> Iterator[Flaw]:
    """The first entry kept begins the log, or those before it lay in a list whose time is over."""
    begins = entry.number == 1
    if begins != ((entry.previous, entry.previous_at) == (BEGINNING, 0)):
        yield Flaw(entry.number, Kind.UNTIED)
    elif not begins and end_date(entry.previous_at) > now:
        yield Flaw(entry.number - 1, Kind.EARLY)


def _wrong_tie(before: Step, step: Step, entry: Entry) -> Iterator[Flaw]:
    due = before.number + 1
    if step.number != due:
        yield Flaw(due, Kind.MISSING if step.number > due else Kind.MISPLACED)
    elif before.entry and (entry.previous, entry.previous_at) != (before.line[:64], before.entry.at):
        yield Flaw(step.number, Kind.UNTIED)


def _wrong_head(last: Step | None, head: str | None) -> Iterator[Flaw]:
    newest = _entry(head or "")
    number = last.number if last else 0
    if head is None and last:
        yield Flaw(number, Kind.HEAD_LOST)
    elif newest and newest.number > number:
        yield Flaw(number + 1, Kind.CUT)
    elif head is not None and (last is None or head != last.line):
        yield Flaw(number, Kind.HEAD_DIFFERS)


def _just_before(first: Step | None) -> Checkpoint | None:
    """Return the last entry that has ended, of which the first kept still holds the hash."""
    return Checkpoint(first.number - 1, first.entry.previous) if first and first.entry else None


def _unknown(last: Step | None, checkpoints: Iterable[Checkpoint]) -> Iterator[Flaw]:
    number = last.number if last else 0
    for c in _sorted(checkpoints):
        yield Flaw(c.number, Kind.BEHIND if c.number > number else Kind.REWRITTEN)


def _sorted(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    return tuple(sorted(checkpoints, key=str))
