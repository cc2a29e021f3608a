"""How much of the store one process may take: half of the time in the long run, and some seconds more."""

import time
from collections.abc import Callable

SHARE = 0.5
BURST_SECONDS = 10.0
"""A slice that is no flood never takes that much; one that does is slowed down, so that others get their turn."""

_MOST_AT_ONCE = 2.0


class Pace:
    """Counts what the commands of one process take, here and in the store, which all processes share."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = BURST_SECONDS
        self._at = clock()

    def took(self, seconds: float) -> None:
        """Count a command; one that waited for a store that hung counts no more than a slow one."""
        self._refill()
        self._left -= min(seconds, _MOST_AT_ONCE)

    def pause(self) -> float:
        """Return how many seconds the next command has to wait."""
        self._refill()
        return max(0.0, -self._left / SHARE)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(BURST_SECONDS, self._left + (now - self._at) * SHARE)
        self._at = now
