"""Simulated time: nothing sleeps, every wait moves the clock, and the product reads it as its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from migrator.retry import Patience, Stopped

START = 2_000_000_000.0
"""18 May 2033, 03:33:20 UTC: later than the real clock of the store, so that no key ends while a seed runs."""


class Clock:
    """Seconds since the epoch, moved by whoever waits."""

    def __init__(self) -> None:
        self.now = START

    def read(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def until(self, moment: float) -> None:
        self.now = max(self.now, moment)

    @contextmanager
    def rules(self) -> Iterator[None]:
        """Have `time` tell this clock's time inside the block."""
        real = time.time, time.monotonic, time.sleep
        time.time, time.monotonic, time.sleep = self.read, self.read, self.forward
        try:
            yield
        finally:
            time.time, time.monotonic, time.sleep = real


class SimulatedPatience(Patience):
    """The product's patience, whose waits move the clock."""

    def wait(self, seconds: float) -> None:
        if self.stopped:
            raise Stopped
        time.sleep(seconds)
