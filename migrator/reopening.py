"""Messages that failed, opened again by choice: tried once more, as if they had never been read.

What lies in the mailbox already is recognised there, as ever: a message that reached some of its folders and failed in
another is forgotten where it lies, and its UID counts as unexplained. Messages that arrived and were moved or removed
later stay failed: brought again, those that were moved would be there twice.
"""

from collections.abc import Iterable, Iterator

from migrator.ledger import Command, Ledger
from migrator.outcome import Mark

RETRIED = frozenset({Mark.FAILED_REFUSED, Mark.FAILED_FOLDER, Mark.FAILED_DAMAGED, Mark.FAILED_GOOGLE})
"""The failures that a new try may change."""

_PART = "retry"
_AT_ONCE = 500


def is_asked(ledger: Ledger) -> bool:
    """Tell whether failed messages are to be tried again (`jobs.retrying` writes that down)."""
    return bool(ledger.load(_PART))


def reopen(ledger: Ledger) -> None:
    """Open every message again whose failure a new try may change; cut off in between, it is done once more."""
    marks = ledger.marks()
    numbers = [number for number, mark in enumerate(marks) if mark in RETRIED]
    partly = {number for number in numbers if marks[number] == Mark.FAILED_FOLDER}  # it may lie in another one
    for folder, state in ledger.folders().items() if partly else ():
        records, commands = ledger.unplaced(folder, partly)
        if records:
            ledger.write(*commands, ledger.folder(folder, state.with_gaps(record.uid for record in records)))
    for some in _chunks(numbers):
        ledger.write(*(command for number in some for command in _opened(ledger, number)))
    ledger.write(*(("DEL", ledger.key(part)) for part in ("verified", "hold", _PART)))


def _opened(ledger: Ledger, number: int) -> Iterable[Command]:
    """Nobody knows any more how large it is, so it is read as the large ones are."""
    return ledger.reopened(number, Mark.PENDING_LARGE)


def _chunks(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[begin : begin + _AT_ONCE] for begin in range(0, len(numbers), _AT_ONCE))
