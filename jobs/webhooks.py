"""The panel told when a migration has ended or needs somebody: signed posts to the host's address.

    a step of the migration ──► its events, hooks:due ──► deliver_due ──POST──► the host's address
       (jobs/lua/prelude)       (what; whose turn, when)

Each event is told again until it is taken, for a day, and a migration's events in their order. An answer that is no
success concerns that one event: it is told again later, and the others go on. 410 (Gone) ends it, as Standard Webhooks
has it. Where nobody answers at all, the round ends. A receiver may hear of the same event twice, and knows it by
`webhook-id`. What is sent is an id, the customer's opaque id, a state, a code.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from http import HTTPStatus
from http.client import HTTPException
from typing import Self

import structlog
from redis import Redis
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from jobs import scripts
from jobs.hook import Hook, post
from jobs.kept import HOUR
from jobs.migration import ENDS, State
from migrator.hold import FAILED_MESSAGES

_log = structlog.get_logger()

DUE = "hooks:due"
OLDEST_SECONDS = 24 * HOUR
LEASE_SECONDS = 120
"""So long one worker has to tell an event before another one tries; longer than three tries and the waits between."""

_TRIES = 3
_LEAST, _MOST = 30.0, 600.0

_QUIET = frozenset({"", "asked", "not-started"})
"""Reasons for a pause that somebody chose."""


class Reply(Enum):
    """What became of a post: taken; refused for now; ended (gone, or too old to be told); or nobody answers."""

    TAKEN = auto()
    REFUSED = auto()
    ENDED = auto()
    AWAY = auto()


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: to which migration, whose, its state and reason code since, when (seconds since the epoch)."""

    migration: str
    customer: str
    state: State
    code: str
    at: float

    @property
    def id(self) -> str:
        """The event's name, the same each time it is told."""
        return f"msg_{hashlib.sha256(f'{self.migration} {self.line}'.encode()).hexdigest()[:32]}"

    @property
    def type(self) -> str:
        """What a receiver may choose by."""
        return "migration.ended" if self.state in ENDS else "migration.needs-attention"

    @property
    def line(self) -> str:
        """The event as it lies in the migration's list."""
        return f"{self.at:.3f} {self.state} {self.code}"

    @classmethod
    def read(cls, migration: str, customer: str, line: str) -> Self:
        """Read `<at> <state> <code>`; the code is empty for an end."""
        at, state, code = line.split(" ", 2)
        return cls(migration, customer, State(state), code, float(at))

    def body(self) -> bytes:
        """Return what is posted."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        data = {"migration": self.migration, "customer": self.customer, "state": str(self.state), "code": self.code}
        return json.dumps({"type": self.type, "timestamp": at, "data": data}).encode()


def needs_attention(state: State, code: str) -> bool:
    """Tell whether a migration waits for a person: it failed, lost its access, is held, or finds no room."""
    match state:
        case State.FAILED:
            return True
        case State.PAUSED:
            return code not in _QUIET
        case _:
            return state is State.WAITING and code in {"mailbox-full", FAILED_MESSAGES}


def deliver_due(redis: Redis, hook: Hook, wait: Callable[[float], None], *, now: float | None = None) -> int:
    """Tell the host of every event that is due, one after the other, while it answers; return how many are done with.

    Args:
        redis: the state store.
        hook: where to.
        wait: waits so many seconds between tries.
        now: seconds since the epoch, the clocks of store and process when None.
    """
    taken = 0
    while answer := scripts.run(redis, "tell", LEASE_SECONDS, _MOST + _LEAST, now=now):
        if len(answer) == 1:  # erased meanwhile, or told by another worker
            continue
        event = Event.read(*answer)
        reply = _told(hook, event, wait, time.time() if now is None else now)
        finished = reply in {Reply.TAKEN, Reply.ENDED}
        again = "" if finished else repr(delay_of(event, time.time() if now is None else now))
        scripts.run(redis, "told", event.migration, event.line, again, now=now)
        taken += finished
        if reply is Reply.AWAY:
            break
    return taken


def deliver_until(stop: threading.Event, redis: Redis, hook: Hook, seconds: float) -> None:
    """Tell the host of what is due every `seconds` until `stop` is set, whatever goes wrong; for a thread."""

    def wait(seconds_: float) -> None:
        stop.wait(seconds_)

    while not stop.is_set():
        try:
            deliver_due(redis, hook, wait)
        except Exception as error:  # noqa: BLE001 - one round failed; the next may not
            _log.warning("hooks-held-up", error=error)
        stop.wait(seconds)


def delay_of(event: Event, now: float) -> float:
    """Return in how many seconds an event is told again: as many as it has waited, 30 at least, 600 at most."""
    return min(_MOST, max(_LEAST, now - event.at))


def _told(hook: Hook, event: Event, wait: Callable[[float], None], now: float) -> Reply:
    """Tell an event; where nobody answers, three times within seconds."""
    if now - event.at > OLDEST_SECONDS:
        _log.error("hook-given-up", migration=event.migration)
        return Reply.ENDED
    tries = Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(multiplier=2, max=16),
        retry=retry_if_exception_type((OSError, HTTPException)),
        sleep=wait,
    )
    try:
        status = tries(post, hook, event.id, event.body())
    except RetryError:
        _log.warning("hook-away", migration=event.migration)
        return Reply.AWAY
    reply = _reply_of(status)
    if reply is not Reply.TAKEN:
        _log.warning("hook-refused", migration=event.migration, status=status)
    return reply


def _reply_of(status: int) -> Reply:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Reply.TAKEN
    return Reply.ENDED if status == HTTPStatus.GONE else Reply.REFUSED
