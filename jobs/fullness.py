"""How full the pools of the web servers and consoles are: each process says so every few seconds, for the metrics."""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from jobs.heartbeats import ALIVE_SECONDS, BEAT_SECONDS
from jobs.retention import FLOW_SECONDS
from jobs.scripts import decoded

POOLS = "pools"


@dataclass(frozen=True, slots=True)
class Load:
    """How full a pool is: pieces of work under way, others that wait, and how many may be under way."""

    working: int = 0
    waiting: int = 0
    places: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.working + other.working, self.waiting + other.waiting, self.places + other.places)


def tell_until(stop: threading.Event, redis: Redis, look: Callable[[], Mapping[str, Load]]) -> None:
    """Say how full this process's pools are, by kind, every few seconds until `stop` is set; then forget them."""
    name = secrets.token_hex(8)
    while not stop.is_set():
        with suppress(RedisError):  # pages and `/readyz` say that the store is away
            tell(redis, name, look())
        stop.wait(BEAT_SECONDS)
    with suppress(RedisError):
        redis.hdel(POOLS, name)


def tell(redis: Redis, process: str, loads: Mapping[str, Load]) -> None:
    """Say how full the pools of one process are; processes not heard of for long are forgotten."""
    now, rows = _now(redis), _rows(redis)
    gone = [name for name, (at, _) in rows.items() if abs(now - at) > ALIVE_SECONDS]
    row = json.dumps([now, {kind: astuple(load) for kind, load in loads.items()}])
    with redis.pipeline(transaction=True) as said:
        said.hset(POOLS, process, row)
        if gone:
            said.hdel(POOLS, *gone)
        said.expire(POOLS, FLOW_SECONDS)
        said.execute()


def fullness(redis: Redis) -> dict[str, Load]:
    """Return how full the pools of all living processes are together, by kind."""
    now, found = _now(redis), dict[str, Load]()
    for at, loads in _rows(redis).values():
        if abs(now - at) <= ALIVE_SECONDS:
            found |= {kind: found.get(kind, Load()) + Load(*load) for kind, load in loads.items()}
    return found


def _rows(redis: Redis) -> dict[str, tuple[float, dict[str, list[int]]]]:
    rows = cast("dict[bytes, bytes]", redis.hgetall(POOLS))
    return {decoded(name): tuple(json.loads(row)) for name, row in rows.items()}


def _now(redis: Redis) -> float:
    """Return the store's time: the servers' clocks may differ."""
    seconds, micro = redis.time()
    return seconds + micro / 1e6
