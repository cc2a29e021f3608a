"""Refusals and the ledger: what earlier slices deferred is read, and what follows from this one is written down."""

from collections.abc import Iterable, Iterator

from migrator.ledger import Command, Ledger
from migrator.outcome import Mark
from migrator.pauses import is_in_vain
from migrator.records import Deferred
from migrator.refusals import Refusals, Tried, Verdicts

_AT_ONCE = 500


def refusals_of(ledger: Ledger, now: float) -> Refusals:
    """Return the refusals of a new slice: none yet, but what earlier slices deferred."""
    marks = ledger.marks()
    before = {number: held for number, held in ledger.deferred(now).items() if _is_open(marks, number)}
    used = [int(name[7:]) for name, count in ledger.counts().items() if name.startswith("folder:") and count]
    return Refusals(before, now, used, fresh=open_count(marks) > len(before), wary=is_in_vain(ledger))


def judge(ledger: Ledger, refusals: Refusals, now: float) -> bool:
    """Decide about what was refused and write it down; return whether the mailbox accepts nothing at present."""
    marks = ledger.marks()
    seen = {number for number in refusals.seen() if _is_open(marks, number)}
    verdicts = refusals.verdicts(now, fresh=open_count(marks) > len(seen))
    for some in _chunks(_failures(ledger, verdicts.failed)):
        ledger.write(*some)
    settled = {number for number in ledger.deferred() if not _is_open(marks, number)}
    for some in _chunks(_deferrals(ledger, refusals, verdicts, settled)):
        ledger.jot(*some)
    return verdicts.in_trouble


def open_count(marks: bytes) -> int:
    """Return how many messages have no outcome."""
    return marks.count(bytes([Mark.PENDING])) + marks.count(bytes([Mark.PENDING_LARGE]))


def _is_open(marks: bytes, number: int) -> bool:
    return number < len(marks) and Mark(marks[number]).is_open


def _failures(ledger: Ledger, failed: dict[int, Tried]) -> Iterator[Command]:
    """Yield the commands for messages whose tries are used up: in one of several folders, or altogether."""
    partials = ledger.partials() if failed else {}
    for number, entry in failed.items():
        mark = Mark.FAILED_FOLDER if entry.whole else Mark.FAILED_REFUSED
        if number in partials:
            yield from ledger.accepted([number])  # its other folders have tries of their own
            yield from ledger.fail_in(number, partials[number], entry.folder, mark, entry.word)
        else:
            yield from ledger.fail(number, mark, entry.word)


def _deferrals(ledger: Ledger, refusals: Refusals, verdicts: Verdicts, settled: set[int]) -> Iterator[Command]:
    gone = (refusals.cleared() | settled) - verdicts.deferred.keys()
    yield from ledger.accepted(sorted(gone))
    changed: Iterable[tuple[int, Deferred]] = (
        (number, held) for number, held in verdicts.deferred.items() if refusals.before.get(number) != held
    )
    yield from (ledger.defer(number, held) for number, held in changed)


def _chunks(commands: Iterable[Command]) -> Iterator[list[Command]]:
    rows = list(commands)
    return (rows[begin : begin + _AT_ONCE] for begin in range(0, len(rows), _AT_ONCE))
