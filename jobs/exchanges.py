"""Consents whose code is exchanged for tokens: written down before it happens, until it is known what became of it.

Two things must not get lost: that a code was sent to Google, for its answer may be, and a token that must not be kept
but cannot be given back yet. Both lie sealed under a key of the exchange's own (`mig:{<id>}:sealed`, as a migration's
secrets do); this list says that they are there, why, and when somebody looks after them next (`app.settling`).
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, cast

from redis import Redis

from jobs.migration import part_key
from jobs.retention import QUEUE_SECONDS, UNFINISHED_SECONDS
from jobs.scripts import decoded

_KEY = "jobs:exchanges"

UNDER_WAY_SECONDS = 180.0
"""Longer than any process lives that exchanges a code."""

LATEST_SECONDS = 3600.0
"""No look is put off longer: a later time is one of a clock that was set back."""


class Standing(StrEnum):
    """What is known of an exchange."""

    ASKED = "asked"  # the code is being sent
    OPEN = "open"  # the code was sent, and no answer is known
    UNKNOWN = "unknown"  # there are tokens, and Google has not said yet of which account
    BEHIND = "behind"  # there are tokens, of an account that an import holds: they are given back behind it
    KEPT = "kept"  # there is a grant, for an import whose record is not made yet


@dataclass(frozen=True, slots=True)
class Exchange:
    """One of them: its id, the customer's opaque id, when to look after it (seconds since the epoch).

    `looks`: how often somebody has.
    """

    id: str
    customer: str
    due: float
    standing: Standing = Standing.ASKED
    looks: int = 0

    @property
    def is_under_way(self) -> bool:
        """True while it may become an import, or has become one whose record is not made yet."""
        return self.standing in {Standing.ASKED, Standing.KEPT}


def begin(redis: Redis, exchange_id: str, customer: str) -> None:
    """Write down that a code is about to be exchanged; somebody looks after it if this process can't."""
    _write(redis, Exchange(exchange_id, customer, time.time() + UNDER_WAY_SECONDS))


def put_off(redis: Redis, exchange: Exchange, standing: Standing, seconds: float) -> None:
    """Have it looked after in `seconds`, and what is sealed for it kept until then."""
    looks = exchange.looks + 1 if standing is exchange.standing else 0
    _write(redis, replace(exchange, standing=standing, looks=looks, due=time.time() + min(seconds, LATEST_SECONDS)))
    redis.expire(part_key(exchange.id, "sealed"), UNFINISHED_SECONDS)


def read(redis: Redis, exchange_id: str) -> Exchange | None:
    """Return one; None when it is over."""
    row = cast("bytes | None", redis.hget(_KEY, exchange_id))
    return _read(exchange_id, row) if row else None


def every(redis: Redis) -> Iterator[Exchange]:
    """Yield all of them."""
    rows = cast("dict[bytes, bytes]", redis.hgetall(_KEY))
    return (_read(decoded(exchange_id), row) for exchange_id, row in rows.items())


def due(redis: Redis) -> tuple[Exchange, ...]:
    """Return those that are to be looked after now."""
    now = time.time()
    return tuple(one for one in every(redis) if not now < one.due <= now + LATEST_SECONDS)


def drop(redis: Redis, exchange_id: str) -> None:
    """Forget one: it is known what became of it."""
    redis.hdel(_KEY, exchange_id)


def unsettled(redis: Redis) -> tuple[Exchange, ...]:
    """Return those of which nobody knows whether access is left at Google; not those that are under way."""
    return tuple(one for one in every(redis) if one.standing in {Standing.OPEN, Standing.UNKNOWN})


def _write(redis: Redis, exchange: Exchange) -> None:
    row: dict[str, Any] = asdict(exchange)
    del row["id"]
    with redis.pipeline(transaction=True) as both:  # never a row without an end date
        both.hset(_KEY, exchange.id, json.dumps(row))
        both.expire(_KEY, QUEUE_SECONDS)
        both.execute()


def _read(exchange_id: str, row: bytes) -> Exchange:
    fields = json.loads(row)
    return Exchange(exchange_id, **{**fields, "standing": Standing(fields["standing"])})
