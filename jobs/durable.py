"""In the store is not yet on its disk: a killed store may forget what it answered in the last two seconds.

It writes its log before it answers, but (`appendfsync everysec`) puts that off for up to two seconds while an fsync is
under way: measured, a store with a slow disk forgets more than a second when it is killed. Nearly all of the state can
bear that, the work is done again. What a person was promised, and what is about to be destroyed, can't: it waits here.
"""

import time

import structlog
from redis import Redis
from redis.exceptions import ResponseError

_log = structlog.get_logger()

_MARK = "durable:mark"
_MARK_SECONDS = 60
_STEP_MS = 500
"""Shorter than any time-out of a client for one answer."""

_PATIENCE_SECONDS = 10.0


def wait_for_disk(redis: Redis) -> bool:
    """Return when everything this process has written is on the store's own disk; at most ten seconds later.

    False where that is not known: the disk takes longer, the store keeps no log, or it can't tell (WAITAOF came with
    Redis 7.2 and Valkey: https://valkey.io/commands/waitaof/). Raises `redis.RedisError` when the store is away.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    with redis.client() as connection:  # type: ignore[no-untyped-call]
        # WAITAOF waits for what its own connection wrote, and so for all that was written before.
        connection.set(_MARK, 1, ex=_MARK_SECONDS)
        try:
            while not connection.waitaof(1, 0, _STEP_MS)[0]:
                if time.monotonic() >= until:
                    _log.warning("disk-slow")
                    return False
        except ResponseError:
            return False
        finally:
            connection.unlink(_MARK)
    return True
