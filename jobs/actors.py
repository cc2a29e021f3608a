"""The one actor: a ticket arrives, one slice of some migration is done, the next ticket is sent.

    a process is started ─► claim ─► it does the slice ─► release ─► ticket

It never raises: whatever goes wrong becomes a code in the migration's record, or is left to the lease.
"""

import sys
import threading
import time
from dataclasses import dataclass, replace
from functools import partial

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, stop_when_event_set, wait_fixed

from jobs import audit, clientrefused
from jobs.audit import Act, AuditBroken, AuditBusy
from jobs.broker import QUEUE, TICKET, send_tickets
from jobs.crashes import store_away
from jobs.custody import Custody, with_key
from jobs.errors import IllegalTransition, LeaseLost
from jobs.migration import State
from jobs.nursery import Outcome, run_slice
from jobs.settings import Surroundings, WorkerSettings
from jobs.slice import Kind, SliceEnd, SliceTask, Work, crashed_by, failed
from jobs.spawning import Child
from jobs.starting import Starts
from jobs.storetrouble import is_away
from jobs.tickets import Claim, Wish, claim, ready_count, release, renew

_log = structlog.get_logger()

EGRESS_REFUSED = "egress-refused"


@dataclass(frozen=True, slots=True)
class Room:
    """Where a worker works: the state, the broker, the slices' function, the stop flag, its settings, its processes.

    Without custody slices are given no key: for work that needs no secret.
    """

    redis: Redis
    broker: RedisBroker
    work: Work
    stop: threading.Event
    settings: WorkerSettings
    starts: Starts
    custody: Custody | None = None


def declare_slices(room: Room) -> None:
    """Make the actor known to the broker."""

    def do_slice() -> None:
        take_ticket(room)

    dramatiq.actor(actor_name=TICKET, queue_name=QUEUE, broker=room.broker, max_retries=0)(do_slice)


def take_ticket(room: Room) -> None:
    """Do what a ticket asks for: at most one slice, of whichever migration is next.

    Its process is started before the migration is claimed: what cannot be started is then charged to nobody.
    """
    try:
        if room.stop.is_set() or not ready_count(room.redis):
            return
        with room.starts.child() as born:
            if born is None:
                return
            claimed = claim(room.redis, room.settings.lease_seconds, cap=room.settings.customer_cap)
            if claimed is not None:
                _give_back(room, claimed, _slice(room, claimed, born))
                _pass_on(room)
    except RedisError as error:
        # The lease ends by itself, and the reconciler sends new tickets when the store is back.
        _log.warning("ticket-dropped", error=error)


def _slice(room: Room, claimed: Claim, born: Child) -> Outcome:
    began = time.monotonic()
    try:
        outcome = _entrusted(room, claimed, born)
        outcome = replace(outcome, end=clientrefused.heard(room.redis, outcome.end))
    except Exception as error:  # noqa: BLE001 - whatever it is, the migration's record tells its class
        outcome = Outcome(_end_of(error), progressed=False)
    _tell(room, claimed, outcome.end, time.monotonic() - began)
    return outcome


def _end_of(error: Exception) -> SliceEnd:
    if is_away(error):
        return store_away()
    _log.critical("unhandled", place="worker", error=error)
    return crashed_by(error)


def _entrusted(room: Room, claimed: Claim, born: Child) -> Outcome:
    if room.custody is None:
        return _in_child(room, claimed, born, b"")
    return with_key(room.redis, room.custody, claimed, partial(_in_child, room, claimed, born))


def _tell(room: Room, claimed: Claim, end: SliceEnd, seconds: float) -> None:
    """Say in the log, and where it matters in the audit log, how a slice ended."""
    if end.code.startswith(EGRESS_REFUSED):
        _log.critical("egress-refused", migration=claimed.id, phase=claimed.phase, code=end.code)
        _write_down_refusal(room.redis, claimed.id)
    elif end.kind is Kind.CRASHED:
        _log.error("slice-crashed", migration=claimed.id, phase=claimed.phase, code=end.code, seconds=seconds)
    else:
        _log.info(
            "slice-ended", migration=claimed.id, phase=claimed.phase, kind=end.kind, code=end.code, seconds=seconds
        )


def _write_down_refusal(redis: Redis, migration_id: str) -> None:
    """Append to the audit log what has happened already: a log that takes nothing changes nothing about it."""
    try:
        audit.append(redis, audit.WORKER, Act.EGRESS_REFUSED, migration_id)
    except (AuditBroken, AuditBusy) as error:
        _log.error("audit-refused", migration=migration_id, code=error.code)


def _in_child(room: Room, claimed: Claim, born: Child, key: bytes) -> Outcome:
    given = _surroundings(room, claimed)
    task = SliceTask(
        id=claimed.id,
        token=claimed.token,
        phase=claimed.phase,
        ending=claimed.ending,
        seconds=room.settings.slice_seconds,
        config=given.config,
        key=key,
    )

    def lengthen(progressed: bool) -> Wish:  # noqa: FBT001 - the one thing a renewal tells
        return renew(room.redis, claimed.id, claimed.token, room.settings.lease_seconds, progressed=progressed)

    return run_slice(born, _work_of(room, claimed), task, lengthen, room.stop, room.settings, given.outside)


def _surroundings(room: Room, claimed: Claim) -> Surroundings:
    settings = room.settings
    if settings.surroundings is None:
        return Surroundings(settings.config, None)
    return settings.surroundings(room.redis, claimed)


def _work_of(room: Room, claimed: Claim) -> Work:
    """Return what is to be done; what gives a grant back has a process that did nothing else."""
    return room.custody.revoke if room.custody and claimed.phase is State.FINISHING else room.work


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
        _log.warning("lease-lost", migration=claimed.id, phase=claimed.phase)


def _release(room: Room, claimed: Claim, outcome: Outcome) -> None:
    try:
        release(room.redis, claimed.id, claimed.token, outcome.end, progressed=outcome.progressed)
    except IllegalTransition as error:
        # The slice's function asked for a step that does not exist: a mistake in the program, for people to look at.
        _log.error("illegal-step", migration=claimed.id, before=error.before, after=error.after)
        release(room.redis, claimed.id, claimed.token, failed("illegal-step", resumable=True))


def _pass_on(room: Room) -> None:
    if ready_count(room.redis):
        send_tickets(room.broker)
