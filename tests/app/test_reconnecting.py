import pytest
from connections import OTHER, acts, rests, running_import, sealed
from consents import consented, names
from engine import calls
from stand_in import Google

from app.config import Config
from app.connecting import connect
from app.stores import Stores
from jobs import accounts, requests
from jobs.errors import IllegalTransition
from jobs.migration import State
from oauth.errors import (
    KeyLost,
    WrongAccount,
)
from oauth.pending import Purpose
from oauth.revocation import is_dead


def test_an_import_that_lost_its_grant_goes_on_with_a_new_one_of_the_same_account(
    google: Google, config: Config, stores: Stores
) -> None:
    migration, dead = running_import(stores, google)
    rests(stores, migration)
    google.control("grants", {}, verb="DELETE")
    connect(config, stores, *consented(google, config, stores, Purpose(migration, reconnect=True)))
    assert requests.read(stores.state, migration).state is State.PLANNING
    assert sealed(stores, migration) != dead
    assert not is_dead(config.client, sealed(stores, migration))
    assert acts(stores) == [("reconnected", "")]


def test_reconnecting_with_another_account_gives_that_one_back_and_changes_nothing(
    google: Google, config: Config, stores: Stores
) -> None:
    google.control("accounts", {"address": OTHER})
    migration, dead = running_import(stores, google, OTHER)
    rests(stores, migration)
    google.control("grants", {}, verb="DELETE")
    before = names(stores)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    with pytest.raises(WrongAccount):
        connect(config, stores, *asked)
    assert calls(google)["oauth.revoke"] == 1
    assert sealed(stores, migration) == dead
    assert requests.read(stores.state, migration).state is State.PAUSED
    assert accounts.holds(stores.state, stores.vault, migration, OTHER)
    told = {f"mig:{{{migration}}}:{part}" for part in ("calls", "hosts")}
    assert names(stores) - told == before, "that Google was asked whose account it is will be in the receipt"


def test_an_import_that_runs_is_not_connected_again(google: Google, config: Config, stores: Stores) -> None:
    migration, _ = running_import(stores, google)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    with pytest.raises(IllegalTransition):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)


def test_an_import_whose_key_is_lost_cannot_be_connected_again(google: Google, config: Config, stores: Stores) -> None:
    migration, _ = running_import(stores, google)
    rests(stores, migration)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    stores.vault.destroy(migration)
    with pytest.raises(KeyLost):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)
    assert not stores.vault.holds(migration)
