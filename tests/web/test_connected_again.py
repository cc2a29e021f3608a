"""Customers who come back to an import that has lost its key, or to one whose mailbox refused the password."""

from collections.abc import Callable, Iterator
from html import unescape

import pytest
from browser import Browser
from consents import grants
from engine import ADDRESS, pressed
from fastapi import FastAPI
from inn import form_for, sent
from stand_in import Google
from ways import FROM_PANEL, Client, claims, entrance, hidden, panel, serving, signed

from app.addresses import addresses_of
from app.config import Config
from app.stores import Stores
from jobs import audit, requests
from jobs.launch import Import, launch, mailbox_of
from jobs.migration import State, new_id
from jobs.slice import paused
from jobs.tickets import claim, release
from migrator.mailbox import MasterUser, Password
from oauth.vault import Safe
from web.doors import Addresses
from web.launch import launch_routes

New = Callable[..., Browser]
MAILBOX = "ann@host.example"


def rests(stores: Stores, migration: str, reason: str) -> None:
    """Let a slice of the import end with this reason."""
    claimed = claim(stores.state, 10)
    assert claimed is not None
    assert claimed.id == migration
    release(stores.state, claimed.id, claimed.token, paused(reason))


def keyless(customer: Browser, stores: Stores) -> str:
    """Connect an import, start it, and lose the key store; return its path."""
    place = customer.connect()
    migration = place.removeprefix("/imports/")
    requests.resume(stores.state, migration)
    stores.keys.flushall()
    rests(stores, migration, "key-lost")
    return place


def test_who_comes_back_connects_again_by_one_button(browser: New, google: Google, stores: Stores) -> None:
    customer = browser("c-1")
    place = keyless(customer, stores)
    migration = place.removeprefix("/imports/")
    page = unescape(customer.get(place).text)
    assert "We have lost the key" in page
    assert addresses_of(stores, migration) is None
    asked = sent(customer, form_for(page, "/reconnect"))
    assert customer.get(Browser.path(pressed(google, asked.place))).place == place
    assert requests.read(stores.state, migration).state is State.PLANNING
    assert addresses_of(stores, migration) == Addresses(ADDRESS, MAILBOX)
    safe = Safe(stores.state, migration, stores.opening_vault.key(migration))
    assert mailbox_of(safe) == MasterUser(MAILBOX, "master", "master secret")


def test_who_came_in_for_another_mailbox_is_told_so_before_google_is_asked(
    browser: New, stranger: New, site: Config, google: Google, stores: Stores
) -> None:
    place = keyless(browser("c-1"), stores)
    other = stranger()
    token = signed(claims(site.web.url, sub="c-1", mailbox="bob@host.example"))
    assert other.post("/launch", dict(FROM_PANEL), launch=token).status == 303
    answer = sent(other, form_for(other.get(place).text, "/reconnect"))
    assert (answer.status, "goes into another mailbox" in answer.text) == (409, True)
    assert other.get(place).status == 200, "he is still signed in"
    assert len(grants(google)) == 1
    assert not stores.vault.holds(place.removeprefix("/imports/"))


def test_another_account_changes_nothing_and_the_right_one_goes_on(
    browser: New, google: Google, stores: Stores
) -> None:
    google.control("accounts", {"address": "other@gmail.example"})
    customer = browser()
    place = keyless(customer, stores)
    for account, status in (("other@gmail.example", 400), (ADDRESS, 303)):
        asked = sent(customer, form_for(customer.get(place).text, "/reconnect"))
        back = pressed(google, asked.place, account=account)
        assert customer.get(Browser.path(back)).status == status
    assert {grant["account"] for grant in grants(google)} == {ADDRESS}


# --- the password was changed -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(running: Stores) -> Iterator[str]:
    """The one route of a launch, of a host whose launches bring the mailbox's password along."""

    def build(url: str) -> FastAPI:
        site = FastAPI()
        site.include_router(launch_routes(entrance(running), panel(url, master_user=False)))
        return site

    with serving(build) as found:
        yield found


def refused(stores: Stores, customer: str, user: str = MAILBOX, reason: str = "login-refused") -> str:
    """Begin an import that rests, by its mailbox's refusal unless another reason is given."""
    migration = new_id()
    stores.vault.make(migration)
    launch(stores.state, stores.vault, migration, Import(customer, Password(user, "old")))
    rests(stores, migration, reason)
    return migration


def password_of(stores: Stores, migration: str) -> tuple[str, State]:
    found = mailbox_of(Safe(stores.state, migration, stores.opening_vault.key(migration)))
    assert isinstance(found, Password)
    return found.password, requests.read(stores.state, migration).state


def test_a_launch_with_the_new_password_lets_the_import_go_on_that_waited_for_it(url: str, stores: Stores) -> None:
    waiting = refused(stores, "customer-7")
    others = {
        "another mailbox of his": refused(stores, "customer-7", "bob@host.example"),
        "another customer's": refused(stores, "customer-8"),
        "paused for another reason": refused(stores, "customer-7", reason="reconnect-needed"),
    }
    assert Client(url).launch(signed(claims(url, secret=hidden("new")))).status == 303
    assert password_of(stores, waiting) == ("new", State.PLANNING)
    for why, migration in others.items():
        assert password_of(stores, migration) == ("old", State.PAUSED), why
    acts = [(str(entry.act), str(entry.actor), entry.migration) for entry in audit.entries(stores.state)]
    assert acts == [("mailbox-renewed", "customer", waiting)]


def test_a_launch_without_a_password_changes_none(site: Config, stranger: New, stores: Stores) -> None:
    waiting = refused(stores, "customer-7")
    token = signed(claims(site.web.url))
    assert stranger().post("/launch", dict(FROM_PANEL), launch=token).status == 303
    assert password_of(stores, waiting) == ("old", State.PAUSED)


def test_an_import_whose_key_is_lost_stays_as_it_is(url: str, stores: Stores) -> None:
    waiting = refused(stores, "customer-7")
    stores.vault.destroy(waiting)
    assert Client(url).launch(signed(claims(url, secret=hidden("new")))).status == 303
    assert requests.read(stores.state, waiting).reason == "login-refused"
