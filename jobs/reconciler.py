"""What keeps migrations going whatever is lost, and ends what is over: a look every two seconds, by one worker of all.

Due migrations become ready, leases that ran out are taken back, ready work without a ticket gets one, and an undo that
is asked for a message, the broker's keys get their end dates, the store's log is rewritten where something was
unlinked, what made no progress for 71 h is ended and what is over is purged. A start of the service is the same path:
an empty broker repairs itself.
"""

import threading

import structlog
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from jobs import audit
from jobs.broker import queued_tickets, send_tickets, set_end_dates, trim_dead_letters
from jobs.flow import count_dead
from jobs.kept import HOUR
from jobs.rewriting import rewrite_if_asked
from jobs.sweeper import sweep
from jobs.tickets import Sweep, reconcile
from jobs.turns import take_turn
from jobs.undos import tell_of_undos
from oauth.vault import Vault

_log = structlog.get_logger()

_TURN_KEY = "reconcile:tick"
_CHECKPOINT_KEY = "reconcile:checkpoint"
_SAID_KEY = "reconcile:said"
_CHECKPOINT_SECONDS = 600
_MOST_TICKETS = 256
"""Tickets waiting at a time. Each one that finds work sends the next, so more would only be fetched in vain."""


def tick(
    redis: Redis,
    broker: RedisBroker,
    vault: Vault | None = None,
    *,
    excused: bool = False,
    now: float | None = None,
) -> Sweep:
    """Do one look.

    Args:
        redis: the state store.
        broker: the message broker.
        vault: where the keys of purged migrations are destroyed; None where migrations have none.
        excused: the store was away until now; leases that ran out meanwhile are nobody's fault.
        now: seconds since the epoch, the server's clock when None.
    """
    found = reconcile(redis, excused=excused, now=now)
    missing = min(found.ready, _MOST_TICKETS) - queued_tickets(broker)
    if missing > 0:
        send_tickets(broker, missing)
    tell_of_undos(redis, broker)
    if dead := trim_dead_letters(broker):
        count_dead(redis, dead)
    set_end_dates(broker)
    rewrite_if_asked(redis)
    sweep(redis, vault, now=now)
    log_checkpoint(redis)
    return found


def log_checkpoint(redis: Redis) -> None:
    """Write the audit log's newest hash into the service's log, every ten minutes in which it moved.

    A rewritten audit log no longer contains it, and the service's log lies elsewhere. Raises `audit.AuditBroken`.
    """
    if not take_turn(redis, _CHECKPOINT_KEY, _CHECKPOINT_SECONDS):
        return
    head = audit.checkpoint(redis)
    if head.number and redis.set(_SAID_KEY, str(head), ex=HOUR, get=True) != str(head).encode():
        _log.info("audit-checkpoint", checkpoint=str(head))


def tick_if_first(
    redis: Redis, broker: RedisBroker, seconds: float, vault: Vault | None = None, *, excused: bool = False
) -> bool:
    """Do the look unless another worker did it less than `seconds` ago."""
    first = take_turn(redis, _TURN_KEY, seconds * 0.9)
    if first:
        tick(redis, broker, vault, excused=excused)
    return first


def reconcile_until(
    stop: threading.Event, redis: Redis, broker: RedisBroker, seconds: float, vault: Vault | None = None
) -> None:
    """Look every `seconds` until `stop` is set, whatever goes wrong; what does is said when it begins."""
    before: Exception | None = None
    while not stop.is_set():
        error = _look(redis, broker, seconds, vault, excused=isinstance(before, RedisError))
        _tell(before, error)
        before = error
        stop.wait(seconds)


def _look(redis: Redis, broker: RedisBroker, seconds: float, vault: Vault | None, *, excused: bool) -> Exception | None:
    try:
        tick_if_first(redis, broker, seconds, vault, excused=excused)
    except Exception as error:  # noqa: BLE001 - one look failed; the next may not
        return error
    return None


def _tell(before: Exception | None, error: Exception | None) -> None:
    was_away, is_away = isinstance(before, RedisError), isinstance(error, RedisError)
    if is_away and not was_away:
        _log.warning("store-away", error=error)
    if was_away and not is_away:
        _log.warning("store-back")
    if error is not None and not is_away and type(error) is not type(before):
        _log.error("look-failed", error=error)
