"""The message broker: Dramatiq over Redis, set up so that nothing but tickets and ids is ever stored in it.

A ticket is a message without any argument: "somewhere there is work"; messages of undos and surveys name their import.
All of them may be lost, late or doubled without harm: the state store says what is to be done, and the reconciler, or
the customer's page, sends anew. So nothing is tried again here, from which Dramatiq would keep the exception's text. No
Results middleware (it stores exceptions), no Prometheus (it opens a port).
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Retries, TimeLimit
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
"""Name of the actor that does a slice."""

UNDOS = "undos"
UNDO = "undo"
"""Name of the actor that does an undo."""

SURVEYS = "surveys"
SURVEY = "survey"
"""Name of the actor that has an account looked over."""

QUEUES = (QUEUE, UNDOS, SURVEYS)

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
        middleware=[
            StripTraceback(),
            EndDates(),
            AgeLimit(),
            TimeLimit(time_limit=float("inf")),
            Retries(max_retries=0),
        ],
    )


def make_sender(redis_url: str) -> Sender:
    """Return a broker for a process that sends messages and takes none: people wait, and it does no maintenance."""
    return RedisBroker(  # type: ignore[no-untyped-call] # its parameters carry no types
        client=open_state(redis_url),
        namespace=NAMESPACE,
        maintenance_chance=0,
        middleware=[StripTraceback(), EndDates()],
    )


@contextmanager
def consuming(threads: Mapping[RedisBroker, int], seconds: float) -> Iterator[None]:
    """Have messages taken while the block runs; its end takes so long at most.

    Args:
        threads: by broker, so many, for the actors that are declared there; those of one do nothing for another.
        seconds: what is under way is waited for so long.
    """
    taking = [
        dramatiq.Worker(broker, worker_timeout=_POLL_MS, worker_threads=number) for broker, number in threads.items()
    ]
    for worker in taking:
        worker.broker.emit_after("process_boot")
        worker.start()
    try:
        yield
    finally:
        _stop_all(taking, seconds)


def _stop_all(taking: Sequence[dramatiq.Worker], seconds: float) -> None:
    """Stop them side by side; a store that hangs would hold up Dramatiq's own stop for a minute."""
    until = time.monotonic() + seconds
    stoppers = [threading.Thread(target=_stop, args=(one, seconds), name="stopper", daemon=True) for one in taking]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join(max(0.0, until - time.monotonic()))


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
        _send(broker, QUEUE, TICKET)


def send_undo(broker: dramatiq.Broker, migration_id: str) -> None:
    """Tell the workers that an import is to be undone."""
    _send(broker, UNDOS, UNDO, migration_id)


def send_survey(broker: dramatiq.Broker, migration_id: str) -> None:
    """Tell the workers that an account is to be looked over; raises `RedisError` when the broker is away."""
    _send(broker, SURVEYS, SURVEY, migration_id)


def _send(broker: dramatiq.Broker, queue: str, actor: str, *ids: str) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=queue, actor_name=actor, args=ids, kwargs={}, options={}
    )
    broker.enqueue(message)


def queued_tickets(broker: RedisBroker, queue: str = QUEUE) -> int:
    """Return the number of a queue's messages that no worker has fetched yet."""
    return queued(_client(broker), queue)


def queued(client: Redis, queue: str = QUEUE) -> int:
    """Return the same by a client of the broker's database."""
    return int(client.llen(f"{NAMESPACE}:{queue}"))


def dead_tickets(client: Redis) -> int:
    """Return the number of messages of all queues that died and were not cleared away yet."""
    return sum(int(client.zcard(f"{NAMESPACE}:{queue}.XQ")) for queue in QUEUES)


def trim_dead_letters(broker: RedisBroker) -> int:
    """Drop all dead letters and return how many: one that failed says nothing; its work has a new one by then."""
    client = _client(broker)
    dead = dead_tickets(client)
    client.delete(*(f"{NAMESPACE}:{queue}.XQ{part}" for queue in QUEUES for part in ("", ".msgs")))
    return dead


def set_end_dates(broker: dramatiq.Broker) -> None:
    """Give every key of the broker an end date counted from now."""
    ids = [item.decode() for item in cast("list[bytes]", _client(broker).zrange(_HEARTBEATS, 0, -1))]
    queues = [f"{queue}{delayed}" for queue in QUEUES for delayed in ("", ".DQ")]
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
