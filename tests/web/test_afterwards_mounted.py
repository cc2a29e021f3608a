"""After the end, on the site as customers meet it: through both ways in, without a script."""

from collections.abc import Iterator

import pytest
from browser import Browser
from inn import Inn, form_for, inn, sent, until
from servers.fixtures import StartServer
from stand_in import Google
from story.observe import mailbox_content

from emulator.servers.instance import Limits, Server, User
from jobs.migration import State

MESSAGES = 12


@pytest.fixture(scope="module")
def dovecot(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())  # where there are ACLs, they hold for the master user under his own name


@pytest.fixture(scope="module")
def open_inn(tmp_path_factory: pytest.TempPathFactory, dovecot: Server) -> Iterator[Inn]:
    with Google(synthetic=MESSAGES) as google, inn(tmp_path_factory.mktemp("inn"), google, dovecot) as made:
        yield made


@pytest.fixture
def user(dovecot: Server) -> User:
    return dovecot.new_user()


def imported(inn: Inn, browser: Browser) -> str:
    """Go the whole way with what the pages suggest, and return the import's path when it has ended."""
    place = browser.get(browser.to_google()).place
    page = until(browser, f"{place}/check", "Yes, this is right")
    choose = browser.get(sent(browser, form_for(page.text, "/confirm")).place)
    assert sent(browser, form_for(choose.text, "/choices"), "start").place == place
    ended = inn.home.wait(place.removeprefix("/imports/"))
    assert ended.state is State.DONE, inn.home.report(ended.id)
    return place


def test_a_launched_customer_undoes_with_one_click_and_erases(open_inn: Inn, dovecot: Server, user: User) -> None:
    browser = open_inn.launched(user)
    place = imported(open_inn, browser)
    assert len(mailbox_content(dovecot, user)) == MESSAGES
    done = browser.get(place).text
    assert 'name="password"' not in done, "the host's master user enters the mailbox"
    sent(browser, form_for(done, "/undo"))
    assert "Copies looked at" in until(browser, f"{place}/undo", "Your import is undone").text
    assert mailbox_content(dovecot, user) == []
    assert sent(browser, form_for(browser.get(f"{place}/data").text, "/erase")).place == "/goodbye"
    assert "We hold nothing of this import" in browser.get("/goodbye").text
    assert browser.get(place).status == 404
    assert place not in browser.get("/").text
    for store in (open_inn.stores.state, open_inn.stores.keys):
        left = [key for key in store.scan_iter() if place.removeprefix("/imports/").encode() in key]
        assert [key for key in left if not key.startswith(b"audit:")] == []


def test_who_signed_in_types_the_password_once_more_or_signs_in_anew(
    open_inn: Inn, dovecot: Server, user: User
) -> None:
    browser = open_inn.signed_in(user)
    place = imported(open_inn, browser)
    form = form_for(browser.get(place).text, "/undo")
    assert ("user", f"{user.name}@host.example") in form.fields
    assert 'name="password"' not in open_inn.signed_in(user).get(place).text, "typed a moment ago"
    sent(browser, form.filled(password="wrong"))
    again = until(browser, f"{place}/undo", "did not accept the password")
    sent(browser, form_for(again.text, "/undo").filled(password=user.password))
    until(browser, f"{place}/undo", "Your import is undone")
    assert mailbox_content(dovecot, user) == []


def test_what_is_held_and_the_permission_are_reached_from_an_import_under_way(open_inn: Inn, user: User) -> None:
    browser = open_inn.signed_in(user)
    place = browser.get(browser.to_google()).place
    assert "grant, mailbox credentials and both addresses, sealed" in browser.get(f"{place}/data").text
    given = sent(browser, form_for(browser.get(f"{place}/permission").text, "/permission"))
    assert "You allow this now" in browser.get(given.place).text
    stranger = open_inn.launched(user)
    assert stranger.get(f"{place}/data").status == 404
    until(browser, f"{place}/check", "Yes, this is right")
    assert sent(browser, form_for(browser.get(f"{place}/check").text, "/start-over")).place == "/"
    open_inn.home.wait(place.removeprefix("/imports/"))
    assert "Import cancelled" in browser.get(place).text
