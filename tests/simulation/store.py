"""The store as a seed reaches it: a real one, by clients that do without redis-py's pool, patience and metrics.

Those take two thirds of a command, and are for stores that are away: here none is, but by the seed's fate.
"""

from functools import lru_cache
from typing import Any

from redis import ConnectionPool, Redis

from .fate import Fate


class Store(Redis):
    """A client on the one connection that all of them share, in one thread; commands are said and heard, no more."""

    def __init__(self, url: str) -> None:
        self._line, pool = _connected(url)
        super().__init__(connection_pool=pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._line.send_command(*args)
        return self.parse_response(self._line, args[0], **options)  # type: ignore[no-untyped-call]

    def client(self) -> "Store":
        """Return this one: it is one connection's already."""
        return self

    def close(self) -> None:
        """Stay open: whoever opens a client for a while is given the one there is."""


class FatedStore(Store):
    """The store of a slice: passes a step before and after each command, and is told when the store is away."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url)
        self._fate = fate

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._step()
        answer = super().execute_command(*args, **options)
        self._step()
        return answer

    def _step(self) -> None:
        self._fate.step("store")
        self._fate.store()


@lru_cache(1)
def _connected(url: str) -> tuple[Any, ConnectionPool]:
    """Return a connection, and the pool it is from: pipelines take others of it."""
    pool: ConnectionPool = ConnectionPool.from_url(url, socket_timeout=None)
    return pool.get_connection(), pool
