"""How everything stands at one moment, in numbers: for the operators' pages, their command line and the metrics."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from jobs import exchanges, undowish
from jobs.broker import dead_tickets, queued
from jobs.clientrefused import refused
from jobs.heartbeats import Worker, workers
from jobs.migration import ENDS, PHASES, Migration, State, part_key
from jobs.requests import migration_ids, read_all
from jobs.selecting import class_of
from jobs.undowish import Line
from migrator.errors import ClientRefused

_LATE_SECONDS = 120
"""So much later than its time a migration may be ended or purged before it counts as overdue."""

_HELD_UP = frozenset({State.WAITING, State.PAUSED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Standing:
    """One look at the queues; times in seconds since the epoch.

    Attributes:
        at: when.
        states: migrations by state, every state named.
        held: migrations that wait, are paused or failed, by state and class of their reason.
        ready: migrations with work that no slice does yet.
        oldest_ready_seconds: how long the one of them that waits longest has been ready.
        running: slices at work, each under a lease.
        due: migrations that go on by themselves at their time.
        next_due: the first of these times; 0 without any.
        tickets: tickets that no worker has fetched.
        dead_tickets: tickets, and messages of undos, that died and were not cleared away yet.
        undos: undos that are asked for: those that wait for a worker, and those at work.
        workers: those heard of within a day.
        overdue: migrations that ought to have been ended or purged minutes ago.
        unconfirmed: migrations that ended, or are about to, without a confirmation that Google's access is gone.
        unsettled: consents of which nobody knows yet whether they left access at Google.
        unreadable: ids of records that this version cannot read, which are in no other figure.
        client_refused: Google refuses our OAuth client, or did when an import last asked that waits for it.
    """

    at: float
    states: dict[State, int]
    held: dict[tuple[State, str], int]
    ready: int
    oldest_ready_seconds: float
    running: int
    due: int
    next_due: float
    tickets: int
    dead_tickets: int
    undos: Line
    workers: tuple[Worker, ...]
    overdue: int
    unconfirmed: int
    unsettled: int
    client_refused: bool = False
    unreadable: tuple[str, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """Migrations that wait, are paused or failed, by the class of their reason."""
        found: Counter[str] = Counter()
        for (_, code), number in self.held.items():
            found[code] += number
        return dict(found)

    @property
    def alive(self) -> int:
        """Workers that were heard of lately."""
        return sum(worker.is_alive(self.at) for worker in self.workers)

    @property
    def in_trouble(self) -> tuple[Worker, ...]:
        """Those of them that can start no process."""
        return tuple(worker for worker in self.workers if worker.is_alive(self.at) and worker.trouble)

    @property
    def threads(self) -> int:
        """Slices that the workers could do at once, without those that can start no process."""
        return sum(worker.threads for worker in self.workers if worker.can_work(self.at))


def standing(redis: Redis, broker: Redis, *, now: float | None = None) -> Standing:
    """Look at everything once.

    Args:
        redis: the state store.
        broker: the message broker's database.
        now: seconds since the epoch, the store's clock when None.

    Raises:
        redis.RedisError: a store is away.
    """
    at = _time_of(redis) if now is None else now
    unreadable: list[str] = []
    every = tuple(read_all(redis, migration_ids(redis), unreadable.append))
    ready = [m.ready_at for m in every if m.state in PHASES and not m.running]
    due = sorted(m.until for m in every if m.state is State.WAITING)
    states = Counter(m.state for m in every)
    held = Counter((m.state, class_of(m.reason)) for m in every if m.state in _HELD_UP and m.reason)
    return Standing(
        at=at,
        states={state: states[state] for state in State},
        held=dict(held),
        ready=len(ready),
        oldest_ready_seconds=max((max(0.0, at - since) for since in ready), default=0.0),
        running=int(redis.zcard("jobs:leases")),
        due=len(due),
        next_due=due[0] if due else 0.0,
        tickets=queued(broker),
        dead_tickets=dead_tickets(broker),
        undos=undowish.line(redis),
        workers=workers(redis),
        overdue=int(redis.zcount("jobs:ends", "-inf", at - _LATE_SECONDS)),
        unconfirmed=unconfirmed(redis, [m for m in every if is_ending(m)]),
        unsettled=len(exchanges.unsettled(redis)),
        client_refused=bool(held[State.WAITING, ClientRefused.code] or refused(redis)),
        unreadable=tuple(unreadable),
    )


def _time_of(redis: Redis) -> float:
    """Return the store's time, by which everything in it is told."""
    seconds, micro = redis.time()
    return seconds + micro / 1e6


def is_ending(migration: Migration) -> bool:
    """True if it has ended, or nothing but the end is left of it."""
    return migration.state in ENDS or migration.phase is State.FINISHING


def unconfirmed(redis: Redis, ended: Sequence[Migration]) -> int:
    """Return how many of these migrations had a grant of which Google did not confirm that it is gone."""
    if not ended:
        return 0
    rows = cast("list[bytes | None]", redis.mget([part_key(m.id, "revocation") for m in ended]))
    settled = (json.loads(row) for row in rows if row)
    return sum(1 for row in settled if row["settled"] and not row["confirmed"])
