"""Simulated time: nothing sleeps, every wait moves the clock, and the product reads it as its own."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType

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


def look_up_late() -> None:
    """Have functions of ours that take `time.time` as a default ask for it when they are called, not when made."""
    real = {time.time: lambda: time.time(), time.monotonic: lambda: time.monotonic()}  # noqa: PLW0108 - looked up late
    ours = [vars(m) for name, m in sys.modules.items() if name.startswith(("migrator.", "jobs.", "app."))]
    classes = [vars(value) for module in ours for value in module.values() if isinstance(value, type)]
    for function in (value for scope in (*ours, *classes) for value in scope.values()):
        if isinstance(function, FunctionType):
            function.__defaults__ = tuple(map(_in_place_of(real), function.__defaults__ or ())) or None
            function.__kwdefaults__ = {k: _in_place_of(real)(v) for k, v in (function.__kwdefaults__ or {}).items()}


def _in_place_of(others: dict[Callable[[], float], Callable[[], float]]) -> Callable[[object], object]:
    return lambda value: others.get(value, value) if isinstance(value, BuiltinFunctionType) else value  # type: ignore[call-overload]


class SimulatedPatience(Patience):
    """The product's patience, whose waits move the clock."""

    def wait(self, seconds: float) -> None:
        if self.stopped:
            raise Stopped
        time.sleep(seconds)
