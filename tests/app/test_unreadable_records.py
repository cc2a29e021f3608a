"""A record that this version cannot read: it alone is said to be so, and everything else goes on."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from test_cli_operators import Desk, home  # noqa: F401 - the fixture
from vaults import fixed_vault

from jobs.errors import UnreadableMigration
from jobs.migration import part_key, record_key
from jobs.requests import create, history, migration_ids, read, read_all
from jobs.retention import EXPIRE_SECONDS
from jobs.slice import failed
from jobs.standing import standing
from jobs.sweeper import sweep
from jobs.tickets import claim

GOOD = 20


def _unknown_state(redis: Redis, key: str) -> None:
    redis.hset(key, "state", "frozen")


def _newer_phase(redis: Redis, key: str) -> None:
    redis.hset(key, mapping={"state": "frozen", "phase": "thawing", "further": "{}"})


def _missing_field(redis: Redis, key: str) -> None:
    redis.hdel(key, "until")


def _no_time(redis: Redis, key: str) -> None:
    redis.hdel(key, "progress_at")


def _no_number(redis: Redis, key: str) -> None:
    redis.hset(key, "crashes", "many")


BREAKS: dict[str, Callable[[Redis, str], None]] = {
    "an unknown state": _unknown_state,
    "of a newer version": _newer_phase,
    "a field missing": _missing_field,
    "no number": _no_number,
    "no time": _no_time,
}


@pytest.fixture
def desk(home: tuple[Path, Redis]) -> Desk:  # noqa: F811
    home[1].flushall()
    return Desk(home[1], home[0])


@pytest.fixture
def broken(desk: Desk) -> list[str]:
    """Ids of records that cannot be read, among good ones in several states."""
    desk.resting(failed("login-refused", resumable=True))
    for _ in range(GOOD):
        create(desk.state, "acme")
    ids = [create(desk.state, "acme").id for _ in BREAKS]
    for migration, deed in zip(ids, BREAKS.values(), strict=True):
        deed(desk.state, record_key(migration))
    return ids


def test_it_is_told_from_one_that_there_is_not(desk: Desk, broken: list[str]) -> None:
    for migration in broken:
        with pytest.raises(UnreadableMigration, match="written by another version"):
            read(desk.state, migration)


def test_all_others_are_read(desk: Desk, broken: list[str]) -> None:
    unreadable: list[str] = []
    found = list(read_all(desk.state, migration_ids(desk.state), unreadable.append))
    assert (len(found), sorted(unreadable)) == (GOOD + 1, sorted(broken))


def test_how_everything_stands_names_them(desk: Desk, broken: list[str]) -> None:
    told = standing(desk.state, desk.state)
    assert sorted(told.unreadable) == sorted(broken)
    assert sum(told.states.values()) == GOOD + 1


@pytest.mark.parametrize("words", [["list"], ["queue"], ["status"], ["dead"], ["data"], ["keys", "status"], ["doctor"]])
def test_every_command_works_and_says_which(desk: Desk, broken: list[str], words: list[str]) -> None:
    said = desk.run(*words, columns="200")
    assert said.exception is None or isinstance(said.exception, SystemExit), said.output
    if words[0] in {"list", "queue"}:
        assert all(migration in said.output for migration in broken)
        assert "cannot be read by this version" in said.output


def test_a_change_to_a_state_that_nobody_knows_is_left_out_of_a_history(desk: Desk, broken: list[str]) -> None:
    good = next(migration for migration in migration_ids(desk.state) if migration not in broken)
    desk.state.lpush(part_key(good, "history"), "1800000000.000 frozen later")
    assert all(change.reason != "later" for change in history(desk.state, good))


def test_looking_at_one_says_what_is_wrong(desk: Desk, broken: list[str]) -> None:
    said = desk.run("show", broken[0])
    assert said.exit_code == 1
    assert "written by another version" in said.output


def test_an_act_on_all_leaves_them_alone(desk: Desk, broken: list[str]) -> None:
    before = [desk.state.hgetall(record_key(migration)) for migration in broken]
    assert desk.run("pause", "--where", "older=0m", "--yes").exit_code == 0
    assert [desk.state.hgetall(record_key(migration)) for migration in broken] == before


def test_workers_go_on_with_the_others(desk: Desk, broken: list[str]) -> None:
    taken = {claimed.id for _ in range(GOOD + 1) if (claimed := claim(desk.state, 10))}
    assert len(taken) >= GOOD
    assert not taken & set(broken[:2]), "a state that nobody knows is worked on by nobody"


def test_the_sweeper_goes_on_with_the_others(desk: Desk, broken: list[str]) -> None:
    later = time.time() + EXPIRE_SECONDS + 60
    swept = sweep(desk.state, fixed_vault(desk.state), now=later)
    assert len(swept.expired) >= GOOD
    assert not set(swept.expired) & {broken[0], broken[1], broken[-1]}
    assert sweep(desk.state, fixed_vault(desk.state), now=later).expired == (), "nor are they asked for at each look"
    assert all(desk.state.ttl(record_key(migration)) > 0 for migration in broken), "their keys end by themselves"
