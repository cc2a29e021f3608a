"""Who works next: ready queues by customer, the ring, leases, due times, and the fencing token.

A claim gives one migration to one slice for the length of a lease, with a fresh token; every later step names the
token and does nothing when it is no longer the migration's. At most one slice of a migration runs, and customers
take turns. Times are the Redis server's unless a test gives its own.
"""

import secrets
import time
from dataclasses import dataclass
from enum import StrEnum

from redis import Redis

from jobs import scripts
from jobs.errors import IllegalTransition, LeaseLost
from jobs.kept import HOUR
from jobs.migration import State
from jobs.slice import SliceEnd

CUSTOMER_CAP = 4
"""Slices of one customer at a time, as long as another customer has work (facts: 4 of 8 threads were fair)."""

_BATCH = 500

_SHORTEST_WAIT, _LONGEST_WAIT = 0.001, 26 * HOUR
"""Seconds; nothing is waited for longer than a day and the hour in which it is tried again."""


class Wish(StrEnum):
    """What a running slice learns when it renews its lease."""

    NONE = "none"
    PAUSE = "pause"
    CANCEL = "cancel"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A migration given to one slice: its id, the fencing token, the phase, the due end, the customer."""

    id: str
    token: str
    phase: State
    ending: str
    customer: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass of the reconciler found: how many migrations became due, lost their lease, or wait for the sweeper.

    `ready` counts those ready now, of the next 500 customers.
    """

    ready: int
    due: int
    lost: int
    overdue: int


def make_ready(redis: Redis, migration_id: str) -> bool:
    """Queue a migration that has work and no slice; twice is once. False when it is not in such a state."""
    return scripts.run(redis, "make_ready", migration_id) == ["ok"]


def claim(redis: Redis, lease_seconds: float, *, cap: int = CUSTOMER_CAP, now: float | None = None) -> Claim | None:
    """Take the next ready migration in ring order, or None.

    The first customer with fewer than `cap` slices is served; when every customer with work has that many, the
    first of them is served all the same, so that no thread idles.
    """
    answer = scripts.run(redis, "claim", lease_seconds, cap, secrets.token_urlsafe(12), now=now)
    if not answer:
        return None
    migration_id, token, phase, ending, customer = answer
    return Claim(migration_id, token, State(phase), ending, customer)


def renew(
    redis: Redis,
    migration_id: str,
    token: str,
    lease_seconds: float,
    *,
    progressed: bool = False,
    now: float | None = None,
) -> Wish:
    """Lengthen the lease and learn what people wish; `progressed` puts off the migration's expiry."""
    answer = scripts.run(redis, "renew", migration_id, token, lease_seconds, int(progressed), now=now)
    return Wish(answer[0])


def release(
    redis: Redis,
    migration_id: str,
    token: str,
    end: SliceEnd,
    *,
    progressed: bool = False,
    now: float | None = None,
) -> State:
    """Give the migration back, take the step its slice's end asks for, and return the state it is in now.

    A wish made meanwhile goes first: cancel leads to finishing, pause to paused.

    Raises:
        LeaseLost: the token is not the migration's; nothing was changed.
        IllegalTransition: the table knows no such step; nothing was changed and the lease still runs.
    """
    end_args = (end.kind.value, end.code, f"{_wait_of(end, now):.3f}", int(end.resumable), int(end.accuses))
    answer = scripts.run(redis, "release", migration_id, token, *end_args, int(progressed), end.step, now=now)
    match answer:
        case ["ok", state]:
            return State(state)
        case ["illegal", before, after]:
            raise IllegalTransition(before, after)
        case _:
            raise LeaseLost


def _wait_of(end: SliceEnd, now: float | None) -> float:
    """Return how many seconds there are to be waited, 0 for soon: the store counts them by its own clock."""
    if not end.until:
        return 0.0
    return min(_LONGEST_WAIT, max(_SHORTEST_WAIT, end.until - (time.time() if now is None else now)))


def reconcile(redis: Redis, *, excused: bool = False, now: float | None = None) -> Sweep:
    """Make ready what is due or whose lease ran out.

    `excused`: the store was away until now, so that nobody could renew a lease; those that ran out count as no crash.
    """
    return Sweep(*map(int, scripts.run(redis, "reconcile", _BATCH, int(excused), now=now)))


def ready_count(redis: Redis) -> int:
    """Return 0 when nothing is ready, else the number of customers with ready work: a cheap lower bound."""
    return int(redis.zcard("jobs:ring"))
