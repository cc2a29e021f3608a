"""The server that processes are forked from is killed: it starts again, and no import is blamed for it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver as multiprocessings
from pathlib import Path

import pytest
import slices
from jobs_harness import QUICK, Worker, alive, eventually
from redis import Redis
from structlog.testing import capture_logs

from app.embedded import EmbeddedStore
from jobs import forkserver, nursery
from jobs.migration import Migration, State
from jobs.nursery import Outcome, can_start, run_slice
from jobs.requests import create, read
from jobs.slice import Kind, SliceEnd, SliceTask, again
from jobs.tickets import Wish

pytestmark = pytest.mark.alone


def server() -> int:
    pid: int = multiprocessings._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def kill_server() -> int:
    """Kill the server and return who it was; a worker may have started another one by then."""
    pid = server()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: forkserver.is_gone() or server() != pid)
    return pid


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    nursery.preload(("slices",))
    yield
    can_start()


def pid_of(redis: Redis, migration: Migration) -> int:
    return int(redis.get(f"mig:{{{migration.id}}}:trying") or 0)


def run(store: EmbeddedStore, folder: Path, work: Callable[..., SliceEnd], stop: threading.Event) -> Outcome:
    task = SliceTask("m1", "t", State.COPYING, "", 5.0, slices.Plan(store.url))
    return run_slice(work, task, lambda _: Wish.NONE, stop, QUICK, folder)


def test_a_server_that_was_killed_starts_again_with_what_it_had_loaded(store: EmbeddedStore, tmp_path: Path) -> None:
    before = kill_server()
    with capture_logs() as told:
        assert can_start()
        assert can_start()
    assert [row["event"] for row in told] == ["forkserver-restarted"]
    assert server() != before
    begun = time.monotonic()
    assert run(store, tmp_path, slices.wait_an_hour, threading.Event()).end.kind is Kind.WAIT
    assert time.monotonic() - begun < QUICK.lease_seconds


def test_a_slice_that_finds_no_server_is_given_back_at_once(store: EmbeddedStore, tmp_path: Path) -> None:
    kill_server()
    assert run(store, tmp_path, slices.wait_an_hour, threading.Event()) == Outcome(again(), progressed=False)


def test_a_slice_that_dies_with_the_server_is_no_crash(redis: Redis, store: EmbeddedStore, tmp_path: Path) -> None:
    outcome = list[Outcome]()
    thread = threading.Thread(
        target=lambda: outcome.append(run(store, tmp_path, slices.stay_for_ever, threading.Event()))
    )
    thread.start()
    child = eventually(lambda: int(redis.get("mig:{m1}:trying") or 0))
    os.kill(server(), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    thread.join(30)
    assert outcome == [Outcome(again(), progressed=False)]


def test_a_slice_outlives_the_server_and_is_still_ended(redis: Redis, store: EmbeddedStore, tmp_path: Path) -> None:
    stop, outcome = threading.Event(), list[Outcome]()
    thread = threading.Thread(target=lambda: outcome.append(run(store, tmp_path, slices.stay_for_ever, stop)))
    thread.start()
    child = eventually(lambda: int(redis.get("mig:{m1}:trying") or 0))
    kill_server()
    assert can_start()
    assert alive(child)
    stop.set()
    thread.join(30)
    assert outcome == [Outcome(again(), progressed=False)]
    eventually(lambda: not alive(child), within=2)


def test_an_import_goes_on_when_the_server_is_killed(redis: Redis, worker: Worker, store: EmbeddedStore) -> None:
    worker.start(slices.count_items, slices.Plan(store.url, 90, 0.05), slice_seconds=0.3)
    migration = create(redis, "acme")
    for _ in range(3):
        eventually(lambda: pid_of(redis, migration))
        kill_server()
        killed = pid_of(redis, migration)
        eventually(lambda: pid_of(redis, migration) != killed, within=30)  # noqa: B023 - used at once
        assert read(redis, migration.id).crashes == 0
    eventually(lambda: read(redis, migration.id).state is State.DONE)
