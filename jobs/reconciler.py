"""What keeps migrations going whatever is lost: a look every two seconds, by one worker of all.

Due migrations become ready, leases that ran out are taken back, what made no progress for 71 h is ended, ready work
without a ticket gets one, and the broker's keys get their end dates. A start of the service is the same path: an
empty broker repairs itself.
"""

import logging
import threading

from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from jobs.broker import queued_tickets, send_tickets, set_end_dates, trim_dead_letters
from jobs.tickets import Sweep, reconcile

_log = logging.getLogger(__name__)

_TURN_KEY = "reconcile:tick"
_MOST_TICKETS = 256
"""Tickets waiting at a time. Each one that finds work sends the next, so more would only be fetched in vain."""


def tick(redis: Redis, broker: RedisBroker, *, now: float | None = None) -> Sweep:
    """Do one look; `now` in seconds since the epoch, the server's clock when None."""
    sweep = reconcile(redis, now=now)
    missing = min(sweep.ready, _MOST_TICKETS) - queued_tickets(broker)
    if missing > 0:
        send_tickets(broker, missing)
    trim_dead_letters(broker)
    set_end_dates(broker)
    return sweep


def tick_if_first(redis: Redis, broker: RedisBroker, seconds: float) -> bool:
    """Do the look unless another worker did it less than `seconds` ago."""
    first = bool(redis.set(_TURN_KEY, 1, nx=True, px=max(1, int(seconds * 900))))
    if first:
        tick(redis, broker)
    return first


def reconcile_until(stop: threading.Event, redis: Redis, broker: RedisBroker, seconds: float) -> None:
    """Look every `seconds` until `stop` is set. While the store is away it keeps trying, and says so once."""
    away = False
    while not stop.is_set():
        try:
            tick_if_first(redis, broker, seconds)
        except RedisError as error:
            if not away:
                _log.warning("the store is away (%s)", type(error).__name__)
            away = True
        else:
            if away:
                _log.warning("the store is back")
            away = False
        stop.wait(seconds)
