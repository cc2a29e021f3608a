"""What is in the store is not yet on its disk: a killed store may forget what it answered in the last two seconds.

It writes its log before it answers, but (`appendfsync everysec`) puts that off for up to two seconds while an fsync is
under way: measured, a store with a slow disk forgets more than a second when it is killed. Where replicas stand by, the
one that takes over knows only what had reached it. Nearly all of the state can bear that, the work is done again. What
a person was promised, and what is about to be destroyed, can't: it waits here.

A store that died just before the wait may have forgotten it all the same, and then another answers: whoever must not go
on without what he wrote looks, after the wait, whether it is there (`Forgotten`).
"""

import time

import structlog
from redis import Redis
from redis.exceptions import RedisError, ResponseError

_log = structlog.get_logger()

_MARK = "durable:mark"
_MARK_SECONDS = 60
_STEP_MS = 500
"""Shorter than any time-out of a client for one answer."""

_PATIENCE_SECONDS = 10.0


class Forgotten(RedisError):
    """The store no longer knows what it answered: it was killed, or its replica followed it, just before the wait."""


def wait_for_disk(redis: Redis) -> bool:
    """Return when all this process has written is on the store's own disk, and with a replica if there are any.

    At most ten seconds later: False where that is not known, for the disk or the replicas take longer, the store keeps
    no log, or it can't tell (WAITAOF came with Redis 7.2 and Valkey: https://valkey.io/commands/waitaof/).
    Raises `redis.RedisError` when the store is away.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    with redis.client() as connection:  # type: ignore[no-untyped-call]
        # Both wait for what their own connection wrote, and so for all that was written before.
        connection.set(_MARK, 1, ex=_MARK_SECONDS)
        try:
            return _is_with_a_replica(connection, until) and _is_on_disk(connection, until)
        except ResponseError:
            return False
        finally:
            connection.unlink(_MARK)


def _is_with_a_replica(connection: Redis, until: float) -> bool:
    """Return when one replica has it, or there is none."""
    while int(connection.info("replication").get("connected_slaves", 0)):
        if connection.wait(1, _STEP_MS):
            return True
        if time.monotonic() >= until:
            _log.warning("replica-slow")
            return False
    return True


def _is_on_disk(connection: Redis, until: float) -> bool:
    while not connection.waitaof(1, 0, _STEP_MS)[0]:
        if time.monotonic() >= until:
            _log.warning("disk-slow")
            return False
    return True
