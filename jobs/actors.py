"""The one actor: a ticket arrives, one slice of some migration is done, the next ticket is sent.

    claim ─► a process does the slice ─► release ─► ticket

It never raises: whatever goes wrong becomes a code in the migration's record, or is left to the lease.
"""

import logging
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, stop_when_event_set, wait_fixed

from jobs.broker import QUEUE, TICKET, send_tickets
from jobs.errors import IllegalTransition, LeaseLost
from jobs.nursery import Outcome, run_slice
from jobs.settings import WorkerSettings
from jobs.slice import Kind, SliceTask, Work, crashed_by, failed
from jobs.tickets import Claim, Wish, claim, ready_count, release, renew

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """Where a worker works: the state, the broker, the slices' function, the stop flag, its settings and its folder."""

    redis: Redis
    broker: RedisBroker
    work: Work
    stop: threading.Event
    settings: WorkerSettings
    folder: Path


def declare_slices(room: Room) -> None:
    """Make the actor known to the broker."""

    def do_slice() -> None:
        take_ticket(room)

    dramatiq.actor(actor_name=TICKET, queue_name=QUEUE, broker=room.broker)(do_slice)


def take_ticket(room: Room) -> None:
    """Do what a ticket asks for: at most one slice, of whichever migration is next."""
    if room.stop.is_set():
        return
    try:
        claimed = claim(room.redis, room.settings.lease_seconds, cap=room.settings.customer_cap)
        if claimed is not None:
            _give_back(room, claimed, _slice(room, claimed))
            _pass_on(room)
    except RedisError as error:
        # The lease ends by itself, and the reconciler sends new tickets when the store is back.
        _log.warning("ticket dropped: the store is away (%s)", type(error).__name__)


def _slice(room: Room, claimed: Claim) -> Outcome:
    task = SliceTask(
        id=claimed.id,
        token=claimed.token,
        phase=claimed.phase,
        ending=claimed.ending,
        seconds=room.settings.slice_seconds,
        config=room.settings.config,
    )

    def lengthen(progressed: bool) -> Wish:  # noqa: FBT001 - the one thing a renewal tells
        return renew(room.redis, claimed.id, claimed.token, room.settings.lease_seconds, progressed=progressed)

    try:
        outcome = run_slice(room.work, task, lengthen, room.stop, room.settings, room.folder)
    except Exception as error:  # noqa: BLE001 - no process could be made; the class alone is told
        outcome = Outcome(crashed_by(error), progressed=False)
    _log.info("slice of %s: %s %s", claimed.id, outcome.end.kind, outcome.end.code)
    return outcome


def _give_back(room: Room, claimed: Claim, outcome: Outcome) -> None:
    if outcome.end.kind is Kind.LOST:
        return
    patiently = Retrying(
        retry=retry_if_exception_type(RedisError),
        stop=stop_after_delay(room.settings.lease_seconds) | stop_when_event_set(room.stop),
        wait=wait_fixed(0.5),
        reraise=True,
    )
    try:
        patiently(_release, room, claimed, outcome)
        sys.audit("migrator.slice.after", claimed.phase)
    except LeaseLost:
        _log.warning("slice of %s: lease-lost", claimed.id)


def _release(room: Room, claimed: Claim, outcome: Outcome) -> None:
    try:
        release(room.redis, claimed.id, claimed.token, outcome.end, progressed=outcome.progressed)
    except IllegalTransition as error:
        # The slice's function asked for a step that does not exist: a mistake in the program, for people to look at.
        _log.exception("slice of %s: %s", claimed.id, error)
        release(room.redis, claimed.id, claimed.token, failed("illegal-step", resumable=True))


def _pass_on(room: Room) -> None:
    if ready_count(room.redis):
        send_tickets(room.broker)
