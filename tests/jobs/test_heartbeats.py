"""Workers say that they live."""

from dataclasses import replace

import slices
from jobs_harness import Worker as RunningWorker
from redis import Redis
from waiting import eventually

from jobs.heartbeats import Worker, beat, forget, workers

NOW = 1_800_000_000.0
ONE = Worker("aa" * 8, "mill-1", "0.1.0", 4, 2, NOW - 60, NOW)


def test_the_one_heard_of_last_comes_first(redis: Redis) -> None:
    two = replace(ONE, id="bb" * 8, seen_at=NOW + 1)
    beat(redis, ONE)
    beat(redis, two)
    assert workers(redis) == (two, ONE)


def test_a_later_heartbeat_takes_the_place_of_an_earlier_one(redis: Redis) -> None:
    later = replace(ONE, busy=3, seen_at=NOW + 5)
    beat(redis, ONE)
    beat(redis, later)
    assert workers(redis) == (later,)


def test_who_has_said_nothing_for_half_a_minute_is_not_counted_on() -> None:
    assert ONE.is_alive(NOW + 30)
    assert not ONE.is_alive(NOW + 30.1)


def test_who_ends_is_forgotten_and_who_was_killed_is_so_after_a_day(redis: Redis) -> None:
    beat(redis, ONE)
    beat(redis, replace(ONE, id="bb" * 8))
    forget(redis, ONE.id)
    assert [worker.id for worker in workers(redis)] == ["bb" * 8]
    beat(redis, replace(ONE, id="cc" * 8, seen_at=NOW + 86401))
    assert [worker.id for worker in workers(redis)] == ["cc" * 8]


def test_every_key_of_it_has_an_end(redis: Redis) -> None:
    beat(redis, ONE)
    assert all(0 < redis.ttl(name) <= 86400 for name in redis.scan_iter("worker*"))


def test_a_worker_is_seen_while_it_works_and_no_longer_when_it_was_told_to_stop(
    redis: Redis, worker: RunningWorker
) -> None:
    worker.start(slices.stay)
    (seen,) = eventually(lambda: workers(redis))
    assert seen.threads == 2
    worker.stop()
    assert workers(redis) == ()
