"""The server that processes are forked from is killed: it starts again, and no import is blamed for it."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import forkserver as multiprocessings
from pathlib import Path

import pytest
import slices
from jobs_harness import QUICK, Worker, alive
from redis import Redis
from structlog.testing import capture_logs
from waiting import eventually

from app.embedded import EmbeddedStore
from jobs import forkserver, nursery
from jobs.migration import Migration, State
from jobs.nursery import Outcome, newborn, run_slice
from jobs.requests import create, read
from jobs.slice import Kind, SliceEnd, SliceTask, again, given_back
from jobs.spawning import try_to_start
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
    try_to_start()


def pid_of(redis: Redis, migration: Migration) -> int:
    return int(redis.get(f"mig:{{{migration.id}}}:trying") or 0)


def run(store: EmbeddedStore, work: Callable[..., SliceEnd], stop: threading.Event) -> Outcome:
    task = SliceTask("m1", "t", State.COPYING, "", 5.0, slices.Plan(store.url))
    with newborn(QUICK.memory_mib) as born:
        return run_slice(born, work, task, lambda _: Wish.NONE, stop, QUICK)


def socket_of_server() -> Path:
    return Path(multiprocessings._forkserver._forkserver_address)  # type: ignore[attr-defined]


def lose_socket() -> int:
    """Remove the server's socket with its folder, as who clears temporary files does; return who the server was."""
    shutil.rmtree(socket_of_server().parent)
    return server()


@pytest.mark.parametrize("lose", [kill_server, lose_socket])
def test_a_server_that_was_lost_starts_again_with_what_it_had_loaded(
    store: EmbeddedStore, lose: Callable[[], int]
) -> None:
    before = lose()
    with capture_logs() as told:
        assert run(store, slices.wait_an_hour, threading.Event()).end.kind is Kind.WAIT
        assert run(store, slices.wait_an_hour, threading.Event()).end.kind is Kind.WAIT
    assert [row["event"] for row in told] == ["forkserver-restarted"]
    assert server() != before


def test_a_process_that_is_dead_before_it_was_told_anything_is_no_crash(store: EmbeddedStore) -> None:
    task = SliceTask("m1", "t", State.COPYING, "", 5.0, slices.Plan(store.url))
    with newborn(QUICK.memory_mib) as born:
        born.process.kill()
        born.process.join()
        outcome = run_slice(born, slices.wait_an_hour, task, lambda _: Wish.NONE, threading.Event(), QUICK)
    assert outcome == Outcome(given_back(), progressed=False)


def test_a_slice_that_dies_with_the_server_is_no_crash(redis: Redis, store: EmbeddedStore) -> None:
    outcome = list[Outcome]()
    thread = threading.Thread(target=lambda: outcome.append(run(store, slices.stay_for_ever, threading.Event())))
    thread.start()
    child = eventually(lambda: int(redis.get("mig:{m1}:trying") or 0))
    os.kill(server(), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    thread.join(30)
    assert outcome == [Outcome(given_back(), progressed=False)]


def test_a_slice_outlives_the_server_and_is_still_ended(redis: Redis, store: EmbeddedStore) -> None:
    stop, outcome = threading.Event(), list[Outcome]()
    thread = threading.Thread(target=lambda: outcome.append(run(store, slices.stay_for_ever, stop)))
    thread.start()
    child = eventually(lambda: int(redis.get("mig:{m1}:trying") or 0))
    kill_server()
    try_to_start()
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
