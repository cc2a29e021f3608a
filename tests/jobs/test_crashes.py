"""kill -9 of each process in turn: work goes on within 30 s, nothing is lost, nothing done twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slices
from jobs_harness import Worker, WorkerProcess, alive
from key_leaks import leaks
from redis import Redis
from waiting import eventually

from app.embedded import EmbeddedStore, start
from jobs.broker import make_broker, open_state, send_tickets
from jobs.migration import Migration, State
from jobs.requests import create, read

pytestmark = pytest.mark.alone

ITEMS = 30
LEASE = 10.0
RECOVERY_SECONDS = 30.0


@pytest.fixture
def plan(store: EmbeddedStore) -> slices.Plan:
    """Work for 1.5 s."""
    return slices.Plan(store.url, ITEMS, 0.05)


@pytest.fixture
def slow(store: EmbeddedStore) -> Iterator[WorkerProcess]:
    """A worker of its own that takes 1.5 s of work for a migration."""
    with slow_worker(store) as worker:
        yield worker


def slow_worker(store: EmbeddedStore, **changes: float) -> WorkerProcess:
    settings = {"items": ITEMS, "item_seconds": 0.05, "lease_seconds": LEASE, **changes}
    return WorkerProcess(store.url, store.broker_url, "count_items", **settings)


def counts(redis: Redis, migration: Migration) -> dict[Any, Any]:
    return redis.hgetall(f"mig:{{{migration.id}}}:counts")


def items_done(redis: Redis, migration: Migration) -> int:
    return int(counts(redis, migration).get(b"next", 0))


def pid_of(redis: Redis, migration: Migration) -> int:
    return int(redis.get(f"mig:{{{migration.id}}}:trying") or 0)


def some_way_in(redis: Redis, migration: Migration) -> int:
    """Wait until it copies, and return the process that does it."""
    eventually(lambda: items_done(redis, migration) >= 5)
    return pid_of(redis, migration)


def done_exactly_once(redis: Redis, migration: Migration) -> None:
    """Wait for the end; every item was done, and once."""
    eventually(lambda: read(redis, migration.id).state is State.DONE, within=RECOVERY_SECONDS)
    times = [value for item, value in counts(redis, migration).items() if item.startswith(b"item:")]
    assert times == [b"1"] * ITEMS


def goes_on(redis: Redis, migration: Migration, since: float) -> None:
    """Wait until more is done than at the crash; it must not take longer than promised."""
    before = items_done(redis, migration)
    eventually(lambda: items_done(redis, migration) > before, within=RECOVERY_SECONDS)
    assert time.monotonic() - since < RECOVERY_SECONDS


def test_the_child_is_killed(redis: Redis, worker: Worker, plan: slices.Plan) -> None:
    worker.start(slices.count_items, plan, lease_seconds=LEASE)
    migration = create(redis, "acme")
    os.kill(some_way_in(redis, migration), signal.SIGKILL)
    goes_on(redis, migration, time.monotonic())
    done_exactly_once(redis, migration)


def test_the_worker_is_killed_and_its_child_dies_with_it(
    redis: Redis, store: EmbeddedStore, slow: WorkerProcess
) -> None:
    migration = create(redis, "acme")
    child = some_way_in(redis, migration)
    slow.kill()
    killed_at = time.monotonic()
    eventually(lambda: not alive(child), within=2)
    with slow_worker(store) as second:
        goes_on(redis, migration, killed_at)
        done_exactly_once(redis, migration)
        assert second.terminate() < 3


def test_a_child_that_hears_nothing_dies_with_its_worker_too(redis: Redis, store: EmbeddedStore) -> None:
    migration = create(redis, "acme")
    with WorkerProcess(store.url, store.broker_url, "stay_for_ever") as worker:
        child = eventually(lambda: pid_of(redis, migration))
        worker.kill()
        eventually(lambda: not alive(child), within=2)


def test_the_store_is_killed_and_starts_again(tmp_path: Path) -> None:
    with start(tmp_path / "store") as first, slow_worker(first) as worker:
        with open_state(first.url) as redis:
            migration = create(redis, "acme")
            some_way_in(redis, migration)
            os.kill(first.pid, signal.SIGKILL)
            killed_at = time.monotonic()
            eventually(lambda: not first.is_running())
        with start(tmp_path / "store") as second, open_state(second.url) as redis:
            goes_on(redis, migration, killed_at)
            done_exactly_once(redis, migration)
            assert worker.terminate() < 3
            assert leaks(redis) == []


def test_all_tickets_are_lost(redis: Redis, store: EmbeddedStore, worker: Worker, plan: slices.Plan) -> None:
    worker.start(slices.count_items, plan, lease_seconds=LEASE)
    migration = create(redis, "acme")
    some_way_in(redis, migration)
    with Redis.from_url(store.broker_url) as tickets:
        tickets.flushdb()
    lost_at = time.monotonic()
    second = create(redis, "other")
    goes_on(redis, second, lost_at)
    done_exactly_once(redis, migration)
    done_exactly_once(redis, second)


def test_tickets_are_doubled(redis: Redis, store: EmbeddedStore, worker: Worker, plan: slices.Plan) -> None:
    worker.start(slices.count_items, plan, lease_seconds=LEASE)
    migrations = [create(redis, "acme") for _ in range(2)]
    broker = make_broker(store.broker_url)
    send_tickets(broker, 50)
    for migration in migrations:
        done_exactly_once(redis, migration)
    broker.client.close()


def test_a_stop_by_signal_ends_within_3_s_and_loses_nothing(
    redis: Redis, store: EmbeddedStore, slow: WorkerProcess
) -> None:
    migration = create(redis, "acme")
    child = some_way_in(redis, migration)
    assert slow.terminate() < 3
    assert not alive(child)
    found = read(redis, migration.id)
    assert (found.state, found.running, found.crashes) == (State.COPYING, False, 0)
    with slow_worker(store) as second:
        goes_on(redis, migration, time.monotonic())
        done_exactly_once(redis, migration)
        assert second.terminate() < 3


def test_a_store_that_hangs_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with start(tmp_path / "store") as store, slow_worker(store, lease_seconds=3) as worker:
        with open_state(store.url) as redis:
            migration = create(redis, "acme")
            child = some_way_in(redis, migration)
            os.kill(store.pid, signal.SIGSTOP)
            try:
                assert worker.terminate() < 3.5
                assert not alive(child)
            finally:
                os.kill(store.pid, signal.SIGCONT)
        with slow_worker(store) as second, open_state(store.url) as redis:
            done_exactly_once(redis, migration)
            assert second.terminate() < 3
