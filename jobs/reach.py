"""How a store is reached: one Redis by its URL, or the master that its Sentinels name.

    redis://user:password@host:6379/0        rediss:// for TLS, unix:///path?db=0 for a socket
    redis+sentinel://user:password@host1:26379,host2:26379,host3:26379/service/0       rediss+sentinel:// for TLS

Every client of a store is made here. A URL's query takes what redis-py takes (`ssl_ca_certs=/path`), and, with
Sentinels, `sentinel_username` and `sentinel_password`: they have users of their own. TLS is then spoken with both.
"""

import socket
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from migrator.egress import Place

_SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_PORT = 26379
_FILES = frozenset({"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"})
_ASK_SECONDS = 1.0
"""A Sentinel answers at once or is passed over for the next."""

_LONGEST_SECONDS = 10.0
"""With Sentinels nobody waits longer for one answer: a master that hangs has a successor by then."""

_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}.items()
    if hasattr(socket, name)  # not every system has all of them
}
"""A master whose machine is gone says nothing more: the connection is given up after some ten seconds."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who is asked for the master of a service, and how the master is spoken with.

    Attributes:
        places: host and port of each Sentinel.
        service: the name under which they watch the master.
        master: redis-py's arguments for a connection to it, with its password.
        own: the same for a connection to a Sentinel.
    """

    places: tuple[Place, ...]
    service: str
    master: dict[str, Any] = field(repr=False)
    own: dict[str, Any] = field(repr=False)


class _Watched(AsyncRedis):
    """A client that closes its connections to the Sentinels, too: in an event loop nobody else would."""

    sentinels: tuple[AsyncRedis, ...] = ()

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - as redis-py has it
        await super().aclose(close_connection_pool)
        for one in self.sentinels:
            await one.aclose()


def sentinels_of(url: str) -> Sentinels | None:
    """Take a Sentinel URL apart; None for the URL of one Redis.

    Raises:
        ValueError: the URL is no store's.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        _parse(url)
        return None
    user, _, hosts = parts.netloc.rpartition("@")
    _, service, *database = parts.path.split("/")
    if not service:
        raise ValueError("a Sentinel URL ends with the service's name: redis+sentinel://host:26379/service/0")
    plain = f"{user}@host" if user else "host"
    master = _parse(urlunsplit((_SCHEMES[parts.scheme], plain, "/".join(["", *database]), parts.query, "")))
    for name in ("host", "connection_class"):
        master.pop(name, None)
    own = {name: master.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in master}
    if parts.scheme == "rediss+sentinel":
        master["ssl"] = True
        own |= {name: value for name, value in master.items() if name.startswith("ssl")}
    return Sentinels(tuple(map(_place, hosts.split(","))), service, master, own)


def open_store(url: str, timeout: float, *, retry: Retry | None = None, health_check_interval: int = 0) -> Redis:
    """Return a client of a store; nothing is connected before its first use.

    Args:
        url: see above.
        timeout: seconds one answer may take; with Sentinels ten at most.
        retry: redis-py's own patience; its usual one when None.
        health_check_interval: seconds a connection may rest before it is tried with a PING.
    """
    options = _options(retry, health_check_interval)
    watched = sentinels_of(url)
    if watched is None:
        return Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=min(timeout, 5), **options)
    asking = _asking(watched, Retry(NoBackoff(), 0))
    asked = Sentinel(watched.places, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    master = cast("Any", asked).master_for(watched.service, **_with_master(watched, timeout), **options)
    return cast("Redis", master)


def open_store_async(url: str, timeout: float, *, health_check_interval: int = 0) -> AsyncRedis:
    """Return a client for use in an event loop; it closes its connections as a context manager."""
    options = _options(None, health_check_interval)
    watched = sentinels_of(url)
    if watched is None:
        return AsyncRedis.from_url(url, socket_timeout=timeout, socket_connect_timeout=min(timeout, 5), **options)
    asking = _asking(watched, AsyncRetry(NoBackoff(), 0))
    asked = cast("Any", AsyncSentinel)(watched.places, sentinel_kwargs=asking)
    made = asked.master_for(watched.service, _Watched, **_with_master(watched, timeout), **options)
    made.sentinels = asked.sentinels
    return cast("AsyncRedis", made)


def undecoded(store: Redis) -> Redis:
    """Return a client over the connections of this one, whose answers are what the store said."""
    same = Redis(connection_pool=store.connection_pool)
    same.response_callbacks.clear()
    return same


def _options(retry: Retry | None, health_check_interval: int) -> dict[str, Any]:
    return {"health_check_interval": health_check_interval, **({"retry": retry} if retry else {})}


def _with_master(watched: Sentinels, timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": min(timeout, _LONGEST_SECONDS),
        "socket_connect_timeout": min(timeout, 2),
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        **watched.master,
    }


def _asking(watched: Sentinels, retry: Retry | AsyncRetry) -> dict[str, Any]:
    return {"socket_timeout": _ASK_SECONDS, "socket_connect_timeout": _ASK_SECONDS, "retry": retry, **watched.own}


def _parse(url: str) -> dict[str, Any]:
    return cast("dict[str, Any]", parse_url(url))  # type: ignore[no-untyped-call] # redis-py's own is not annotated


def _place(text: str) -> Place:
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", "")
    return host.strip("[]"), int(port or _PORT)
