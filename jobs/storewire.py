"""One connection to the store, kept for one process: what was checked is sent as it is, and the answer comes as it is.

A client of redis-py takes three times as long for a command, most of it for what is of no use here; there is one for
every message that is imported.
"""

from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from jobs.resp import packed


class StoreWire:
    """A connection from the client's own pool: made when it is first used, patient as the client is."""

    def __init__(self, store: Redis) -> None:
        self._pool: Any = store.connection_pool
        self._connection: Any = None

    def ask(self, command: list[bytes]) -> object:
        """Return the store's answer; raises `redis.RedisError` as a client does."""
        if self._connection is None:
            self._connection = self._pool.get_connection()
        return self._connection.retry.call_with_retry(lambda: self._asked(packed(command)), self._broken)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._pool.release(self._connection)

    def _asked(self, words: bytes) -> object:
        try:
            self._connection.send_packed_command([words])
            return self._connection.read_response(disable_decoding=True)
        except ResponseError:
            raise
        except BaseException:  # whatever comes now is the answer to something else
            self._connection.disconnect()
            raise

    def _broken(self, _: Exception) -> None:
        self._connection.disconnect()
