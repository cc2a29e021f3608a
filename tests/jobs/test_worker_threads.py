"""A worker in this process, with real children."""

import slices
from jobs_harness import Worker, eventually
from redis import Redis

from jobs.migration import State
from jobs.requests import create, history, read


def pid_of(redis: Redis, migration_id: str) -> int:
    return int(redis.get(f"mig:{{{migration_id}}}:progress") or 0)


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
