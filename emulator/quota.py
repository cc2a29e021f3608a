"""Google's limits: units per minute, requests at once, bytes per day.

Units: a project made since 2026-05-01 ("new") has 6,000 units a minute for each user and 20 for a messages.get; an
older one ("legacy") 15,000 and 5. Both have 1,200,000 a minute for the whole project
(developers.google.com/workspace/gmail/api/reference/quota).

How Google meters "per minute" is not documented. Here: the units granted in a rolling window that is one second
short of a minute, each at its own time. A client that paces itself exactly at the ceiling is never refused, however
its requests jitter within that second; one that asks for a minute's units at once is refused at the first unit over,
and one that goes on 2 % too fast is refused within the minute. Refused requests use no units.

Requests at once and bytes a day follow what users report: about 10 at once; when the bytes are used up every request
answers 429 with a time in its message text until that time has come. Bytes are counted as sent, after compression.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.errors import refusal, retry_after
from emulator.settings import Settings

WINDOW_SECONDS = 59.0
PROJECT_UNITS = 1_200_000
_CHEAP = {"messages.list": 5, "history.list": 2, "labels.list": 1, "labels.get": 1, "getProfile": 1}


@dataclass(frozen=True, slots=True)
class Profile:
    """Units a minute for each user, and what the dear methods cost; the others cost the same in both profiles."""

    units: int
    costs: Mapping[str, int]


PROFILES: Mapping[str, Profile] = {
    "new": Profile(6_000, _CHEAP | {"messages.get": 20}),
    "legacy": Profile(15_000, _CHEAP | {"messages.get": 5}),
}


@dataclass(slots=True)
class Window:
    """Units granted in the last `WINDOW_SECONDS`."""

    granted: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def has_room(self, now: float, units: int, limit: float) -> bool:
        """Tell whether `units` more at `now` (seconds, any clock that never goes back) stay within `limit`."""
        while self.granted and self.granted[0][0] <= now - WINDOW_SECONDS:
            self.total -= self.granted.popleft()[1]
        return self.total + units <= limit

    def grant(self, now: float, units: int) -> None:
        """Count `units` as used at `now`."""
        self.granted.append((now, units))
        self.total += units


@dataclass(slots=True)
class Meter:
    """What one account uses: its window, requests running now, bytes of the day; parked until a time of day."""

    window: Window = field(default_factory=Window)
    running: int = 0
    sent: int = 0
    parked_until: float = 0.0


@dataclass(slots=True)
class Quotas:
    """All accounts' meters and the project's window."""

    project: Window = field(default_factory=Window)
    meters: dict[str, Meter] = field(default_factory=dict)

    def meter(self, address: str) -> Meter:
        """Return the account's meter."""
        return self.meters.setdefault(address, Meter())


def clear(quotas: Quotas) -> None:
    """Forget all use; requests that still run stay counted as running."""
    quotas.project = Window()
    for meter in quotas.meters.values():
        meter.window, meter.sent, meter.parked_until = Window(), 0, 0.0


def cost(settings: Settings, method: str) -> int:
    """Return the units of a method; 0 while nothing is metered, 1 for methods the table does not name."""
    profile = PROFILES.get(settings.quota)
    return profile.costs.get(method, 1) if profile else 0


def charge(quotas: Quotas, settings: Settings, address: str, method: str, now: float, clock: float) -> int:
    """Charge one request and return its units; `now` is monotonic, `clock` the time of day, both in seconds.

    The caller has counted the request as running already.

    Raises:
        Refused: too many at once, the day's bytes are used up, or the minute's units are.
    """
    profile = PROFILES.get(settings.quota)
    if profile is None:
        return 0
    meter, units = quotas.meter(address), cost(settings, method)
    if 0 < settings.concurrency < meter.running:
        raise refusal("tooManyConcurrent")
    _check_bytes(meter, settings, clock)
    shape = "quotaMetric" if settings.quota_status == 429 else "rateLimitExceeded"  # noqa: PLR2004
    if not meter.window.has_room(now, units, profile.units * settings.scale):
        raise refusal(shape)
    if not quotas.project.has_room(now, units, PROJECT_UNITS * settings.scale):
        raise refusal("projectQuotaMetric")
    meter.window.grant(now, units)
    quotas.project.grant(now, units)
    return units


def _check_bytes(meter: Meter, settings: Settings, clock: float) -> None:
    if clock < meter.parked_until:
        raise retry_after(meter.parked_until)
    if 0 < settings.bandwidth_bytes <= meter.sent:
        meter.sent, meter.parked_until = 0, clock + settings.bandwidth_pause
        raise retry_after(meter.parked_until)
