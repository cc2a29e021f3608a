"""How long an import may take, before it began: at Google's pace at best, and what slows it at worst."""

from dataclasses import dataclass
from typing import Literal

from migrator.quota import Profile

_UNPACED = 50.0
"""Messages a second where no quota sets the pace: what mailbox servers take."""

_SLOWER = 2.0
"""Large messages, busy servers and Google's own limits on bursts double the time now and then."""

_BYTES_A_DAY = 2.5e9
"""What Google lets be read from an account in a day (Google Workspace Admin Help, "Gmail bandwidth limits")."""

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds at best and at worst; what the worst case comes from; the pace in messages a second."""

    best: float
    worst: float
    limit: Literal["pace", "bytes"]
    pace: float


def pace_of(profile: Profile) -> float:
    """Return the messages a second that Google's quota allows one account."""
    return profile.per_minute / profile.get / 60 if profile.get else _UNPACED


def estimate(messages: int, at_most_bytes: float, profile: Profile) -> Estimate:
    """Return how long that many messages take, of that many bytes at most."""
    pace = pace_of(profile)
    best, by_bytes = messages / pace, at_most_bytes / _BYTES_A_DAY * _DAY if profile.get else 0.0
    by_pace = best * _SLOWER
    # A day's bytes may all be read at once: the limit only bites beyond them.
    if by_bytes > max(by_pace, _DAY):
        return Estimate(best, by_bytes, "bytes", pace)
    return Estimate(best, by_pace, "pace", pace)
