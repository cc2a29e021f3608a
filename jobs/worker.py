"""A worker: threads that take tickets, others that take undos, and the reconciler, until told to stop."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.metadata import version
from typing import NoReturn

import structlog
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

from jobs import nursery
from jobs.actors import Room, declare_slices
from jobs.broker import consuming, make_broker, open_state
from jobs.custody import Custody
from jobs.heartbeats import beat_until, this_worker
from jobs.reconciler import reconcile_until
from jobs.settings import WorkerSettings
from jobs.slice import Work
from jobs.spawning import TROUBLE
from jobs.starting import Starts
from jobs.undos import Undos, declare_undos

_log = structlog.get_logger()

_MARGIN_SECONDS = 0.5
"""Beside the slices' grace: for clearing up after a slice that had to be killed."""

_RECONCILER_SECONDS = 0.2


def run_worker(
    redis_url: str,
    broker_url: str,
    run: Work,
    settings: WorkerSettings,
    stop_event: threading.Event,
    custody: Custody | None = None,
    undos: Undos | None = None,
    surveys: AbstractContextManager[object] | None = None,
) -> bool:
    """Work until `stop_event` is set, then end within 3 s: slices are asked to end, and what is left goes on elsewhere.

    Returns False when it ended by itself, because for long it could start no process; it sets `stop_event` then.

    Args:
        redis_url: the state.
        broker_url: the tickets; another database of the same server will do.
        run: does one slice; a module's function, found by its name in the slices' processes.
        settings: see there.
        stop_event: set by the program's signal handlers.
        custody: gives each slice its migration's key; None for work without secrets.
        undos: what undos are done with; None for a worker that does none.
        surveys: looks accounts over beside the slices; entered when processes can be started, and ends itself when
            `stop_event` is set.
    """
    nursery.preload((run.__module__, *settings.preload))
    with ExitStack() as stack:
        redis = stack.enter_context(open_state(redis_url, settings.lease_seconds / 2))
        broker = stack.enter_context(_broker(broker_url))
        starts = Starts(settings, stop_event)
        room = Room(redis, broker, run, stop_event, settings, starts, custody)
        declare_slices(room)
        threads = {broker: settings.threads}
        if undos:
            beside = stack.enter_context(_broker(broker_url))
            declare_undos(beside, redis, stop_event, undos)
            threads[beside] = settings.undo_threads
        stack.enter_context(_reconciler(room))
        stack.enter_context(_heartbeat(room))
        stack.enter_context(surveys or nullcontext())
        stack.enter_context(_threads(room, threads))
        _log.info("worker-started", version=version("gmail-migrator"), threads=settings.threads)
        stop_event.wait()
        stopped_at = time.monotonic()
    if starts.hopeless:
        _log.critical("worker-gave-up", code=TROUBLE.code, seconds=TROUBLE.seconds)
    _log.info("worker-stopped", seconds=time.monotonic() - stopped_at)
    return not starts.hopeless


def leave(status: int = 0) -> NoReturn:
    """End the process of a worker or web server that has ended, at once.

    Python would clear up every module first, which takes half a second and, on a busy machine, more than all the rest
    of a stop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@contextmanager
def _broker(url: str) -> Iterator[RedisBroker]:
    broker = make_broker(url)
    try:
        yield broker
    finally:
        broker.close()
        client: Redis = broker.client
        client.close()


@contextmanager
def _threads(room: Room, threads: Mapping[RedisBroker, int]) -> Iterator[None]:
    try:
        with consuming(threads, room.settings.stop_grace_seconds + _MARGIN_SECONDS):
            try:
                yield
            finally:
                room.stop.set()
    finally:
        nursery.kill_all()


@contextmanager
def _heartbeat(room: Room) -> Iterator[None]:
    told = (room.stop, room.redis, this_worker(room.settings.threads), nursery.running, lambda: TROUBLE.code)
    thread = threading.Thread(target=beat_until, args=told, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        room.stop.set()
        thread.join(_RECONCILER_SECONDS)


@contextmanager
def _reconciler(room: Room) -> Iterator[None]:
    thread = threading.Thread(
        target=reconcile_until,
        args=(
            room.stop,
            room.redis,
            room.broker,
            room.settings.tick_seconds,
            room.custody.vault if room.custody else None,
        ),
        name="reconciler",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        room.stop.set()
        thread.join(_RECONCILER_SECONDS)
