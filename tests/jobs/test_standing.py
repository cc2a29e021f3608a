"""How everything stands, in numbers."""

import json

from redis import Redis

from jobs.heartbeats import Worker, beat
from jobs.migration import State, part_key
from jobs.requests import create, pause
from jobs.slice import advance, ended, failed, wait
from jobs.standing import standing
from jobs.tickets import claim, release

NOW = 1_800_000_000.0


def one(redis: Redis, customer: str, *phases: State, at: float = NOW) -> str:
    """Make a migration and bring it through phases; it is the only one that is ready."""
    migration = create(redis, customer, now=at).id
    for phase in phases:
        claimed = claim(redis, 10, now=at)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, advance(phase), now=at)
    return migration


def test_an_empty_house_stands_still(redis: Redis) -> None:
    found = standing(redis, redis, now=NOW)
    assert set(found.states) == set(State)
    assert (sum(found.states.values()), found.reasons, found.ready, found.oldest_ready_seconds) == (0, {}, 0, 0.0)
    assert (found.running, found.due, found.next_due, found.tickets, found.dead_tickets) == (0, 0, 0.0, 0, 0)
    assert (found.workers, found.alive, found.overdue, found.unconfirmed) == ((), 0, 0, 0)


def test_every_import_is_counted_by_state_and_by_why_it_stopped(redis: Redis) -> None:
    for end in (
        wait(NOW + 60, "mailbox-full"),
        wait(NOW + 30, "google-down:Timeout"),
        failed("login-refused", resumable=True),
    ):
        one(redis, "a", State.COPYING)
        claimed = claim(redis, 10, now=NOW)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=NOW)
    pause(redis, one(redis, "b"))
    one(redis, "c")
    assert claim(redis, 10, now=NOW)
    one(redis, "d", at=NOW - 7)
    found = standing(redis, redis, now=NOW)
    assert {state: number for state, number in found.states.items() if number} == {
        State.WAITING: 2,
        State.FAILED: 1,
        State.PAUSED: 1,
        State.PLANNING: 2,
    }
    assert found.reasons == {"mailbox-full": 1, "google-down": 1, "login-refused": 1, "asked": 1}
    assert (found.ready, found.oldest_ready_seconds, found.running) == (1, 7.0, 1)
    assert (found.due, found.next_due) == (2, NOW + 30)


def test_being_ready_is_counted_from_the_last_slice_on(redis: Redis) -> None:
    one(redis, "a", at=NOW - 100)
    claimed = claim(redis, 10, now=NOW - 50)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, advance(State.COPYING), now=NOW - 3)
    assert standing(redis, redis, now=NOW).oldest_ready_seconds == 3.0


def test_tickets_are_counted_in_the_brokers_database(redis: Redis) -> None:
    redis.rpush("{dramatiq}:slices", "1", "2")
    redis.zadd("{dramatiq}:slices.XQ", {"3": 1})
    redis.expire("{dramatiq}:slices", 60)
    redis.expire("{dramatiq}:slices.XQ", 60)
    found = standing(redis, redis, now=NOW)
    assert (found.tickets, found.dead_tickets) == (2, 1)


def test_workers_count_as_long_as_they_are_heard_of(redis: Redis) -> None:
    for name, seen_at in (("aa", NOW - 31), ("bb", NOW - 29)):
        beat(redis, Worker(name, "mill", "1", 4, 0, NOW - 90, seen_at))
    found = standing(redis, redis, now=NOW)
    assert (len(found.workers), found.alive) == (2, 1)


def test_a_worker_that_cannot_start_processes_is_named_and_counts_for_no_slices(redis: Redis) -> None:
    for name, trouble, seen_at in (("aa", "no-process", NOW), ("bb", "", NOW), ("cc", "no-process", NOW - 31)):
        beat(redis, Worker(name, "mill", "1", 4, 0, NOW - 90, seen_at, trouble))
    found = standing(redis, redis, now=NOW)
    assert [worker.id for worker in found.in_trouble] == ["aa"]
    assert (found.alive, found.threads) == (2, 4)


def test_what_nobody_purged_in_time_is_overdue(redis: Redis) -> None:
    one(redis, "a")
    assert standing(redis, redis, now=NOW + 71 * 3600 + 119).overdue == 0
    assert standing(redis, redis, now=NOW + 71 * 3600 + 121).overdue == 1


def test_an_end_without_a_confirmed_revocation_is_counted(redis: Redis) -> None:
    for confirmed in (False, True, None):
        migration = one(redis, "a", State.FINISHING)
        if confirmed is not None:
            row = {"held": True, "tries": 10, "confirmed": confirmed, "settled": True, "at": NOW}
            redis.set(part_key(migration, "revocation"), json.dumps(row), ex=60)
        claimed = claim(redis, 10, now=NOW)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, ended(State.DONE), now=NOW)
    assert standing(redis, redis, now=NOW).unconfirmed == 1
