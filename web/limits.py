"""How often something may be tried: so many times within a sliding window, counted in Redis, by opaque names.

A refused try does not count, so that whoever goes on trying is let in again when the window has moved on.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from redis import Redis

# KEYS: the window. ARGV: most, seconds, a name for this try ('' counts none), now or ''.
# Answer: 0, or the milliseconds to wait.
_TRY = """
local most, seconds, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - seconds)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 1, '+inf') -- tried before the clock was set back
if redis.call('ZCARD', KEYS[1]) >= most then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, math.ceil((oldest[2] + seconds - now) * 1000))
end
if ARGV[3] == '' then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('EXPIRE', KEYS[1], seconds)
return 0
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries (`most`) in so many `seconds`; `name` says of what, in small letters and dashes."""

    name: str
    most: int
    seconds: int


EVERYBODY = "everybody"
"""Whose tries are counted where a limit holds for all together."""


def seconds_to_wait(redis: Redis, limit: Limit, who: str, *, now: float | None = None, count: bool = True) -> int:
    """Count a try and return 0, or return the whole seconds after which the next one is let through.

    Args:
        redis: the state store.
        limit: how often.
        who: an opaque name (`Vault.pseudonyms`), never an address.
        now: seconds since the epoch, the server's clock when None.
        count: False only looks whether a try would be let through.
    """
    client: Any = redis
    key = f"limit:{limit.name}:{who}"
    at = "" if now is None else repr(now)
    name = secrets.token_hex(8) if count else ""
    return -(-int(client.eval(_TRY, 1, key, limit.most, limit.seconds, name, at)) // 1000)


def give_back(redis: Redis, limit: Limit, who: str) -> None:
    """Let the latest try by a name not have counted: it guessed nothing."""
    redis.zpopmax(f"limit:{limit.name}:{who}")
