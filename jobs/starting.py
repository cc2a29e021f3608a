"""A worker's processes, each started before an import is taken: who cannot start one takes no work from who can.

In trouble one thread tries again after growing pauses, the others wait for it. The worker goes on as soon as a start
goes well. Where none does for long it ends, for its unit to start it anew: that makes its folder again and sets its
limits as the unit says, which the worker itself cannot.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from jobs.nursery import newborn
from jobs.settings import WorkerSettings
from jobs.spawning import TROUBLE, CannotStart, Child

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try; the last one repeats."""


class Starts:
    """Starts the processes of one worker; sets `stop` when it gives up, and is `hopeless` then."""

    def __init__(self, settings: WorkerSettings, stop: threading.Event) -> None:
        self.hopeless = False
        self._settings = settings
        self._stop = stop
        self._turn = threading.Lock()
        self._tries = 0

    def child(self) -> AbstractContextManager[Child | None]:
        """Give a process that is ready, or None when the worker is to end; waits as long as there is trouble."""
        return self._child()

    @contextmanager
    def _child(self) -> Iterator[Child | None]:
        with ExitStack() as stack:
            child = None if TROUBLE.code else self._tried(stack)
            while child is None and not self._stop.is_set():
                with self._turn:
                    child = self._tried_later(stack)
            yield child

    def _tried_later(self, stack: ExitStack) -> Child | None:
        if TROUBLE.code and self._stop.wait(PAUSES[min(self._tries, len(PAUSES) - 1)]):
            return None
        self._tries += 1
        child = self._tried(stack)
        if child:
            self._tries = 0
        elif TROUBLE.seconds >= self._settings.trouble_seconds:
            self.hopeless = True
            self._stop.set()
        return child

    def _tried(self, stack: ExitStack) -> Child | None:
        try:
            return stack.enter_context(newborn(self._settings.memory_mib, self._settings.readable))
        except CannotStart:
            return None
