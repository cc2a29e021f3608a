import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate

import pytest
from engine import gmail_door, invent
from redis import Redis
from stand_in import Google

from migrator.gmail import Listing
from migrator.quota import PROFILES, Meter, Profile, ProfileName
from migrator.retry import Patience

pytestmark = pytest.mark.alone

SECONDS = 3.0


def drained(meters: list[Meter], units: int, seconds: float) -> list[tuple[float, int]]:
    """Return when each call may go out, and its units, when threads take from the meters as fast as they may."""
    began, patience = time.monotonic(), Patience()

    def take(meter: Meter) -> list[tuple[float, int]]:
        sent = []
        while time.monotonic() - began < seconds:
            patience.wait(meter.reserve(units))
            sent.append((time.monotonic() - began, units))
        return sent

    with ThreadPoolExecutor(len(meters)) as pool:
        return sorted(call for calls in pool.map(take, meters) for call in calls)


@pytest.mark.parametrize("name", ["new", "legacy"])
def test_two_meters_of_an_account_together_stay_below_its_ceiling(redis: Redis, name: ProfileName) -> None:
    profile = PROFILES[name]
    meters = [Meter(redis, "project:account", profile) for _ in range(2)]
    sent = drained(meters, profile.get, SECONDS)
    a_second = profile.per_minute / 60
    burst = max(profile.get, profile.per_minute / 200)
    for (at, _), used in zip(sent, accumulate(units for _, units in sent), strict=True):
        assert used <= a_second * at + burst + 1, (at, used)
    assert sent[-1][0] > SECONDS * 0.9
    assert sum(units for _, units in sent) >= a_second * SECONDS * 0.9


@pytest.mark.parametrize("name", ["new", "legacy"])
def test_no_sixty_seconds_can_hold_more_than_google_allows(name: ProfileName, redis: Redis) -> None:
    """The bucket's own arithmetic: what was saved up, and what flows in meanwhile."""
    profile = PROFILES[name]
    meter = Meter(redis, "p:a", profile)
    assert meter._burst + meter._rate * 60 < profile.per_minute
    assert meter._rate * 60 > 0.95 * profile.per_minute


def test_accounts_do_not_take_from_each_other(redis: Redis) -> None:
    one, other = Meter(redis, "p:one", PROFILES["new"]), Meter(redis, "p:other", PROFILES["new"])
    assert one.reserve(600) > 5
    assert other.reserve(20) == 0


def test_callers_in_debt_are_served_in_order(redis: Redis) -> None:
    meter = Meter(redis, "p:a", PROFILES["new"])
    delays = [meter.reserve(20) for _ in range(10)]
    assert delays == sorted(delays)
    assert delays[0] == 0
    assert delays[-1] == pytest.approx((200 - 30) / 97.5, abs=0.1)


def test_time_without_calls_saves_up_one_burst_and_no_more(redis: Redis) -> None:
    meter = Meter(redis, "p:a", Profile(per_minute=60_000, get=1, list=1, history=1, other=1, fetchers=1))
    meter.reserve(300)
    Patience().wait(0.8)
    assert meter.reserve(300) == 0
    assert meter.reserve(300) > 0.25


def test_a_clock_that_was_set_back_runs_nobody_into_debt(redis: Redis) -> None:
    meter = Meter(redis, "p:a", PROFILES["new"])
    meter.reserve(20)
    seconds, _ = redis.time()
    redis.hset("quota:p:a", "at", str(seconds + 3600))
    assert meter.reserve(20) < 1


def test_the_profile_off_never_waits_and_writes_nothing(redis: Redis) -> None:
    assert Meter(redis, "p:a", PROFILES["off"]).reserve(10**9) == 0
    assert redis.keys() == []


def test_the_bucket_ends_by_itself(redis: Redis) -> None:
    Meter(redis, "p:a", PROFILES["new"]).reserve(20)
    assert 0 < redis.ttl("quota:p:a") <= 3600


def test_google_at_a_tenth_of_its_limits_refuses_nothing_to_two_doors_at_once(google: Google, redis: Redis) -> None:
    invent(google, 60)
    with gmail_door(google, redis) as lister:
        ids = list(lister.ids(Listing()))
    google.control("settings", {"quota": "new", "scale": 0.1})
    google.control("reset", {})
    tenth, patience = replace(PROFILES["new"], per_minute=600), Patience()

    def read(turn: int) -> float:
        with gmail_door(google, redis, patience=patience, meter=Meter(redis, "p:a", tenth)) as gmail:
            began = time.monotonic()
            for message_id in ids[turn::2]:
                gmail.message(message_id)
                if time.monotonic() - began > SECONDS:
                    break
        return time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        seconds = max(pool.map(read, range(2)))
    ledger = google.ledger()
    assert ledger["reasons"] == {}
    assert 60 <= ledger["units"] <= 20 + 10 * seconds
