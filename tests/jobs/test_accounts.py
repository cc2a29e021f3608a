"""One grant per Google account at a time."""

from collections.abc import Callable

import pytest
from redis import Redis
from vaults import WORKERS

from jobs import exchanges
from jobs.accounts import account_of, claim, holds, release
from jobs.errors import AccountBusy
from jobs.migration import State, new_id, record_key
from jobs.requests import create
from oauth.keyring import KeyRing
from oauth.vault import Vault, WorkersVault

ADDRESS = "ann@gmail.example"
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


@pytest.fixture
def vault(redis: Redis) -> Vault:
    return WorkersVault(redis, KeyRing(OLD), WORKERS)


def connecting(redis: Redis) -> str:
    """Return the id of an account's connection that is under way."""
    exchange = new_id()
    exchanges.begin(redis, exchange, "c1")
    return exchange


@pytest.fixture
def holding(redis: Redis, vault: Vault) -> Callable[[State], str]:
    """Make a migration in this state that holds the account."""

    def make(state: State) -> str:
        migration = create(redis, "c1").id
        claim(redis, vault, migration, ADDRESS)
        redis.hset(record_key(migration), "state", state)
        return migration

    return make


def test_the_first_holds_the_account_and_nobody_else_gets_it(redis: Redis, vault: Vault) -> None:
    first, second = connecting(redis), new_id()
    claim(redis, vault, first, ADDRESS)
    with pytest.raises(AccountBusy):
        claim(redis, vault, second, ADDRESS.upper())
    assert holds(redis, vault, first, ADDRESS)
    assert not holds(redis, vault, second, ADDRESS)
    assert account_of(redis, second) == ""


def test_another_account_is_another_matter(redis: Redis, vault: Vault) -> None:
    claim(redis, vault, new_id(), ADDRESS)
    claim(redis, vault, new_id(), "bob@gmail.example")


def test_the_holder_may_claim_again(redis: Redis, vault: Vault) -> None:
    first = new_id()
    claim(redis, vault, first, ADDRESS)
    claim(redis, vault, first, ADDRESS)
    assert holds(redis, vault, first, ADDRESS)


@pytest.mark.parametrize("state", [State.COPYING, State.PAUSED, State.FAILED, State.FINISHING])
def test_who_has_not_ended_keeps_the_account(
    holding: Callable[[State], str], redis: Redis, vault: Vault, state: State
) -> None:
    holding(state)
    with pytest.raises(AccountBusy):
        claim(redis, vault, new_id(), ADDRESS)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.EXPIRED])
def test_who_has_ended_keeps_nobody_waiting(
    holding: Callable[[State], str], redis: Redis, vault: Vault, state: State
) -> None:
    holding(state)
    second = new_id()
    claim(redis, vault, second, ADDRESS)
    assert holds(redis, vault, second, ADDRESS)


def test_a_hold_without_a_record_counts_as_long_as_the_account_is_being_connected(redis: Redis, vault: Vault) -> None:
    first, second = connecting(redis), new_id()
    claim(redis, vault, first, ADDRESS)
    with pytest.raises(AccountBusy):
        claim(redis, vault, second, ADDRESS)
    exchanges.drop(redis, first)
    claim(redis, vault, second, ADDRESS)


def test_release_gives_the_account_free_and_forgets_its_name_and_twice_is_harmless(redis: Redis, vault: Vault) -> None:
    first, second = new_id(), new_id()
    claim(redis, vault, first, ADDRESS)
    release(redis, first)
    assert redis.keys("*") == []
    exchanges.begin(redis, second, "c1")
    claim(redis, vault, second, ADDRESS)
    release(redis, first)
    with pytest.raises(AccountBusy):
        claim(redis, vault, new_id(), ADDRESS)


def test_who_lost_the_account_does_not_give_it_free(
    holding: Callable[[State], str], redis: Redis, vault: Vault
) -> None:
    first, second = holding(State.DONE), connecting(redis)
    claim(redis, vault, second, ADDRESS)
    release(redis, first)
    with pytest.raises(AccountBusy):
        claim(redis, vault, new_id(), ADDRESS)


def test_an_account_held_under_an_older_master_key_is_held(redis: Redis) -> None:
    first = connecting(redis)
    claim(redis, WorkersVault(redis, KeyRing(OLD), WORKERS), first, ADDRESS)
    rotated = WorkersVault(redis, KeyRing(NEW | OLD), WORKERS)
    with pytest.raises(AccountBusy):
        claim(redis, rotated, new_id(), ADDRESS)
    assert holds(redis, rotated, first, ADDRESS)


def test_no_name_of_the_account_is_stored(redis: Redis, vault: Vault) -> None:
    claim(redis, vault, new_id(), ADDRESS)
    assert not any(b"ann" in key + (redis.dump(key) or b"") for key in redis.keys("*"))
