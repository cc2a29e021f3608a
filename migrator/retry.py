"""Patience, in one place: how long to wait and how often to try again.

Every wait of the migration goes through `Patience`, so a stop request ends it at once, and a test can turn waiting off.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from migrator.errors import MigrationError, Transient

T = TypeVar("T")

TRIES = 6
"""Google asks for truncated exponential backoff on 5xx and 429 (Gmail API, "Resolve errors")."""


_GLANCE = 0.1
"""Seconds after which a wait looks whether a stop was asked for."""


class Stopped(MigrationError):
    """The slice was asked to stop while it waited."""

    code = "stopped"


class Patience:
    """Waits that end early when the slice is asked to stop; `over` tells when it should take on nothing new.

    Args:
        seconds: how long the slice may still run.
        asked: tells whether the slice was asked to stop.
        scale: 0 turns all waiting off (tests).
    """

    def __init__(
        self, seconds: float = 3600.0, asked: Callable[[], bool] = lambda: False, *, scale: float = 1.0
    ) -> None:
        self._stop = threading.Event()
        self._end = time.monotonic() + seconds
        self._asked = asked
        self._scale = scale

    def stop(self) -> None:
        """End every wait, now and later."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """True when the slice was asked to stop."""
        return self._stop.is_set() or self._asked()

    @property
    def over(self) -> bool:
        """True when the slice should take on nothing new."""
        return self.stopped or time.monotonic() >= self._end

    def wait(self, seconds: float) -> None:
        """Wait; raise `Stopped` when the slice is asked to stop meanwhile."""
        end = time.monotonic() + seconds * self._scale
        while (left := end - time.monotonic()) > 0:
            if self.stopped:
                raise Stopped
            self._stop.wait(min(left, _GLANCE))

    def retrying(self, *kinds: type[MigrationError], tries: int = TRIES, longest: float = 32.0) -> Retrying:
        """Return a tenacity policy: full jitter from 0.5 s, the last error raised as it is."""
        return Retrying(
            retry=retry_if_exception_type(kinds),
            wait=wait_random_exponential(multiplier=0.5, max=longest),
            stop=stop_after_attempt(tries),
            sleep=self.wait,
            reraise=True,
        )


def attempt(patience: Patience, action: Callable[[], T], *, tries: int = TRIES) -> T:
    """Call `action` until it gives no `Transient` error, with full-jitter backoff."""
    return patience.retrying(Transient, tries=tries)(action)
