"""The message broker: Dramatiq over Redis, set up so that nothing but tickets and ids is ever stored in it.

A ticket is a message without any argument: "somewhere there is work"; other work is named by an import's id. No Results
middleware, and no Retries where slices are done (both store exceptions), no Prometheus (it opens a port). Messages may
be lost, late or doubled without harm.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from jobs.reach import open_store
from jobs.retention import BROKER_SECONDS

NAMESPACE = "{dramatiq}"
_HEARTBEATS = f"{NAMESPACE}:__heartbeats__"
QUEUE = "slices"
TICKET = "slice"
"""Name of the actor that does slices."""

SURVEYS = "surveys"
"""Imports to be looked over before their start (`jobs.surveys`)."""

_QUEUES = (QUEUE, SURVEYS)

STATE_TIMEOUT = 5.0
"""Seconds a step on the state may take."""

_POLL_MS = 200
"""Longest time between two looks for messages; also what a thread needs to notice that it shall end."""

Sender = RedisBroker

_log = structlog.get_logger()


class StripTraceback(dramatiq.Middleware):
    """Takes a traceback, which carries an exception's text, out of a message before it is stored."""

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        """Drop it."""
        _ = broker, delay
        message.options.pop("traceback", None)


class EndDates(dramatiq.Middleware):
    """Gives the broker's keys, to which Dramatiq gives none, an end date whenever they are written.

    Where the store is away just then, the reconciler does it within two seconds of its return.
    """

    def after_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        """A queue may just have come to be; who sends need not reach the others."""
        _ = delay
        with suppress(RedisError):
            _end_later(broker, [_HEARTBEATS, *_names_of(message.queue_name)])

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Fetching it may just have made the set of messages under way."""
        _ = message
        with suppress(RedisError):
            set_end_dates(broker)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Messages under way were put back."""
        _ = worker
        with suppress(RedisError):
            set_end_dates(broker)


def make_broker(redis_url: str) -> RedisBroker:
    """Return a broker on its own database of `redis_url`; nothing is connected before the first use.

    A database of its own, because Dramatiq's maintenance lists all keys of its database. The long time-out: after a
    shorter one redis-py would drop answers that carry messages (redis-py 8 took 5 s by default).
    """
    client = open_store(redis_url, 60, retry=_patient(), health_check_interval=30)
    return RedisBroker(  # type: ignore[no-untyped-call] # its parameters carry no types
        client=client,
        namespace=NAMESPACE,
        heartbeat_timeout=120_000,
        maintenance_chance=20_000,
        dead_message_ttl=BROKER_SECONDS * 1000,
        middleware=[StripTraceback(), EndDates()],
    )


def make_sender(redis_url: str) -> Sender:
    """Return a broker for a process that sends messages and takes none: people wait, and it does no maintenance."""
    return RedisBroker(  # type: ignore[no-untyped-call] # its parameters carry no types
        client=open_state(redis_url),
        namespace=NAMESPACE,
        maintenance_chance=0,
        middleware=[StripTraceback(), EndDates()],
    )


def send(sender: Sender, queue: str, actor: str, *args: str) -> None:
    """Send a message; raises `RedisError` when the broker is away."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=queue, actor_name=actor, args=args, kwargs={}, options={}
    )
    sender.enqueue(message)


@contextmanager
def consuming(broker: RedisBroker, threads: int, seconds: float) -> Iterator[None]:
    """Have the broker's actors called in so many threads while the block runs; its end takes so long at most."""
    worker = dramatiq.Worker(broker, worker_timeout=_POLL_MS, worker_threads=threads)
    worker.start()
    try:
        yield
    finally:
        # A store that hangs would hold up Dramatiq's own stop for a minute.
        stopper = threading.Thread(target=_stop, args=(worker, seconds), name="stopper", daemon=True)
        stopper.start()
        stopper.join(seconds)


def _stop(worker: dramatiq.Worker, seconds: float) -> None:
    try:
        worker.stop(timeout=int(1000 * seconds))
    except RedisError as error:
        # Messages fetched but not begun could not be put back; they are sent anew.
        _log.warning("stop-cut-short", error=error)


def open_state(redis_url: str, timeout: float = STATE_TIMEOUT) -> Redis:
    """Return a client for the state.

    `timeout` in seconds must be shorter than a lease, so that a slice that can't renew its lease notices in time.
    """
    return open_store(redis_url, timeout, retry=_patient())


def send_tickets(broker: dramatiq.Broker, count: int = 1) -> None:
    """Tell the workers that there is work."""
    for _ in range(count):
        send(cast("RedisBroker", broker), QUEUE, TICKET)


def queued_tickets(broker: RedisBroker) -> int:
    """Return the number of tickets no worker has fetched yet."""
    return queued(_client(broker))


def queued(client: Redis, queue: str = QUEUE) -> int:
    """Return the same, or the messages of another queue, by a client of the broker's database."""
    return int(client.llen(f"{NAMESPACE}:{queue}"))


def dead_tickets(client: Redis) -> int:
    """Return the number of tickets that died and were not cleared away yet."""
    return int(client.zcard(f"{NAMESPACE}:{QUEUE}.XQ"))


def trim_dead_letters(broker: RedisBroker) -> int:
    """Drop all dead letters and return how many: a ticket that failed says nothing; its work has a new one by then."""
    client = _client(broker)
    dead = dead_tickets(client)
    client.delete(f"{NAMESPACE}:{QUEUE}.XQ", f"{NAMESPACE}:{QUEUE}.XQ.msgs")
    return dead


def set_end_dates(broker: dramatiq.Broker) -> None:
    """Give every key of the broker an end date counted from now."""
    ids = [item.decode() for item in cast("list[bytes]", _client(broker).zrange(_HEARTBEATS, 0, -1))]
    queues = [name for queue in _QUEUES for name in (queue, f"{queue}.DQ")]
    acks = [f"{NAMESPACE}:__acks__.{broker_id}.{queue}" for broker_id in ids for queue in queues]
    _end_later(broker, [_HEARTBEATS, *acks, *(name for queue in queues for name in _names_of(queue))])


def _names_of(queue: str) -> list[str]:
    return [f"{NAMESPACE}:{queue}{part}" for part in ("", ".msgs", ".XQ", ".XQ.msgs")]


def _end_later(broker: dramatiq.Broker, names: list[str]) -> None:
    with _client(broker).pipeline(transaction=False) as pipe:
        for name in names:
            pipe.expire(name, BROKER_SECONDS)
        pipe.execute()


def _client(broker: dramatiq.Broker) -> Redis:
    return cast("RedisBroker", broker).client


def _patient() -> Retry:
    # One new try on a connection that turned out dead; more patience is the reconciler's and the lease's.
    return Retry(ExponentialBackoff(cap=0.2, base=0.05), 1, supported_errors=(RedisConnectionError,))
