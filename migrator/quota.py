"""Google's units per minute, paced in Redis for all workers together.

A bucket per (Google project, account): every call reserves its units and is told how long to wait before it goes out.
Reservations may run into debt, so waiting callers are served in order and none is starved. In the same round trip the
call is counted by its method, for the receipt: a call is counted before it goes out, so none goes out uncounted.
Units and ceilings: Gmail API, "Usage limits". "Per minute" is read as any 60 seconds, which rate and burst respect.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from redis import Redis

ProfileName = Literal["new", "legacy", "off"]

Method = Literal[
    "users.getProfile", "users.labels.list", "users.messages.list", "users.messages.get", "users.history.list"
]
"""Every Gmail API method that is ever called, by Google's name for it."""

_USED_SECONDS = 24 * 3600
"""So long it is known how many units a project used in which minute: the hash `used:<minute>`, units by project."""

_CALLS_SECONDS = 72 * 3600
"""The counts' end date, as a net; `jobs.retention` sets it earlier."""

# KEYS: the bucket, then the hash of counts, if calls are counted. ARGV: units, rate (0: no pacing), burst, method,
# seconds the counts may live, seconds the units used in one minute are known.
RESERVE = """
if KEYS[2] and redis.call('HINCRBY', KEYS[2], ARGV[4], 1) == 1 and redis.call('TTL', KEYS[2]) < 0 then
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
local project = string.match(KEYS[1], '^quota:(.*):')
local now = redis.call('TIME')
if project then
  local used = 'used:' .. string.format('%d', math.floor(tonumber(now[1]) / 60) * 60)
  redis.call('HINCRBY', used, project, ARGV[1])
  redis.call('EXPIRE', used, ARGV[6])
end
local units, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if rate == 0 then return '0' end
now = tonumber(now[1]) + tonumber(now[2]) / 1e6
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local passed = math.max(0, now - (tonumber(held[2]) or now)) -- a clock that was set back takes nothing away
local tokens = math.min(burst, (tonumber(held[1]) or burst) + passed * rate) - units
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], 3600)
return tostring(math.max(0, -tokens / rate))
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a Google project may use: units per minute and user, units per method, concurrent gets per account."""

    per_minute: int
    get: int
    list: int
    history: int
    other: int
    fetchers: int

    def units(self, method: Method) -> int:
        """Return what one call of a method costs."""
        costs = {"users.messages.get": self.get, "users.messages.list": self.list, "users.history.list": self.history}
        return costs.get(method, self.other)


PROFILES: dict[ProfileName, Profile] = {
    "new": Profile(per_minute=6_000, get=20, list=5, history=2, other=1, fetchers=2),
    "legacy": Profile(per_minute=15_000, get=5, list=5, history=2, other=1, fetchers=8),
    "off": Profile(per_minute=0, get=0, list=0, history=0, other=0, fetchers=8),
}

PROJECT_PER_MINUTE = 1_200_000
"""Units that Google lets one project use in a minute, of all accounts together (Gmail API, "Usage limits")."""

_SHARE = 0.975
"""Share of the ceiling that is used: with the burst the sum of any 60 s stays below 100 %."""


class Meter:
    """Reserves units for one account; shared by all workers through Redis.

    Args:
        redis: where the bucket lives.
        key: the Google project, a colon, and an opaque name of the account; never an address.
        profile: the ceilings.
        calls: name of the hash where calls are counted by method; empty where nobody asks for them.
    """

    def __init__(self, redis: "Redis", key: str, profile: Profile, *, calls: str = "") -> None:
        self.keys = [f"quota:{key}", calls] if calls else [f"quota:{key}"]
        self._counts = bool(calls)
        self.profile = profile
        self._rate = profile.per_minute / 60 * _SHARE
        self._burst = float(max(profile.get, profile.per_minute / 200))
        self._script = redis.register_script(RESERVE)

    def reserve(self, units: int, method: str = "unnamed") -> float:
        """Count a call of `method`, take its `units`, and return the seconds to wait before it may go out."""
        if not self._rate and not self._counts:
            return 0.0
        return float(self._script(keys=self.keys, args=self._args(units, method)))

    def every_request(self) -> list[list[str | float]]:
        """Return whatever the store may be asked with `keys` by `RESERVE`, to reserve one call: the arguments."""
        return [self._args(self.profile.units(method), method) for method in get_args(Method)]

    def _args(self, units: int, method: str) -> list[str | float]:
        return [units, self._rate, self._burst, method, _CALLS_SECONDS, _USED_SECONDS]
