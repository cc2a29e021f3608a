"""Looks that take seconds or minutes: taken in the background, shown with the time they were taken at."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

_log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found, when (seconds since the epoch), and in how many seconds."""

    what: T
    at: float
    seconds: float


class Slow(Generic[T]):
    """A look that is taken anew, by one thread at a time, when somebody asks and the last one is too old.

    Args:
        name: of the thread.
        find: looks.
        seconds: how old what was found may be.
    """

    def __init__(self, name: str, find: Callable[[], T], seconds: float) -> None:
        self._name = name
        self._find = find
        self._seconds = seconds
        self._lock = threading.Lock()
        self._last: Found[T] | None = None
        self._until = 0.0
        self._thread: threading.Thread | None = None

    @property
    def last(self) -> Found[T] | None:
        """What was found last; None before the first look is done."""
        return self._last

    @property
    def is_looking(self) -> bool:
        """Tell whether a look is under way."""
        return self._thread is not None and self._thread.is_alive()

    def look(self, *, anew: bool = False) -> Found[T] | None:
        """Return what was found last, and begin another look where that is too old or is wanted `anew`."""
        with self._lock:
            old = self._last is None or time.monotonic() >= self._until
            if (old or anew) and not self.is_looking:
                # A daemon: a server that stops does not wait for it.
                self._thread = threading.Thread(target=self._take, name=self._name, daemon=True)
                self._thread.start()
            return self._last

    def wait(self, seconds: float) -> None:
        """Wait for the look under way, no longer than this: most are done at once."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _take(self) -> None:
        begun = time.monotonic()
        try:
            found = self._find()
        except Exception as error:  # noqa: BLE001 - the page says how old the last look is; the next visitor looks again
            _log.critical("unhandled", place="page", error=error)
            return
        now = time.monotonic()
        self._until = now + self._seconds
        self._last = Found(found, time.time(), now - begun)
