"""A message is convicted of killing its process only after dying alone, three times, while other messages pass.

    a process dies ─► the next slice is careful: one message at a time, each noted before it is tried
                   ─► it dies, too: the noted message is accused, and tried again alone after a pause
                   ─► three accusations: it fails, and the rest goes on

The first death says nothing, for several messages were under way. A note outlives its slice only where the process died
on its own: a slice that was stopped, ran out of time or lost its lease has it taken away (`jobs/lua`). Anybody may kill
a process, so where several messages are accused and none has passed since, it is the machine and nobody is convicted.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from migrator.failures import PROCESS_DIED
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.records import Deferred

DEATHS = 3
PAUSES = (10.0, 25.0, 300.0)
"""Seconds from each death of a message to its next try; the last one repeats while nobody can be convicted."""

_PART = "trying"

Wanted = tuple[int, str, Mark]
"""An open message: its number, Gmail id, mark."""


class Suspects:
    """The messages that were being processed alone when a process died.

    Args:
        ledger: the migration's ledger, after what its last slice left half done was settled.
        careful: the slice before this one died, so every message is tried alone.
        progress_at: when the migration made progress last; all times in seconds since the epoch.
        clock: the time now.
    """

    def __init__(
        self, ledger: Ledger, progress_at: float, *, careful: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._careful = careful
        self._progress_at = progress_at
        self._clock = clock
        self._accused = {number: held for number, held in ledger.deferred(clock()).items() if held.word == PROCESS_DIED}
        self._accuse()

    def parts(self, wanted: Callable[[], Iterable[Wanted]]) -> Iterator[tuple[Iterator[Wanted], bool]]:
        """Yield the messages in one or two parts, each with whether they are to be tried one at a time."""
        if self._careful or self._accused:
            yield self.alone(wanted()), True
        if not self._careful:
            yield self.others(wanted()), False

    def alone(self, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
        """Yield the messages to be tried one at a time, each noted before: the accused ones that are due.

        In a careful slice all that are not accused, too.
        """
        for row in wanted:
            held = self._accused.get(row[0])
            if held.due <= self._clock() if held else self._careful:
                self._ledger.note(_PART, row[0])
                yield row

    def others(self, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
        """Yield the messages that may be tried together."""
        return (row for row in wanted if not self._careful and row[0] not in self._accused)

    def survived(self, number: int) -> None:
        """Note that the process lived through a message that was tried alone; one with an outcome is acquitted."""
        acquitted = number in self._accused and not self._is_open(number)
        self._ledger.note(_PART, None, self._ledger.accepted([number]) if acquitted else ())

    # --- accusing -----------------------------------------------------------------------------------------------------

    def _accuse(self) -> None:
        """Turn the note of a slice that died into an accusation, once."""
        number = self._ledger.load(_PART)
        if number is None:
            return
        if not self._is_open(number):
            self._ledger.note(_PART, None)
            return
        held = self._one_more(self._accused.get(number))
        if held.tries >= DEATHS and self._is_proven(number, held):
            failed = self._ledger.fail(number, Mark.FAILED_DAMAGED, "kills-the-import")
            self._ledger.write(*failed, self._ledger.keep(_PART, None))
            del self._accused[number]
        else:
            self._ledger.note(_PART, None, [self._ledger.defer(number, held)])
            self._accused[number] = held

    def _one_more(self, before: Deferred | None) -> Deferred:
        now, tries = self._clock(), before.tries + 1 if before else 1
        due = now + PAUSES[min(tries, len(PAUSES)) - 1]
        return Deferred(PROCESS_DIED, before.since if before else now, due, tries)

    def _is_proven(self, number: int, held: Deferred) -> bool:
        """True if others have passed since the message was first accused, or none but it is accused."""
        return self._progress_at > held.since or not self._accused.keys() - {number}

    def _is_open(self, number: int) -> bool:
        return Mark(self._ledger.marks()[number]).is_open
