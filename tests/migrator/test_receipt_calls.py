"""What a receipt says was read: each call counted where it passes the quota's meter."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from engine import calls, gmail_door, invent, letter
from redis import Redis
from stand_in import Google

from migrator.gmail import Listing
from migrator.quota import PROFILES, Meter, Method, ProfileName

CALLS = "mig:{a1}:calls"


def counted(redis: Redis) -> dict[str, int]:
    rows: dict[bytes, bytes] = redis.hgetall(CALLS)  # type: ignore[assignment]
    return {name.decode(): int(count) for name, count in rows.items()}


@pytest.mark.parametrize("profile", ["new", "legacy", "off"])
def test_what_is_counted_is_what_google_was_asked(google: Google, redis: Redis, profile: ProfileName) -> None:
    invent(google, 7)
    with gmail_door(google, redis, meter=Meter(redis, "p:a", PROFILES[profile], calls=CALLS)) as gmail:
        since = gmail.account().history_id
        gmail.labels()
        ids = list(gmail.ids(Listing()))
        for number, message_id in enumerate(ids):
            gmail.message(message_id, large=number == 0)
        gmail.changes_since(since)
    assert counted(redis) == {
        "users.getProfile": 1,
        "users.labels.list": 1,
        "users.messages.list": 1,
        "users.messages.get": 7,
        "users.history.list": 1,
    }
    assert sum(n for name, n in calls(google).items() if name != "oauth.token") == sum(counted(redis).values())
    assert set(counted(redis)) == set(get_args(Method))


def test_calls_of_many_threads_are_all_counted(redis: Redis) -> None:
    meters = [Meter(redis, "p:a", PROFILES[name], calls=CALLS) for name in ("new", "off")]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: meters[n % 2].reserve(20, "users.messages.get"), range(400)))
    assert counted(redis) == {"users.messages.get": 400}


def test_a_call_nobody_named_is_counted_too(redis: Redis) -> None:
    Meter(redis, "p:a", PROFILES["off"], calls=CALLS).reserve(1)
    assert counted(redis) == {"unnamed": 1}


def test_counting_and_pacing_are_one_round_trip(redis: Redis) -> None:
    meter = Meter(redis, "p:a", PROFILES["new"], calls=CALLS)
    meter.reserve(20, "users.messages.get")
    before = redis.info("stats")["total_commands_processed"]
    again = redis.info("stats")["total_commands_processed"]
    meter.reserve(20, "users.messages.get")
    after = redis.info("stats")["total_commands_processed"]
    inside = len(["HINCRBY", "TIME", "HINCRBY", "EXPIRE", "HMGET", "HSET", "EXPIRE"])
    assert after - again - (again - before) <= inside + len(["EVALSHA"])


def test_counting_does_not_change_the_pace(redis: Redis) -> None:
    plain, counting = Meter(redis, "p:a", PROFILES["new"]), Meter(redis, "p:b", PROFILES["new"], calls=CALLS)
    for _ in range(10):
        assert counting.reserve(20, "users.messages.get") == pytest.approx(plain.reserve(20), abs=0.1)


def test_the_counts_end_by_themselves_and_no_later_than_the_migration_says(redis: Redis) -> None:
    meter = Meter(redis, "p:a", PROFILES["off"], calls=CALLS)
    meter.reserve(1, "users.messages.get")
    assert 0 < redis.ttl(CALLS) <= 72 * 3600
    redis.expire(CALLS, 100)
    meter.reserve(1, "users.messages.list")
    assert 0 < redis.ttl(CALLS) <= 100


def test_a_meter_of_no_migration_counts_nothing(google: Google, redis: Redis) -> None:
    google.control("messages", {"raw": letter(1).decode()})
    with gmail_door(google, redis) as gmail:
        gmail.labels()
    assert redis.keys() == []
