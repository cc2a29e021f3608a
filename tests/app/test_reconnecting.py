import pytest
from connections import OTHER, acts, rests, running_import, sealed
from consents import consented, grants, names
from engine import ADDRESS, calls
from stand_in import Google

from app.config import Config
from app.connecting import connect
from app.newkey import Anew
from app.stores import Stores
from jobs import accounts, requests
from jobs.errors import IllegalTransition
from jobs.launch import Import, launch, mailbox_of
from jobs.mailboxes import OtherMailbox
from jobs.migration import State, new_id
from jobs.slice import paused
from jobs.tickets import claim, release
from migrator.mailbox import Password
from oauth.errors import KeyLost, WrongAccount
from oauth.grant import Grant
from oauth.pending import Purpose
from oauth.revocation import is_dead, revoke
from oauth.vault import Safe, Sealer


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


def test_an_import_whose_key_is_lost_needs_more_than_a_grant(google: Google, config: Config, stores: Stores) -> None:
    migration, _ = running_import(stores, google)
    rests(stores, migration)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    stores.vault.destroy(migration)
    with pytest.raises(KeyLost):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)
    assert not stores.vault.holds(migration)


# --- whose key was lost -----------------------------------------------------------------------------------------------

MAILBOX = Password("ann", "secret")


def keyless_import(stores: Stores, google: Google) -> str:
    """Begin an import, and lose the key store."""
    migration, grant = new_id(), Grant(google.grant(account=ADDRESS)["refresh_token"])
    accounts.claim(stores.state, stores.vault, migration, ADDRESS)
    Sealer(stores.state, migration, stores.vault.make(migration)).seal(grant=grant.to_bytes())
    launch(stores.state, stores.vault, migration, Import("c1", MAILBOX))
    stores.keys.flushall()
    return migration


def slice_finds_out(stores: Stores) -> None:
    claimed = claim(stores.state, 10)
    assert claimed is not None
    release(stores.state, claimed.id, claimed.token, paused("key-lost"))


def connect_anew(google: Google, config: Config, stores: Stores, migration: str, anew: Anew) -> None:
    connect(config, stores, *consented(google, config, stores, Purpose(migration, reconnect=True)), anew=anew)


def test_an_import_whose_key_was_lost_gets_everything_anew_and_goes_on(
    google: Google, config: Config, stores: Stores
) -> None:
    migration, told = keyless_import(stores, google), list[str]()
    slice_finds_out(stores)

    def remember(account: str) -> None:
        told.append(account)
        assert requests.read(stores.state, migration).state is State.PAUSED, "it goes on when everything is sealed"

    connect_anew(google, config, stores, migration, Anew(MAILBOX, remember))
    assert requests.read(stores.state, migration).state is State.PLANNING
    assert not is_dead(config.client, sealed(stores, migration))
    assert mailbox_of(Safe(stores.state, migration, stores.opening_vault.key(migration))) == MAILBOX
    assert told == [ADDRESS]
    assert acts(stores) == [("reconnected", "key-lost")]


def test_revoking_the_new_grant_ends_the_one_that_nobody_can_open(
    google: Google, config: Config, stores: Stores
) -> None:
    migration = keyless_import(stores, google)
    slice_finds_out(stores)
    connect_anew(google, config, stores, migration, Anew(MAILBOX))
    assert len(grants(google)) == 2
    revoke(config.client, sealed(stores, migration).refresh_token)
    assert grants(google) == []


def test_a_key_that_was_lost_before_any_slice_noticed_is_no_hindrance(
    google: Google, config: Config, stores: Stores
) -> None:
    migration = keyless_import(stores, google)
    connect_anew(google, config, stores, migration, Anew(MAILBOX))
    assert not is_dead(config.client, sealed(stores, migration))


def test_for_another_mailbox_nothing_is_made_and_google_is_not_asked(
    google: Google, config: Config, stores: Stores
) -> None:
    migration = keyless_import(stores, google)
    slice_finds_out(stores)
    with pytest.raises(OtherMailbox):
        connect_anew(google, config, stores, migration, Anew(Password("bob", "secret")))
    assert "oauth.token" not in calls(google)
    assert not stores.vault.holds(migration)
    assert requests.read(stores.state, migration).reason == "key-lost"


def test_with_another_account_it_rests_on_and_can_be_tried_again(
    google: Google, config: Config, stores: Stores
) -> None:
    google.control("accounts", {"address": OTHER})
    migration = keyless_import(stores, google)
    slice_finds_out(stores)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True), account=OTHER)
    with pytest.raises(WrongAccount):
        connect(config, stores, *asked, anew=Anew(MAILBOX))
    assert requests.read(stores.state, migration).reason == "key-lost"
    assert [grant["account"] for grant in grants(google)] == [ADDRESS], "the other account's is given back"
    connect_anew(google, config, stores, migration, Anew(MAILBOX))
    assert requests.read(stores.state, migration).state is State.PLANNING


@pytest.mark.parametrize("ending", ["cancel", "not-started"])
def test_what_ends_or_has_not_begun_is_not_connected_again(
    ending: str, google: Google, config: Config, stores: Stores
) -> None:
    migration = keyless_import(stores, google)
    if ending == "cancel":
        requests.cancel(stores.state, migration)
    else:
        stores.state.hset(f"mig:{{{migration}}}", mapping={"state": "paused", "reason": "not-started"})
    with pytest.raises(IllegalTransition):
        connect_anew(google, config, stores, migration, Anew(MAILBOX))
    assert "oauth.token" not in calls(google)
