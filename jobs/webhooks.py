"""The panel told when a migration has ended or needs somebody: signed posts to the host's address.

    release ──note──► hooks:due ──► deliver_due ──POST──► the host's address
                     (a sorted set: what happened, and when it is told next)

Each is told again until it is taken, for a day. A receiver may hear of the same event twice, and knows it by
`webhook-id`. What is sent is an id, the customer's opaque id, a state and a code.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, cast

import structlog
from redis import Redis
from redis.exceptions import RedisError
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_not_result,
    stop_after_attempt,
    wait_exponential,
)

from jobs import requests, scripts
from jobs.errors import UnknownMigration
from jobs.hook import Hook, post
from jobs.migration import ENDS, State
from jobs.retention import QUEUE_SECONDS

_log = structlog.get_logger()

DUE = "hooks:due"
OLDEST_SECONDS = 24 * 3600
LEASE_SECONDS = 120
"""So long one worker has to tell an event before another one tries: three tries and the waits between."""

_TRIES = 3
_LEAST, _MOST = 30.0, 3600.0

_QUIET = frozenset({"", "asked", "not-started"})
"""Reasons for a pause that somebody chose."""

# KEYS: the set. ARGV: now, lease. The event that is due first, put off for the length of a lease; nothing when none is.
_TAKE = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if not found[1] then return false end
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], found[1])
return found[1]
"""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: to which migration, its state and reason code since, when (seconds since the epoch)."""

    migration: str
    state: State
    code: str
    at: float

    @property
    def id(self) -> str:
        """The event's name, the same each time it is told."""
        return f"msg_{hashlib.sha256(str(self).encode()).hexdigest()[:32]}"

    @property
    def type(self) -> str:
        """What a receiver may choose by."""
        return "migration.ended" if self.state in ENDS else "migration.needs-attention"

    def __str__(self) -> str:
        return f"{self.migration} {self.state} {self.at:.3f} {self.code}"

    @classmethod
    def read(cls, text: str) -> "Event":
        """Read what `str` wrote."""
        migration, state, at, code = text.split(" ", 3)
        return cls(migration, State(state), code, float(at))


def needs_attention(state: State, code: str) -> bool:
    """Tell whether a migration waits for a person: it failed, lost its access, or finds no room in the mailbox."""
    match state:
        case State.FAILED:
            return True
        case State.PAUSED:
            return code not in _QUIET
        case _:
            return state is State.WAITING and code == "mailbox-full"


def note(redis: Redis, migration_id: str, state: State, code: str, *, now: float | None = None) -> bool:
    """Have the host told of a migration's new state, if it is one to be told; return whether it is."""
    if state not in ENDS and not needs_attention(state, code):
        return False
    at = time.time() if now is None else now
    with redis.pipeline(transaction=True) as both:  # never an event without an end date
        both.zremrangebyscore(DUE, "-inf", at - OLDEST_SECONDS)  # where no worker tells them any more
        both.zadd(DUE, {str(Event(migration_id, state, "" if state in ENDS else code, at)): at})
        both.expire(DUE, QUEUE_SECONDS)
        both.execute()
    return True


def deliver_due(redis: Redis, hook: Hook, wait: Callable[[float], None], *, now: float | None = None) -> int:
    """Tell the host of every event that is due, one after the other, until one is not taken; return how many were.

    Args:
        redis: the state store.
        hook: where to.
        wait: waits so many seconds between tries.
        now: seconds since the epoch, the clock when None.
    """
    told = 0
    while (event := _taken(redis, time.time() if now is None else now)) is not None:
        if not _settled(redis, hook, event, time.time() if now is None else now, wait):
            break
        told += 1
    return told


def deliver_until(stop: threading.Event, redis: Redis, hook: Hook, seconds: float) -> None:
    """Tell the host of what is due every `seconds` until `stop` is set; for a thread of the worker's."""

    def wait(seconds_: float) -> None:
        stop.wait(seconds_)

    while not stop.is_set():
        try:
            deliver_due(redis, hook, wait)
        except RedisError as error:
            _log.warning("hooks-held-up", error=error)
        stop.wait(seconds)


def next_time(event: Event, now: float) -> float:
    """Return when an event is told again: after as long as it has waited already, 30 s at least, an hour at most."""
    return now + min(_MOST, max(_LEAST, now - event.at))


def _taken(redis: Redis, now: float) -> Event | None:
    client: Any = redis
    found = cast("bytes | None", client.eval(_TAKE, 1, DUE, repr(now), LEASE_SECONDS))
    return Event.read(scripts.decoded(found)) if found else None


def _settled(redis: Redis, hook: Hook, event: Event, now: float, wait: Callable[[float], None]) -> bool:
    """Tell an event, and return whether the next one may be tried: this one was taken, or is too old."""
    if now - event.at > OLDEST_SECONDS:
        _log.error("hook-given-up", migration=event.migration)
        redis.zrem(DUE, str(event))
        return True
    try:
        customer = requests.read(redis, event.migration).customer
    except UnknownMigration:  # erased meanwhile: there is nothing left to tell of
        redis.zrem(DUE, str(event))
        return True
    if _told(hook, event, customer, wait):
        redis.zrem(DUE, str(event))
        return True
    _log.warning("hook-refused", migration=event.migration)
    redis.zadd(DUE, {str(event): next_time(event, now)}, xx=True)
    return False


def _told(hook: Hook, event: Event, customer: str, wait: Callable[[float], None]) -> bool:
    tries = Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(multiplier=2, max=16),
        retry=retry_if_exception_type((OSError, HTTPException)) | retry_if_not_result(bool),
        sleep=wait,
    )
    try:
        return bool(tries(post, hook, event.id, _body(event, customer)))
    except RetryError:
        return False


def _body(event: Event, customer: str) -> bytes:
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {"migration": event.migration, "customer": customer, "state": str(event.state), "code": event.code}
    return json.dumps({"type": event.type, "timestamp": at, "data": data}).encode()
