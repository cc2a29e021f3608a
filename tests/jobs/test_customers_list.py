"""The list by which a customer's imports are found: written with the record, ended with it, cleared with it."""

import time
from pathlib import Path

import pytest
from redis import Redis
from vaults import make_keys, vault_of

from jobs.erasing import erase
from jobs.kept import HOUR, Where
from jobs.migration import State, new_id
from jobs.overview import held_of
from jobs.requests import cancel, create, ids_of, pause, read_all
from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, UNFINISHED_SECONDS
from jobs.slice import advance, ended
from jobs.sweeper import sweep
from jobs.tickets import claim, release, renew
from web.owned import migrations_of

NOW = float(int(time.time()))


def done(redis: Redis, customer: str = "c1", now: float = NOW) -> str:
    migration = create(redis, customer, now=now).id
    for end in (advance(State.FINISHING), ended(State.DONE)):
        claimed = claim(redis, 10.0, now=now)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=now)
    return migration


def found(redis: Redis, *customers: str) -> list[str]:
    return [migration.id for migration in migrations_of(redis, *customers)]


def test_a_customers_imports_are_found_the_newest_first_and_nobody_elses(redis: Redis) -> None:
    mine = [create(redis, "c1", now=NOW - age).id for age in (20, 10, 30)]
    other = create(redis, "c2").id
    assert found(redis, "c1") == [mine[1], mine[0], mine[2]]
    assert found(redis, "c2") == [other]
    assert found(redis, "c1", "c2") == [other, mine[1], mine[0], mine[2]]
    assert found(redis, "c") == found(redis) == []


def test_an_import_that_is_not_made_is_not_listed(redis: Redis) -> None:
    migration = create(redis, "c1").id
    with pytest.raises(ValueError, match="exists"):
        create(redis, "c2", migration_id=migration)
    assert ids_of(redis, "c2") == ()
    assert not redis.exists("jobs:of:c2")


def test_in_a_list_that_has_an_id_too_many_the_record_decides(redis: Redis) -> None:
    theirs = create(redis, "c2").id
    redis.zadd("jobs:of:c1", {theirs: NOW + HOUR, new_id(): NOW + HOUR})
    redis.expire("jobs:of:c1", HOUR)
    assert found(redis, "c1") == []


def test_the_list_ends_with_the_last_of_its_imports(redis: Redis) -> None:
    create(redis, "c1", start=False, now=NOW - 10)
    assert redis.expiretime("jobs:of:c1") == NOW - 10 + UNFINISHED_SECONDS
    done(redis, "c1")
    assert redis.expiretime("jobs:of:c1") == NOW - 10 + UNFINISHED_SECONDS
    done(redis, "c2")
    assert redis.expiretime("jobs:of:c2") == NOW + ENDED_SECONDS


def test_the_list_lives_as_long_as_there_is_progress(redis: Redis) -> None:
    create(redis, "c1", now=NOW - 3 * HOUR)
    claimed = claim(redis, 10.0, now=NOW)
    assert claimed is not None
    renew(redis, claimed.id, claimed.token, 10.0, progressed=True, now=NOW)
    assert redis.expiretime("jobs:of:c1") == NOW + UNFINISHED_SECONDS


def test_what_ended_while_no_worker_ran_leaves_the_list_at_the_next_step(redis: Redis) -> None:
    first = done(redis, now=NOW - 23 * HOUR)
    second = create(redis, "c1", now=NOW).id
    assert set(ids_of(redis, "c1")) == {first, second}
    pause(redis, second)
    assert set(ids_of(redis, "c1")) == {first, second}
    third = create(redis, "c1", now=NOW + 2 * HOUR).id
    assert set(ids_of(redis, "c1")) == {second, third}


def test_what_is_purged_leaves_the_list_and_an_empty_list_is_gone(redis: Redis) -> None:
    first, second = done(redis), create(redis, "c1", now=NOW).id
    assert sweep(redis, None, now=NOW + ENDED_SECONDS).purged == (first,)
    assert ids_of(redis, "c1") == (second,)
    sweep(redis, None, now=NOW + EXPIRE_SECONDS)
    sweep(redis, None, now=NOW + UNFINISHED_SECONDS)
    assert not redis.exists("jobs:of:c1")


def test_who_erases_one_import_keeps_the_others(redis: Redis, tmp_path: Path) -> None:
    make_keys(tmp_path)
    vault = vault_of(redis, tmp_path / "master.key")
    earlier, later = done(redis, now=NOW - HOUR), done(redis, now=NOW)
    assert erase(redis, vault, later)
    assert found(redis, "c1") == [earlier]
    assert redis.expiretime("jobs:of:c1") == NOW - HOUR + ENDED_SECONDS


def test_a_cancelled_import_is_still_found(redis: Redis) -> None:
    migration = create(redis, "c1").id
    cancel(redis, migration)
    assert found(redis, "c1") == [migration]


def test_more_than_a_thousand_are_read(redis: Redis) -> None:
    made = [create(redis, "c1", start=False).id for _ in range(1050)]
    assert {migration.id for migration in read_all(redis, made)} == set(made)
    assert len(found(redis, "c1")) == 1050


def test_the_list_is_among_what_is_held_about_a_customer(redis: Redis) -> None:
    migration = create(redis, "c1").id
    told = {one.holds: one for one in held_of({Where.STATE: redis, Where.KEYS: redis}, migration)}
    assert told["ids of a customer's imports, under his opaque id"].bytes == redis.memory_usage("jobs:of:c1")
