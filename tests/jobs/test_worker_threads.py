"""A worker in this process; each slice in a real child of it."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import slices
from jobs_harness import Worker, alive
from redis import Redis
from waiting import eventually

from app.embedded import EmbeddedStore
from jobs.migration import Migration, State
from jobs.requests import cancel, create, history, pause, read
from jobs.slice import SliceEnd

pytestmark = pytest.mark.alone


def pid_of(redis: Redis, migration: Migration) -> int:
    """Return the process that does, or did, the migration's last slice; 0 before the first one."""
    return int(redis.get(f"mig:{{{migration.id}}}:trying") or 0)


def items_of(redis: Redis, migration: Migration) -> set[bytes]:
    """Return how often each item was done."""
    counts: dict[Any, Any] = redis.hgetall(f"mig:{{{migration.id}}}:counts")
    return {times for item, times in counts.items() if item.startswith(b"item:")}


def test_a_migration_walks_through_its_phases_to_done(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.count_items)
    eventually(lambda: read(redis, migration.id).state is State.DONE)
    assert [change.state for change in history(redis, migration.id)] == [
        State.PLANNING,
        State.COPYING,
        State.VERIFYING,
        State.FINISHING,
        State.DONE,
    ]
    assert items_of(redis, migration) == {b"1"}


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (slices.raise_canary, "internal-error:RuntimeError"),
        (slices.eat_memory, "out-of-memory"),
        (slices.die, "child-killed"),
        (slices.answer_nonsense, "internal-error:TypeError"),
    ],
)
def test_after_three_crashes_in_seconds_the_import_goes_on_by_itself(
    redis: Redis, worker: Worker, work: Callable[..., SliceEnd], code: str
) -> None:
    migration = create(redis, "acme")
    worker.start(work)
    eventually(lambda: read(redis, migration.id).crashes >= 3)
    found = eventually(lambda: waiting(redis, migration))
    assert found.reason == code
    assert found.until < time.time() + 30


def waiting(redis: Redis, migration: Migration) -> Migration | None:
    found = read(redis, migration.id)
    assert found.state is not State.FAILED
    return found if found.state is State.WAITING else None


def test_no_text_of_an_exception_is_in_any_value_or_log(
    redis: Redis,
    store: EmbeddedStore,
    worker: Worker,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    migration = create(redis, "acme")
    worker.start(slices.raise_canary)
    eventually(lambda: waiting(redis, migration))
    worker.stop()
    written = b"".join(path.read_bytes() for path in (store.directory / "appendonlydir").iterdir())
    assert migration.id.encode() in written
    assert b"internal-error:RuntimeError" in written
    for trace in (slices.CANARY, "Traceback"):
        assert trace.encode() not in written
        assert trace not in caplog.text
        assert trace not in "".join(capfd.readouterr())


def test_a_ticket_has_no_argument(redis: Redis, store: EmbeddedStore, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.count_items)
    eventually(lambda: read(redis, migration.id).state is State.DONE)
    worker.stop()
    written = b"".join(path.read_bytes() for path in (store.directory / "appendonlydir").iterdir())
    tickets = re.findall(rb'\{"queue_name":"slices".*?"message_timestamp":\d+\}', written)
    assert tickets
    assert all(b'"args":[],"kwargs":{}' in ticket for ticket in tickets)
    assert not any(migration.id.encode() in ticket for ticket in tickets)


@pytest.mark.parametrize(("ask", "state"), [(pause, State.PAUSED), (cancel, State.FINISHING)], ids=["pause", "cancel"])
def test_a_running_slice_sees_a_wish_when_it_renews(
    redis: Redis, worker: Worker, ask: Callable[[Redis, str], Migration], state: State
) -> None:
    migration = create(redis, "acme")
    worker.start(slices.stay, lease_seconds=1.5, slice_seconds=60)
    first = eventually(lambda: pid_of(redis, migration))
    ask(redis, migration.id)
    eventually(lambda: read(redis, migration.id).state is state, within=1.5)
    eventually(lambda: not alive(first), within=1)


def test_a_slice_that_hears_nothing_is_killed_after_the_grace_and_the_wish_carried_out(
    redis: Redis, worker: Worker
) -> None:
    migration = create(redis, "acme")
    worker.start(slices.stay_for_ever, lease_seconds=1.5, slice_seconds=60, stop_grace_seconds=0.5)
    first = eventually(lambda: pid_of(redis, migration))
    pause(redis, migration.id)
    eventually(lambda: read(redis, migration.id).state is State.PAUSED, within=3)
    assert not alive(first)
    assert read(redis, migration.id).crashes == 0


def test_a_slice_that_is_ended_while_it_stops_is_no_crash(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.die_when_asked, lease_seconds=1.5, slice_seconds=60)
    eventually(lambda: pid_of(redis, migration))
    pause(redis, migration.id)
    eventually(lambda: read(redis, migration.id).state is State.PAUSED)
    assert read(redis, migration.id).crashes == 0
    assert not redis.exists(f"mig:{{{migration.id}}}:trying"), "and nobody is accused"


def test_a_slice_over_its_time_is_killed(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.stay_for_ever, slice_seconds=1, grace_seconds=1)
    first = eventually(lambda: pid_of(redis, migration))
    assert eventually(lambda: waiting(redis, migration)).reason == "slice-overtime"
    assert not alive(first)
    assert not redis.exists(f"mig:{{{migration.id}}}:trying"), "and nobody is accused"


def test_a_slice_whose_lease_is_gone_is_killed_and_changes_nothing(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.stay_for_ever, lease_seconds=1.5, slice_seconds=60, tick_seconds=60)
    first = eventually(lambda: pid_of(redis, migration))
    redis.hset(f"mig:{{{migration.id}}}", "token", "another")
    eventually(lambda: not alive(first), within=3)
    assert redis.hget(f"mig:{{{migration.id}}}", "token") == b"another"


def test_progress_of_a_slice_that_crashes_afterwards_counts(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.progress_then_raise)
    first = eventually(lambda: pid_of(redis, migration))
    eventually(lambda: pid_of(redis, migration) != first)
    found = eventually(lambda: read(redis, migration.id))
    assert found.progress_at > found.created_at
    assert found.crashes <= 1


def test_a_step_that_does_not_exist_fails_the_migration(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.skip_ahead)
    eventually(lambda: read(redis, migration.id).state is State.FAILED)
    assert read(redis, migration.id).reason == "illegal-step"


def test_a_waiting_slice_frees_its_process(redis: Redis, worker: Worker) -> None:
    migrations = [create(redis, "acme") for _ in range(4)]
    worker.start(slices.wait_an_hour)
    eventually(lambda: all(read(redis, one.id).state is State.WAITING for one in migrations))
    assert redis.zcard("jobs:leases") == 0


def test_a_slice_works_between_walls(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.look_at_the_walls)
    assert eventually(lambda: read(redis, migration.id).reason) == "walls-closed"


def test_stopping_a_worker_puts_its_migrations_back(redis: Redis, worker: Worker) -> None:
    migrations = [create(redis, "acme") for _ in range(3)]
    worker.start(slices.stay, slice_seconds=60)
    eventually(lambda: redis.zcard("jobs:leases") == 2)
    eventually(lambda: sum(1 for one in migrations if pid_of(redis, one)) == 2)
    assert worker.stop() < 3
    assert redis.zcard("jobs:leases") == 0
    assert redis.zcard("jobs:ready:acme") == 3


def test_a_slice_that_hears_nothing_does_not_hold_up_the_stop(redis: Redis, worker: Worker) -> None:
    migration = create(redis, "acme")
    worker.start(slices.stay_for_ever, slice_seconds=60)
    eventually(lambda: pid_of(redis, migration))
    assert worker.stop() < 3
    found = read(redis, migration.id)
    assert (found.state, found.running, found.crashes) == (State.PLANNING, False, 0)
