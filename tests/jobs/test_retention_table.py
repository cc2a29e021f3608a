import pytest
from key_leaks import leaks
from redis import Redis

from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, HOUR, KEPT, UNFINISHED_SECONDS, row_for


def test_the_promised_times_are_those_of_the_table() -> None:
    assert UNFINISHED_SECONDS == 72 * HOUR
    assert ENDED_SECONDS == 24 * HOUR
    assert UNFINISHED_SECONDS - HOUR == EXPIRE_SECONDS


def test_no_pattern_is_written_down_twice() -> None:
    patterns = [row.pattern for row in KEPT]
    assert len(patterns) == len(set(patterns))


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("mig:{3q2-_x}", "mig:{<id>}"),
        ("mig:{3q2-_x}:placed:12", "mig:{<id>}:placed:*"),
        ("jobs:ready:acme", "jobs:ready:*"),
        ("{dramatiq}:__acks__.1.slices", "{dramatiq}:*"),
    ],
)
def test_a_key_is_found_in_the_table(key: str, pattern: str) -> None:
    row = row_for(key)
    assert row is not None
    assert row.pattern == pattern


@pytest.mark.parametrize("key", ["mig:{3q2}:bodies", "mig:{}", "mig:3q2", "jobs:ready:", "session:1"])
def test_a_key_nobody_wrote_down_is_not(key: str) -> None:
    assert row_for(key) is None


def test_the_search_for_leaks_finds_both_kinds(redis: Redis) -> None:
    redis.set("jobs:turn", 1)
    redis.set("unheard-of", 1, ex=60)
    assert leaks(redis) == ["jobs:turn: no end date", "unheard-of: not in the table"]
    redis.delete("jobs:turn", "unheard-of")
