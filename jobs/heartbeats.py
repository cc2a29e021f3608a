"""Which workers there are: each says every few seconds that it lives, and what it is."""

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from jobs.retention import FLOW_SECONDS

BEAT_SECONDS = 5.0
ALIVE_SECONDS = 30.0
"""A worker that has said nothing for so long is no longer counted on."""

_LIST = "workers"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as it last said it was; times in seconds since the epoch.

    `host` is the name of its machine. `busy` of its `threads` are at a slice. `trouble` is the code for want of what it
    can start no process (`jobs.spawning`), empty when it can.
    """

    id: str
    host: str
    version: str
    threads: int
    busy: int
    started_at: float
    seen_at: float
    trouble: str = ""

    def is_alive(self, now: float) -> bool:
        """Tell whether it was heard of lately; what was heard in the future was heard before the clock was set back."""
        return abs(now - self.seen_at) <= ALIVE_SECONDS

    def can_work(self, now: float) -> bool:
        """True if it lives and can start processes."""
        return self.is_alive(now) and not self.trouble


def this_worker(threads: int) -> Worker:
    """Return the worker of this process, at its start."""
    now = time.time()
    return Worker(secrets.token_hex(8), socket.gethostname(), version("gmail-migrator"), threads, 0, now, now)


def beat(redis: Redis, worker: Worker) -> None:
    """Say that the worker lives, with `worker.seen_at` as the time; what was not heard of for a day is forgotten."""
    with redis.pipeline(transaction=True) as said:
        said.set(_key(worker.id), json.dumps(asdict(worker)), ex=FLOW_SECONDS)
        said.zadd(_LIST, {worker.id: worker.seen_at})
        said.zremrangebyscore(_LIST, "-inf", worker.seen_at - FLOW_SECONDS)
        said.expire(_LIST, FLOW_SECONDS)
        said.execute()


def beat_until(
    stop: threading.Event, redis: Redis, worker: Worker, busy: Callable[[], int], trouble: Callable[[], str]
) -> None:
    """Say it every few seconds until `stop` is set; a worker that ends so is forgotten at once."""
    while not stop.is_set():
        with suppress(RedisError):  # the reconciler says that the store is away
            beat(redis, replace(worker, busy=busy(), trouble=trouble(), seen_at=_now(redis)))
        stop.wait(BEAT_SECONDS)
    with suppress(RedisError):
        forget(redis, worker.id)


def forget(redis: Redis, worker_id: str) -> None:
    """Take a worker that has ended out of the list; twice is harmless."""
    redis.zrem(_LIST, worker_id)
    redis.unlink(_key(worker_id))


def workers(redis: Redis) -> tuple[Worker, ...]:
    """Return the workers heard of within a day that did not say they end, the one heard of last first."""
    ids = [cast("bytes", item).decode() for item in redis.zrevrange(_LIST, 0, -1)]
    rows = cast("list[bytes | None]", redis.mget([_key(id_) for id_ in ids])) if ids else []
    return tuple(Worker(**json.loads(row)) for row in rows if row)


def _now(redis: Redis) -> float:
    """Return the store's time: the workers' clocks may differ."""
    seconds, micro = redis.time()
    return seconds + micro / 1e6


def _key(worker_id: str) -> str:
    return f"worker:{worker_id}"
