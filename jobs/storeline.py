"""The state store as a process with secrets reaches it: by a line to its parent, who asks the store in its place.

It knows neither where the store is nor any password of it. What may be said over the line: `jobs.permits`; who hears
it: `jobs.storeproxy`. There is one line, used by one thread at a time; once it is cut there is no other.
"""

import socket
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, BlockingConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

_OPTIONS = {
    "protocol": 2,
    "driver_info": None,  # nothing is said but what is asked for
    "socket_timeout": None,  # the parent's own patience with the store is what counts
    "socket_connect_timeout": None,
    "health_check_interval": 0,
    "retry": Retry(NoBackoff(), 0),
}

_stores: list[Redis] = []


def hand(pipe: Connection, line: socket.socket) -> None:
    """Hand a new process its end of the line, and keep none of it; raises OSError where the process is dead."""
    with line:
        send_handle(pipe, line.fileno(), None)


def cut() -> socket.socket:
    """Return the end of a line that leads nowhere."""
    ours, theirs = socket.socketpair()
    ours.close()
    return theirs


def take(pipe: Connection) -> None:
    """In the new process: take the end that the parent hands over; raises EOFError when there is no parent."""
    use(client_over(socket.socket(fileno=recv_handle(pipe))))


def use(store: Redis) -> None:
    """Make this the store of this process."""
    _stores[:] = [store]


def state_store() -> Redis:
    """Return the client of the state store; threads may share it.

    Raises:
        RuntimeError: this process was handed no line.
    """
    if not _stores:
        raise RuntimeError("this process has no line to the state store")
    return _stores[0]


def client_over(line: socket.socket) -> Redis:
    """Return a client whose one connection is this socket."""
    pool: Any = BlockingConnectionPool(1, None, _LineConnection, line=line, **_OPTIONS)  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


class _LineConnection(AbstractConnection):
    """A connection of redis-py's over a socket that is connected already."""

    def __init__(self, line: socket.socket, **options: Any) -> None:
        super().__init__(**options)
        self._lines = [line]

    def repr_pieces(self) -> list[tuple[str, str]]:
        return []

    def _connect(self) -> socket.socket:
        if not self._lines:
            raise RedisConnectionError("the line to the store is cut")
        return self._lines.pop()

    def _host_error(self) -> str:
        return "the line to the store"
