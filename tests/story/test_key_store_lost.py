"""The key store dies in the middle of an import; its customer connects again by the pages, and it goes on where it was.

Its content is nowhere else: what was sealed is unreadable for ever, and the hashes by which mail is recognised compare
with nothing any more.
"""

from pathlib import Path

import pytest
from browser import Browser
from engine import pressed
from inn import Inn, form_for, inn, sent
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House
from story.layouts import Layout
from story.test_crash_points import CRASH, all_there_once, wait_for

from emulator.servers.instance import Limits, Server
from jobs import audit, requests
from jobs.migration import State
from jobs.report import Report

CUSTOMER = "customer@gmail.example"


@pytest.fixture(scope="module")
def dovecot(start_server: StartServer) -> Server:
    # Without ACLs: with them Dovecot gives a master user the rights of his own name, not of the mailbox's owner.
    return start_server("dovecot", Limits())


def start(browser: Browser, policy: str) -> str:
    """Go from the start to an import that is started, without waiting for the count; return its path."""
    place = browser.get(browser.to_google()).place
    page = browser.get(f"{place}/check")
    choose = browser.get(sent(browser, form_for(page.text, "/confirm")).place)
    assert sent(browser, form_for(choose.text, "/choices").filled(policy=policy), "start").place == place
    return place


def lose_the_keys(home: House, point: str, nth: int, folder: Path) -> None:
    """Have the key store and the slice killed at a point of the import; the store begins again, empty."""
    done = folder / "crashed"
    home.start_worker(
        PYTHONPATH=str(CRASH),
        CRASH_AT=point,
        CRASH_NTH=str(nth),
        CRASH_WHO="keys",
        CRASH_PID=str(home.keys_store.pid),
        CRASH_DONE=str(done),
    )
    wait_for(done)
    home.restart_keys()


def rests_without_its_key(home: House, migration: str) -> Report:
    """Wait until the import says that its key is lost; where the store was just away, it is tried again at once."""
    found = home.wait(migration, State.WAITING, State.PAUSED)
    if found.state is State.WAITING:
        requests.resume(home.state, migration)
        found = home.wait(migration)
    assert (found.state, found.reason) == (State.PAUSED, "key-lost")
    return home.report(migration)


def connect_again(customer: Browser, there: Inn, place: str) -> None:
    """Press the button of the import's page, and consent at Google."""
    asked = sent(customer, form_for(customer.get(place).text, "/reconnect"))
    assert asked.status == 303, asked.text
    back = customer.get(Browser.path(pressed(there.google, asked.place)))
    assert (back.status, back.headers.get("location")) == (303, place), back.text


@pytest.mark.parametrize(
    ("point", "nth", "policy"),
    [
        ("migrator.append.after", 2, "copy-per-label"),
        ("migrator.slice.before:verifying", 1, "one-copy"),
    ],
)
def test_who_connects_again_gets_every_message_once(
    point: str, nth: int, policy: str, small: Layout, dovecot: Server, tmp_path: Path
) -> None:
    user = dovecot.new_user()
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        inn(tmp_path, google, dovecot, worker=False, migrations={"verify": "digest"}) as there,
    ):
        home, customer = there.home, there.signed_in(user)
        place = start(customer, policy)
        migration = place.removeprefix("/imports/")
        lose_the_keys(home, point, nth, tmp_path)
        before = rests_without_its_key(home, migration)

        page = customer.get(place).text
        assert "We have lost the key" in page
        assert sent(customer, form_for(page, "/reconnect")).status == 403, "the password was lost with the key"
        connect_again(there.signed_in(user), there, place)

        assert home.wait(migration).state is State.DONE, home.report(migration)
        report = home.report(migration)
        assert report.adds_up
        assert report.verified["missing"] == 0
        assert report.verified["identical"] < report.verified["found"], "what was placed before is compared by size"
        assert _is_kept(before, report)
        all_there_once(home, small, user, policy)
        assert google.control("grants")["grants"] == [], (
            "the first grant, which nobody could open, died with the second"
        )
        assert ("reconnected", "key-lost") in [(str(e.act), e.code) for e in audit.entries(home.state, migration)]


def _is_kept(before: Report, after: Report) -> bool:
    return all(after.outcomes.get(words, 0) >= count for words, count in before.outcomes.items())
