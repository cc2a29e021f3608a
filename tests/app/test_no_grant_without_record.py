"""Whatever kills the process that connects an account, and wherever: the import goes on, or nothing is left of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from connections import acts, rests, running_import, sealed
from consents import config_for, consented, emptied, grants, names
from dying import called_here, deaths
from engine import ADDRESS, pressed, renewed
from stand_in import Google
from waiting import eventually

from app.config import Config
from app.connecting import connect, connect_file, kept_on
from app.newkey import Anew
from app.settling import settle_due
from app.stores import Stores
from app.wizard import consents_of, wizard_of
from jobs import accounts, exchanges, requests
from jobs.discarding import Revocation
from jobs.errors import ConnectingLapsed
from jobs.givingback import hand_over
from jobs.launch import Import, launch, mailbox_of, prepare
from jobs.migration import State, new_id, record_key
from jobs.slice import paused
from jobs.tickets import claim, release
from migrator.mailbox import Password
from oauth.errors import SealBroken
from oauth.grant import Grant
from oauth.pending import Purpose
from oauth.revocation import is_dead
from oauth.vault import Safe, Sealer
from web import entrusted
from web.session import Entered, Session

MAILBOX = Password("ann", "secret")


def make_due(stores: Stores) -> None:
    """Let the time pass after which somebody looks, and the turn of a worker that died over it."""
    stores.state.delete("reconcile:settling")
    for one in exchanges.every(stores.state):
        exchanges.put_off(stores.state, one, one.standing, 0)


@dataclass(frozen=True)
class Place:
    """One installation on which a flow is begun again and again, and dies each time a step later."""

    google: Google
    settings: dict[str, object]
    stores: Stores
    config: Config

    def begin(self) -> None:
        """Make everything as if just started."""
        emptied(self.stores)
        renewed(self.google, self.settings)

    def settle(self) -> None:
        """Let a worker look after what is left, when its time has come."""
        for _ in range(3):
            make_due(self.stores)
            settle_due(self.config, self.stores)

    def consented(self, purpose: Purpose) -> Callable[..., object]:
        """Have a customer consent; return what turns the answer into a grant."""
        asked = consented(self.google, self.config, self.stores, purpose)
        return partial(connect, self.config, self.stores, *asked, customer="c1")


@pytest.fixture
def place(
    google_process: tuple[Google, dict[str, object]],
    running: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    # Its functions run here, where the process that dies counts their steps too; a wall here would stay for all tests.
    monkeypatch.setattr("app.exchanging.run_apart", called_here)
    monkeypatch.setattr("app.exchanging.close_doors", lambda *_, **__: None)
    monkeypatch.setattr("app.surveying.begin", lambda *_: None)
    google, settings = google_process
    web: dict[str, object] = {"url": "http://127.0.0.1:1"}
    made = Place(google, settings, running, config_for(google, running, tmp_path, web=web))
    made.begin()
    return made


def by_wizard(place: Place, _: Path) -> tuple[str, Callable[[], object]]:
    wizard = wizard_of(place.config, place.stores)
    reference = entrusted.entrust(place.stores.keys, place.stores.vault, MAILBOX)
    session = Session("s" * 43, 0.0, entered=Entered("c1", "ann@host.example", reference), browser="b")
    consents = consents_of(wizard)
    answer = pressed(place.google, consents.begin(session, ""))
    return "", lambda: consents.connect(session, answer)


def by_terminal(place: Place, _: Path) -> tuple[str, Callable[[], object]]:
    migration = new_id()
    connecting = place.consented(Purpose(migration))

    def flow() -> None:
        connecting()
        launch(place.stores.state, place.stores.vault, migration, Import("c1", MAILBOX), connecting=True)

    return migration, flow


def by_file(place: Place, folder: Path) -> tuple[str, Callable[[], object]]:
    migration, file = new_id(), folder / "grant.json"
    file.write_text(json.dumps(place.google.grant()))

    def flow() -> None:
        connect_file(place.config, place.stores, Purpose(migration), file)
        launch(place.stores.state, place.stores.vault, migration, Import("c1", MAILBOX), connecting=True)

    return migration, flow


NEW = {"wizard": by_wizard, "terminal": by_terminal}


def imports(place: Place) -> list[str]:
    """Return the customer's imports, as he finds them."""
    return [one for one in requests.ids_of(place.stores.state, "c1") if place.stores.state.exists(record_key(one))]


def check_import(place: Place, migration: str) -> None:
    """It can go on: everything that was sealed opens, and its access is alive."""
    stores = place.stores
    assert not is_dead(place.config.client, sealed(stores, migration))
    assert mailbox_of(Safe(stores.state, migration, stores.opening_vault.key(migration))) == MAILBOX
    assert accounts.holds(stores.state, stores.vault, migration, ADDRESS)


def check_nothing(place: Place, *, granted: bool) -> None:
    """Nothing is left, the audit log tells of what there was, and the account is free."""
    assert grants(place.google) == []
    left = {name for name in names(place.stores) if not name.startswith(("consent:", "entrusted:", "durable:"))}
    assert left == set()
    if granted:
        assert ("revoked", "") in acts(place.stores)


def check_told(place: Place, migration: str) -> None:
    """Nobody holds the token any more: that is said, and the account is free."""
    record = requests.read(place.stores.state, migration)
    assert (record.state, record.ending) == (State.FINISHING, State.CANCELLED)
    assert not Revocation.read(place.stores.state, migration).confirmed
    accounts.claim(place.stores.state, place.stores.vault, new_id(), ADDRESS)


def check_begun_anew(place: Place) -> None:
    """The same customer begins again, and is not told that the account is busy."""
    migration = new_id()
    place.consented(Purpose(migration))()
    launch(place.stores.state, place.stores.vault, migration, Import("c1", MAILBOX), connecting=True)
    check_import(place, migration)


@pytest.mark.parametrize("way", NEW)
def test_a_new_import_goes_on_or_leaves_nothing_wherever_its_process_dies(
    way: str, place: Place, tmp_path: Path
) -> None:
    unheard, ends = 0, set()
    for death in deaths():
        place.begin()
        _, flow = NEW[way](place, tmp_path)
        with death:
            flow()
        granted = bool(grants(place.google))
        place.settle()
        found = imports(place)
        ends.add(bool(found))
        if not found:
            check_nothing(place, granted=granted)
            check_begun_anew(place)
        elif Revocation.read(place.stores.state, found[0]).settled:
            unheard += 1
            check_told(place, found[0])
        else:
            check_import(place, found[0])
    assert ends == {True, False}
    assert unheard == 1, "who dies with Google's answer in his hands, before it is sealed"


def test_an_import_by_a_grant_of_a_file_leaves_the_file_good_and_the_account_free(place: Place, tmp_path: Path) -> None:
    for death in deaths():
        place.begin()
        migration, flow = by_file(place, tmp_path)
        with death:
            flow()
        place.settle()
        assert len(grants(place.google)) == 1, "whoever has the file has the grant"
        if imports(place):
            check_import(place, migration)
            continue
        assert names(place.stores) - {"durable:mark"} == set()
        _, again = by_file(place, tmp_path)
        again()


# --- connected again --------------------------------------------------------------------------------------------------


def waiting(place: Place) -> str:
    """Begin an import whose grant has died."""
    migration, _ = running_import(place.stores, place.google)
    rests(place.stores, migration)
    place.google.control("grants", {}, verb="DELETE")
    return migration


def keyless(place: Place) -> str:
    """Begin an import whose key is lost."""
    stores, migration = place.stores, new_id()
    accounts.claim(stores.state, stores.vault, migration, ADDRESS)
    Sealer(stores.state, migration, stores.vault.make(migration)).seal(grant=Grant("dead").to_bytes())
    launch(stores.state, stores.vault, migration, Import("c1", MAILBOX))
    stores.keys.flushall()
    claimed = claim(stores.state, 10)
    assert claimed
    release(stores.state, claimed.id, claimed.token, paused("key-lost"))
    return migration


@pytest.mark.parametrize("begin", [waiting, keyless])
def test_an_import_that_is_connected_again_goes_on_or_waits_on_wherever_the_process_dies(
    begin: Callable[[Place], str], place: Place
) -> None:
    unheard, states = 0, set()
    for death in deaths():
        place.begin()
        migration = begin(place)
        connecting = place.consented(Purpose(migration, reconnect=True))
        with death:
            connecting(anew=Anew(MAILBOX) if begin is keyless else None)
        place.settle()
        record = requests.read(place.stores.state, migration)
        states.add(record.state)
        if record.state is State.PAUSED:
            told = [one for one in imports(place) if one != migration]
            assert len(told) == len(grants(place.google)), "nothing was granted, or it is told as unconfirmed"
            unheard += len(told)
            place.consented(Purpose(migration, reconnect=True))(anew=Anew(MAILBOX))
        assert requests.read(place.stores.state, migration).state is State.PLANNING
        assert not is_dead(place.config.client, sealed(place.stores, migration))
    assert states == {State.PLANNING, State.PAUSED}
    assert unheard == 1


# --- whoever looks after it -------------------------------------------------------------------------------------------


def test_a_worker_that_dies_over_it_leaves_it_to_the_next(place: Place) -> None:
    for death in deaths():
        place.begin()
        place.consented(Purpose(new_id()))()
        make_due(place.stores)
        with death:
            settle_due(place.config, place.stores)
        place.settle()
        check_nothing(place, granted=True)


def test_what_becomes_a_cancelled_import_does_so_whoever_dies_over_it(place: Place) -> None:
    ends = set()
    for death in deaths():
        place.begin()
        migration = new_id()
        place.consented(Purpose(migration))()
        with death:
            hand_over(place.stores.state, migration, "c1")
        place.settle()
        assert tuple(exchanges.every(place.stores.state)) == ()
        ends.add(bool(imports(place)))
        if imports(place):
            record = requests.read(place.stores.state, migration)
            assert (record.state, record.ending) == (State.FINISHING, State.CANCELLED), "slices try on"
            assert sealed(place.stores, migration)
        else:
            check_nothing(place, granted=True)
    assert ends == {True, False}


def test_whoever_is_too_slow_makes_no_record_of_a_grant_that_is_given_back(place: Place) -> None:
    migration, state, vault = new_id(), place.stores.state, place.stores.vault
    place.consented(Purpose(migration))()
    prepare(state, vault, migration, Import("c1", MAILBOX))
    place.settle()
    assert grants(place.google) == []
    with pytest.raises(ConnectingLapsed):
        requests.create(state, "c1", migration_id=migration, connecting=True)
    with pytest.raises(SealBroken):
        launch(state, vault, migration, Import("c1", MAILBOX), connecting=True)
    assert imports(place) == []


def test_no_record_is_made_while_the_grant_is_being_given_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    migration, state = new_id(), place.stores.state
    place.consented(Purpose(migration))()

    def meanwhile(*told: Any, **more: Any) -> Any:
        with pytest.raises(ConnectingLapsed):
            requests.create(state, "c1", migration_id=migration, connecting=True)
        return called_here(*told, **more)

    monkeypatch.setattr("app.exchanging.run_apart", meanwhile)
    place.settle()
    check_nothing(place, granted=True)


def test_whose_record_is_made_in_time_keeps_his_grant(place: Place) -> None:
    migration, state = new_id(), place.stores.state
    place.consented(Purpose(migration))()
    (seen,) = exchanges.every(state)
    launch(state, place.stores.vault, migration, Import("c1", MAILBOX), connecting=True)
    assert exchanges.take_over(state, seen) is None
    place.settle()
    check_import(place, migration)


def test_a_process_that_lives_is_not_taken_for_a_dead_one(place: Place) -> None:
    state = place.stores.state
    exchanges.begin(state, "slow", "c1")
    (seen,) = exchanges.every(state)
    assert exchanges.keep_on(state, "slow")
    assert exchanges.take_over(state, seen) is None, "it was put off meanwhile"
    (seen,) = exchanges.every(state)
    assert exchanges.take_over(state, seen)
    assert not exchanges.keep_on(state, "slow"), "it is a worker's now"


def test_it_is_put_off_as_long_as_its_process_is_at_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.connecting._KEEP_ON_SECONDS", 0.01)
    exchanges.begin(place.stores.state, "slow", "c1")
    (before,) = exchanges.every(place.stores.state)
    with kept_on(place.stores, "slow"):
        eventually(lambda: next(iter(exchanges.every(place.stores.state))).due > before.due)
