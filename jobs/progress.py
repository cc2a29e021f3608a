"""How far a migration is, how fast it goes, and when it may be done: pure functions over samples.

The time left is a range, because the pace is one: Google's quota, large messages and the mailbox's host change it.
Where the pace can't be told (too few samples, or a standstill), nothing is promised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

WINDOW_SECONDS = 300.0
"""The pace is that of the last five minutes: longer than a pause for a minute's quota, shorter than a coffee."""

LEAST_SECONDS = 5.0
"""No pace is told from less."""

_PARTS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """What was done at one moment: `at` in seconds (any clock that only goes on), messages with an outcome, bytes."""

    at: float
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A pace: messages per second, bytes per second."""

    messages: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How a migration stands.

    `done` counts messages by outcome; `eta_seconds` is (at best, at worst) from now, None when it can't be told.
    """

    total: int
    done: Mapping[str, int]
    bytes: int
    rate: Rate | None
    eta_seconds: tuple[float, float] | None

    @property
    def left(self) -> int:
        """Messages without an outcome."""
        return max(0, self.total - sum(self.done.values()))


def progress_of(
    total: int, done: Mapping[str, int], samples: Sequence[Sample], *, bytes_left: int | None = None
) -> Progress:
    """Put a progress together from the ledger's sums and the samples taken of them, oldest first.

    `bytes_left`, where known, widens the range: few large messages take longer than their number says.
    """
    left = max(0, total - sum(done.values()))
    size = samples[-1].bytes if samples else 0
    return Progress(total, dict(done), size, rate_of(samples), eta_of(samples, left, bytes_left))


def rate_of(samples: Sequence[Sample]) -> Rate | None:
    """Return the pace of the last five minutes, or None from less than five seconds."""
    recent = _recent(samples)
    return _pace(recent[0], recent[-1]) if _long_enough(recent) else None


def eta_of(samples: Sequence[Sample], messages_left: int, bytes_left: int | None = None) -> tuple[float, float] | None:
    """Return the seconds left at best and at worst: at the fastest and the slowest pace lately seen.

    None when nothing can be told: too few samples, or a standstill.
    """
    if messages_left == 0:
        return (0.0, 0.0)
    recent = _recent(samples)
    if not _long_enough(recent):
        return None
    paces = [_pace(recent[0], recent[-1]), *(_pace(a, b) for a, b in pairwise(_thirds(recent)))]
    speeds = [(messages_left, pace.messages) for pace in paces]
    if bytes_left:
        speeds += [(bytes_left, pace.bytes) for pace in paces]
    if any(speed <= 0 for _, speed in speeds):
        return None
    guesses = [left / speed for left, speed in speeds]
    return min(guesses), max(guesses)


def _recent(samples: Sequence[Sample]) -> Sequence[Sample]:
    return [sample for sample in samples if sample.at >= samples[-1].at - WINDOW_SECONDS]


def _long_enough(samples: Sequence[Sample]) -> bool:
    return len(samples) > 1 and samples[-1].at - samples[0].at >= LEAST_SECONDS


def _thirds(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples nearest to the borders of three equal spans of time, without repeats."""
    first, last = samples[0], samples[-1]
    borders = [first.at + (last.at - first.at) * part / _PARTS for part in range(_PARTS + 1)]
    return list(dict.fromkeys(_nearest(samples, border) for border in borders))


def _nearest(samples: Sequence[Sample], at: float) -> Sample:
    return min(samples, key=lambda sample: abs(sample.at - at))


def _pace(first: Sample, last: Sample) -> Rate:
    seconds = last.at - first.at
    return Rate((last.messages - first.messages) / seconds, (last.bytes - first.bytes) / seconds)
