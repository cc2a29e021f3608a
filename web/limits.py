"""How often something may be tried: so many times within a sliding window, counted in Redis, by opaque names.

A refused try does not count, so that whoever goes on trying is let in again when the window has moved on.
"""

import ipaddress
import re
import secrets
from dataclasses import dataclass
from typing import Any

from redis import Redis
from starlette.requests import Request

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


_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")
"""`[2001:db8::1]:443`, `[2001:db8::1]`, `192.0.2.1:443`."""


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


def client_by(header: str, request: Request) -> str:
    """Return the part of a client's address by which its tries are counted.

    Args:
        header: in which a proxy names the address, in small letters; empty where clients connect directly.
        request: the client's.
    """
    if header:  # where proxies append to a list, the last entry is the nearest one's
        return network_of(",".join(request.headers.getlist(header)).rpartition(",")[2])
    return network_of(request.client.host if request.client else "")


def network_of(client: str) -> str:
    """Return the part of a client's IP address that stands for one customer.

    IPv4 whole, IPv6 its /64 (RFC 4291 §2.5.4), with or without brackets and a port, as some proxies write them
    (RFC 7239 §6). What is no IP address is returned as it is.
    """
    found = _WITH_PORT.fullmatch(client.strip().strip('"'))
    try:
        address = ipaddress.ip_address((found[1] or found[2]) if found else client.strip())
    except ValueError:
        return client
    if address.version == 6:  # noqa: PLR2004 - the protocol's name
        inner = address.ipv4_mapped
        return str(inner) if inner else str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
