"""The store's clock is set an hour back or ahead: nothing waits an hour for that, and nobody is blamed."""

from dataclasses import replace

import pytest
from redis import Redis

from jobs import scripts
from jobs.clocks import LONGEST_LEASE, is_within
from jobs.heartbeats import this_worker
from jobs.migration import State
from jobs.requests import create, read
from jobs.slice import again, failed, wait
from jobs.tickets import Claim, claim, reconcile, release, renew

NOW = 1_900_000_000.0
HOUR = 3600.0
LEASE = 10.0


def claimed(redis: Redis, now: float = NOW) -> Claim:
    create(redis, "c1", now=now)
    found = claim(redis, LEASE, now=now)
    assert found is not None
    return found


@pytest.mark.parametrize("seconds", [60, 900, 24 * HOUR])
def test_what_began_to_wait_before_the_clock_was_set_back_is_due(redis: Redis, seconds: float) -> None:
    one = claimed(redis)
    release(redis, one.id, one.token, wait(NOW + seconds, "google-down"), now=NOW)
    assert reconcile(redis, now=NOW + 1).due == 0
    assert reconcile(redis, now=NOW + 2 - HOUR).due == 1
    assert read(redis, one.id).state is State.PLANNING


def test_what_waits_for_long_waits_no_longer_than_it_has_once_more(redis: Redis) -> None:
    one = claimed(redis)
    release(redis, one.id, one.token, wait(NOW + 24 * HOUR, "google-bandwidth"), now=NOW)
    reconcile(redis, now=NOW + 2 * HOUR)
    assert reconcile(redis, now=NOW + HOUR).due == 0
    assert reconcile(redis, now=NOW + 24 * HOUR).due == 1


def test_seconds_to_wait_are_counted_by_the_stores_clock(redis: Redis) -> None:
    one = claimed(redis)
    behind = NOW - HOUR
    release(redis, one.id, one.token, wait(behind + 60, "google-down"), now=behind)
    assert read(redis, one.id).until == pytest.approx(behind + 60, abs=0.01)
    two = claimed(redis)
    release(redis, two.id, two.token, wait(NOW + 1e9, "google-bandwidth"), now=NOW)
    assert read(redis, two.id).until <= NOW + 26 * HOUR, "whatever a child says"


def test_a_lease_from_before_the_clock_was_set_back_is_none_for_an_hour(redis: Redis) -> None:
    one = claimed(redis)
    reconcile(redis, now=NOW)
    back = NOW - HOUR
    assert reconcile(redis, now=back).lost == 0
    assert redis.zscore("jobs:leases", one.id) == pytest.approx(back + LONGEST_LEASE / 2)
    assert reconcile(redis, now=back + LONGEST_LEASE + 1).lost == 1


def test_a_slice_that_lives_keeps_its_lease_when_the_clock_is_set_back(redis: Redis) -> None:
    one = claimed(redis)
    reconcile(redis, now=NOW)
    back = NOW - HOUR
    reconcile(redis, now=back)
    for later in range(2, 80, 2):
        renew(redis, one.id, one.token, LEASE, now=back + later)
        assert reconcile(redis, now=back + later).lost == 0


def test_leases_that_run_out_by_a_leap_are_no_crash(redis: Redis) -> None:
    one = claimed(redis)
    reconcile(redis, now=NOW)
    assert reconcile(redis, now=NOW + HOUR).lost == 1
    assert read(redis, one.id).crashes == 0
    two = claim(redis, LEASE, now=NOW + HOUR)
    assert two is not None
    for later in range(2, 14, 2):
        reconcile(redis, now=NOW + HOUR + later)
    assert read(redis, one.id).crashes == 1, "one that runs out with the clock going on is"


def test_a_turn_taken_before_the_clock_was_set_back_holds_nobody_up(redis: Redis) -> None:
    def turn(now: float) -> bool:
        return scripts.run(redis, "turn", "reconcile:tick", 2, now=now) == ["ok"]

    assert [turn(NOW), turn(NOW + 1), turn(NOW + 2)] == [True, False, True]
    assert [turn(NOW - HOUR), turn(NOW - HOUR + 1)] == [True, False]
    assert [turn(NOW + HOUR), turn(NOW + HOUR + 1)] == [True, False]


def test_what_the_host_is_to_be_told_is_not_put_off_by_an_hour(redis: Redis) -> None:
    def told(now: float) -> str:
        return (scripts.run(redis, "tell", 120, 630, now=now) or [""])[0]

    one = claimed(redis)
    release(redis, one.id, one.token, failed("google-refused", resumable=True), now=NOW)
    assert (told(NOW), told(NOW + 1)) == (one.id, ""), "it is being told"
    assert (told(NOW - HOUR), told(NOW - HOUR + 1)) == (one.id, "")


def test_a_worker_heard_of_in_the_future_is_not_alive_for_an_hour() -> None:
    worker = replace(this_worker(1), seen_at=NOW)
    assert [worker.is_alive(NOW + ago) for ago in (-HOUR, -5, 0, 29, 31, HOUR)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_crashes_are_counted_from_now_where_they_began_in_the_future(redis: Redis) -> None:
    one = claimed(redis)
    redis.hset(f"mig:{{{one.id}}}", mapping={"crashes": "1", "crashed_since": f"{NOW + HOUR:.3f}"})
    reconcile(redis, now=NOW)
    reconcile(redis, now=NOW + LEASE + 1)
    assert read(redis, one.id).crashed_since <= NOW + LEASE + 1


def test_progress_in_the_future_shortens_no_pause_and_lengthens_none(redis: Redis) -> None:
    one = claimed(redis)
    release(redis, one.id, one.token, again(), progressed=True, now=NOW)
    two = claim(redis, LEASE, now=NOW - HOUR)
    assert two is not None
    release(redis, one.id, two.token, wait(0, "store-away"), now=NOW - HOUR)
    assert 0 < read(redis, one.id).until - (NOW - HOUR) <= 15


@pytest.mark.parametrize(("since", "within"), [(-HOUR, False), (0, True), (9, True), (10, False), (HOUR, False)])
def test_what_began_in_the_future_is_over(since: float, within: bool) -> None:  # noqa: FBT001
    assert is_within(10, NOW - since, NOW) is within
