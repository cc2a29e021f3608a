"""An import whose access dies on the way goes on with a new consent, where it was."""

import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from stand_in import Google
from story.house import House
from story.layouts import Install, Layout
from story.observe import mailbox_content
from story.test_crash_points import all_there_once

from app.config import load
from app.connecting import connect
from app.stores import Stores, StoreUrls
from emulator.servers.instance import Server
from jobs import audit
from jobs.migration import State
from migrator.labels import Choices
from oauth import pending
from oauth.errors import WrongAccount
from oauth.pending import Purpose

CUSTOMER = "customer@gmail.example"
OTHER = "other@gmail.example"


def stores_of(home: House) -> Stores:
    return Stores(StoreUrls(home.redis_store.url, home.redis_store.broker_url, home.keys_store.url), home.master)


def consent_again(home: House, migration: str, google: Google, *, account: str = CUSTOMER) -> None:
    """Have a person consent for an import that waits for it."""
    stores, config = stores_of(home), load(home.config)
    session = secrets.token_urlsafe(32)
    purpose = Purpose(migration, reconnect=True)
    url = pending.begin(stores.keys, stores.vault, config.client, "http://127.0.0.1:1/", session, purpose)
    form = {**dict(parse_qsl(urlsplit(url).query)), "decision": "allow", "account": account}
    answer = google.request("POST", "/o/oauth2/v2/auth", form).headers["location"]
    try:
        connect(config, stores, pending.take(stores.keys, stores.vault, session, answer), answer)
    finally:
        stores.state.close()
        stores.keys.close()


def test_an_import_whose_access_dies_on_the_way_is_finished_with_a_new_consent(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    google = home.google
    google.fault("invalidGrant", method="messages.get", nth=40)
    migration = home.launch(user)
    rests = home.wait(migration)
    assert (rests.state, rests.reason) == (State.PAUSED, "reconnect-needed")
    before = home.report(migration)
    assert before.open > 0
    assert sum(before.outcomes.values()) > 0

    google.control("accounts", {"address": OTHER})
    with pytest.raises(WrongAccount):
        consent_again(home, migration, google, account=OTHER)
    assert home.wait(migration).state is State.PAUSED

    read_before = google.ledger()["calls"]["messages.get"]
    consent_again(home, migration, google)
    assert home.wait(migration).state is State.DONE
    report = home.report(migration)
    assert report.adds_up
    assert len(list(mailbox_content(dovecot_server, user))) == report.copied, "nothing is there twice"
    read_again = google.ledger()["calls"]["messages.get"] - read_before
    assert read_again < report.total, "what was copied before is not read again"
    acts = [str(entry.act) for entry in audit.entries(home.state, migration)]
    assert acts.index("grant-refused") < acts.index("reconnected")
    assert google.control("grants")["grants"] == []
    assert not home.vault.holds(migration)


@pytest.mark.parametrize("method", ["messages.list", "history.list"], ids=["planning", "catching up"])
def test_in_whatever_phase_the_access_dies_nothing_is_lost_and_nothing_is_there_twice(
    method: str, install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    home.google.fault("invalidGrant", method=method)
    migration = home.launch(user, Choices(policy="copy-per-label"))
    assert home.wait(migration).reason == "reconnect-needed"
    consent_again(home, migration, home.google)
    assert home.wait(migration).state is State.DONE
    all_there_once(home, small, user, "copy-per-label")
    assert home.google.control("grants")["grants"] == []
