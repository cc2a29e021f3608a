"""What goes through, minute by minute, and what of it is told."""

import pytest
from redis import Redis

from jobs.crashes import CRASH_LIMIT, CRASH_SECONDS
from jobs.flow import Minute, count_dead, minutes, totals
from jobs.migration import MOST_MESSAGES, State, part_key
from jobs.requests import create, pause, read
from jobs.slice import SliceEnd, advance, again, crashed, failed, wait
from jobs.tickets import claim, reconcile, release, renew
from migrator.quota import PROFILES, Meter

BEGUN = 1_800_000_000.0
"""The beginning of a minute."""

MB = 1_000_000


def bring(redis: Redis, migration: str, messages: int, size: int, at: float) -> None:
    """Have a slice bring messages, as the ledger counts them, and end."""
    claimed = claim(redis, 10, now=at)
    assert claimed is not None
    counts = part_key(migration, "counts")
    redis.hincrby(counts, "settled", messages)
    redis.hincrby(counts, "weighed", messages)
    redis.hincrby(counts, "bytes", size)
    release(redis, claimed.id, claimed.token, again(), progressed=True, now=at)


def copying(redis: Redis, at: float = BEGUN) -> str:
    migration = create(redis, "acme", now=at).id
    claimed = claim(redis, 10, now=at)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, advance(State.COPYING), now=at)
    return migration


def ended_by(redis: Redis, end: SliceEnd, at: float = BEGUN) -> None:
    claimed = claim(redis, 10, now=at)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, end, now=at)


def test_messages_and_bytes_are_counted_once_in_the_minute_in_which_they_came(redis: Redis) -> None:
    migration = copying(redis)
    bring(redis, migration, 30, 42 * MB, BEGUN + 10)
    bring(redis, migration, 20, 10 * MB, BEGUN + 70)
    bring(redis, migration, 0, 0, BEGUN + 71)
    assert minutes(redis, 3, now=BEGUN + 121) == (
        Minute(int(BEGUN), 30, 40 * MB),
        Minute(int(BEGUN) + 60, 20, 10 * MB),
        Minute(int(BEGUN) + 120),
    )
    assert totals(redis).messages == 50


def test_a_renewal_of_the_lease_counts_what_came_by_then(redis: Redis) -> None:
    migration = copying(redis)
    claimed = claim(redis, 10, now=BEGUN)
    assert claimed is not None
    redis.hset(part_key(migration, "counts"), mapping={"settled": 7, "bytes": 100})
    renew(redis, claimed.id, claimed.token, 10, progressed=True, now=BEGUN + 3)
    assert minutes(redis, 1, now=BEGUN + 4)[0].messages == 7


def test_a_minute_under_way_and_one_of_few_messages_tell_no_bytes(redis: Redis) -> None:
    migration = copying(redis)
    bring(redis, migration, 19, 80 * MB, BEGUN)
    bring(redis, migration, 20, 80 * MB, BEGUN + 60)
    assert [minute.bytes for minute in minutes(redis, 2, now=BEGUN + 61)] == [None, None]
    assert [minute.bytes for minute in minutes(redis, 2, now=BEGUN + 121)] == [160 * MB, None]


def test_bytes_that_are_forgotten_again_take_nothing_from_the_sums(redis: Redis) -> None:
    migration = copying(redis)
    bring(redis, migration, 30, 42 * MB, BEGUN)
    redis.hincrby(part_key(migration, "counts"), "bytes", -40 * MB)
    bring(redis, migration, 1, 0, BEGUN + 1)
    assert totals(redis).bytes == 40 * MB
    assert totals(redis).messages == 31


@pytest.mark.parametrize(
    "end",
    [wait(BEGUN + 900, "mailbox-full"), failed("login-refused", resumable=True), crashed("child-killed:signal")],
    ids=["wait", "failure", "crash"],
)
def test_what_holds_an_import_up_is_counted_by_its_class(redis: Redis, end: SliceEnd) -> None:
    copying(redis)
    ended_by(redis, end)
    name = end.code.partition(":")[0]
    assert minutes(redis, 1, now=BEGUN + 1)[0].codes == {name: 1}
    assert totals(redis).codes == {name: 1}


def test_a_crash_that_is_one_too_many_is_counted_once(redis: Redis) -> None:
    migration, at = copying(redis), BEGUN
    for _ in range(CRASH_LIMIT):
        reconcile(redis, now=at)
        ended_by(redis, crashed("child-killed"), at)
        at += CRASH_SECONDS / (CRASH_LIMIT - 1)
    assert read(redis, migration).state is State.FAILED
    assert totals(redis).codes == {"child-killed": CRASH_LIMIT}


def test_a_crash_while_somebody_pauses_is_counted_too(redis: Redis) -> None:
    migration = copying(redis)
    claimed = claim(redis, 10, now=BEGUN)
    assert claimed is not None
    pause(redis, migration)
    assert release(redis, claimed.id, claimed.token, crashed("child-killed"), now=BEGUN) is State.PAUSED
    assert totals(redis).codes == {"child-killed": 1}


def test_what_people_wish_is_no_trouble(redis: Redis) -> None:
    pause(redis, copying(redis))
    create(redis, "acme", start=False)
    assert totals(redis).codes == {}


def test_leases_that_run_out_are_counted_when_the_import_fails_by_them(redis: Redis) -> None:
    migration, at = copying(redis), BEGUN
    for _ in range(CRASH_LIMIT):
        assert claim(redis, 10, now=at)
        at += CRASH_SECONDS / (CRASH_LIMIT - 1)
        reconcile(redis, now=at)
    assert read(redis, migration).state is State.FAILED
    assert totals(redis).codes == {"worker-lost": 1}


def test_units_are_counted_by_google_project_and_minute(redis: Redis) -> None:
    profile = PROFILES["new"]
    for account in ("one", "two"):
        Meter(redis, f"project:with:colons:{account}", profile).reserve(20)
    Meter(redis, "other:one", profile, calls="mig:{x}:calls").reserve(5)
    counted: dict[str, int] = {}
    for minute in minutes(redis, 2):
        counted |= {project: counted.get(project, 0) + units for project, units in minute.units.items()}
    assert counted == {"project:with:colons": 40, "other": 5}


def test_tickets_that_died_are_counted(redis: Redis) -> None:
    count_dead(redis, 2)
    count_dead(redis, 1)
    assert totals(redis).dead == 3


def test_shown_bytes_move_in_steps_of_twenty_messages_once_a_minute_and_are_rounded(redis: Redis) -> None:
    migration = copying(redis)

    def shown(messages: int, size: int, at: float) -> int | None:
        bring(redis, migration, messages, size, BEGUN + at)
        return read(redis, migration).shown_bytes

    assert shown(19, 95 * MB, 0) is None  # too few
    assert shown(1, 1 * MB, 1) == 100 * MB
    assert shown(50, 100 * MB, 30) == 100 * MB  # too soon
    assert shown(0, 0, 62) == 100 * MB  # nothing came, so nothing is looked at
    assert shown(1, 8 * MB, 63) == 200 * MB
    assert shown(19, 90 * MB, 200) == 200 * MB  # too few
    assert totals(redis).bytes == 200 * MB


def test_every_key_of_it_ends_within_a_day_and_the_sums_within_three(redis: Redis) -> None:
    migration = copying(redis)
    bring(redis, migration, 1, 1, BEGUN)
    Meter(redis, "project:one", PROFILES["new"]).reserve(20)
    names = [name for pattern in ("flow:*", "used:*") for name in redis.scan_iter(pattern)]
    assert len(names) == 3
    assert all(0 < redis.ttl(name) <= (72 if name == b"flow:total" else 24) * 3600 for name in names)


def test_messages_without_bytes_hide_no_others(redis: Redis) -> None:
    migration = copying(redis)
    redis.hset(part_key(migration, "counts"), mapping={"settled": 20, "weighed": 1, "bytes": 30 * MB})
    bring(redis, migration, 0, 0, BEGUN)
    assert read(redis, migration).shown_bytes is None
    assert totals(redis).bytes == 0


def test_what_a_slice_in_hostile_hands_counts_does_not_run_the_sums_over(redis: Redis) -> None:
    hostile, other = copying(redis), copying(redis)
    redis.hset(part_key(hostile, "counts"), mapping={"settled": 2**63 - 1, "weighed": 2**63 - 1, "bytes": 2**63 - 1})
    redis.expire(part_key(hostile, "counts"), 600)
    for at in (BEGUN + 10, BEGUN + 20):
        claimed = claim(redis, 10, now=at)
        assert claimed is not None
        if claimed.id == other:
            redis.hincrby(part_key(other, "counts"), "settled", 5)
        release(redis, claimed.id, claimed.token, again(), progressed=True, now=at)
    assert totals(redis).messages == MOST_MESSAGES + 5
