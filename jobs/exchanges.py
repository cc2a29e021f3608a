"""Consents that become grants: each has a record here from before its code is sent until it is known what came of it.

Two things must not get lost: that a code was sent to Google, for its answer may be, and a token that must not be kept
but cannot be given back yet. Both lie sealed under a key of the exchange's own (`mig:{<id>}:sealed`, as a migration's
secrets do); this list says that they are there, why, and when somebody looks after them next (`app.settling`).

    begin ──► connecting, put off while its process lives ──► the import's own record (`jobs.requests.create`)
                   └── not put off any more: a worker takes it over ──► open, unknown, behind ──► nothing, or `ending`

Whoever takes an exchange out of `connecting` first has it: the process that makes the import's record of it, or the
worker that gives the access back. Each does so in one step of the store, so there is no grant without a record.
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

CONNECTING_SECONDS = 60.0
"""An exchange whose process has not put it off for this long is a dead one's."""

LATEST_SECONDS = 3600.0
"""No look is put off longer: a later time is one of a clock that was set back."""

# KEYS: the list. ARGV: id, the row as it was read, the row as it is to be, seconds.
_REPLACE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class Standing(StrEnum):
    """What is known of an exchange."""

    CONNECTING = "connecting"  # a process is at it, and makes the import's record at the end
    OPEN = "open"  # its process is dead, or knows no answer to the code
    UNKNOWN = "unknown"  # there are tokens, and Google has not said yet of which account
    BEHIND = "behind"  # there are tokens, of an account that an import holds: they are given back behind it
    ENDING = "ending"  # it becomes an import that is cancelled (`jobs.givingback`)

    @classmethod
    def _missing_(cls, value: object) -> "Standing | None":
        return cls.CONNECTING if value in {"asked", "kept"} else None  # as it was called before


@dataclass(frozen=True, slots=True)
class Exchange:
    """One of them: its id, the customer's opaque id, when to look after it (seconds since the epoch).

    `looks`: how often somebody has. `renews`: the import that is connected again; empty for a new one. `lent`: the
    grant comes from somebody's file, and stays alive if no import begins.
    """

    id: str
    customer: str
    due: float
    standing: Standing = Standing.CONNECTING
    looks: int = 0
    renews: str = ""
    lent: bool = False

    @property
    def is_under_way(self) -> bool:
        """True while it may become an import."""
        return self.standing is Standing.CONNECTING


def begin(redis: Redis, exchange_id: str, customer: str, *, renews: str = "", lent: bool = False) -> None:
    """Write down that a grant is about to be had; a worker looks after it once nobody puts that off any more."""
    due = time.time() + CONNECTING_SECONDS
    _write(redis, Exchange(exchange_id, customer, due, renews=renews, lent=lent))


def keep_on(redis: Redis, exchange_id: str) -> bool:
    """Put an exchange off while its process lives; False when it is over, or a worker's by now."""
    row = cast("bytes | None", redis.hget(_KEY, exchange_id))
    one = _read(exchange_id, row) if row else None
    if row is None or one is None or not one.is_under_way:
        return False
    return _replace(redis, row, replace(one, due=time.time() + CONNECTING_SECONDS))


def take_over(redis: Redis, exchange: Exchange) -> Exchange | None:
    """Make a dead process's exchange the caller's, from now on `open`; None when its process lives, or is through."""
    row = cast("bytes | None", redis.hget(_KEY, exchange.id))
    if row is None or _read(exchange.id, row) != exchange:
        return None
    taken = replace(exchange, standing=Standing.OPEN, looks=0, due=time.time())
    return taken if _replace(redis, row, taken) else None


def put_off(redis: Redis, exchange: Exchange, standing: Standing, seconds: float) -> None:
    """Have it looked after in `seconds`, and what is sealed for it kept until then."""
    looks = exchange.looks + 1 if standing is exchange.standing else 0
    _write(redis, replace(exchange, standing=standing, looks=looks, due=time.time() + min(seconds, LATEST_SECONDS)))
    for part in ("sealed", "keystore"):
        redis.expire(part_key(exchange.id, part), UNFINISHED_SECONDS)


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
    with redis.pipeline(transaction=True) as both:  # never a row without an end date
        both.hset(_KEY, exchange.id, _row(exchange))
        both.expire(_KEY, QUEUE_SECONDS)
        both.execute()


def _replace(redis: Redis, before: bytes, exchange: Exchange) -> bool:
    """Write a row unless somebody has written it since it was read; tell whether."""
    client: Any = redis
    return bool(client.eval(_REPLACE, 1, _KEY, exchange.id, before, _row(exchange), QUEUE_SECONDS))


def _row(exchange: Exchange) -> str:
    row = asdict(exchange)
    del row["id"]
    return json.dumps(row)


def _read(exchange_id: str, row: bytes) -> Exchange:
    fields = json.loads(row)
    return Exchange(exchange_id, **{**fields, "standing": Standing(fields["standing"])})
