"""The operators' console in Chromium: its pages about imports, what a press does, and that it goes on live."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

import pytest
from axe import OPEN_ALL, wrong_with
from browser import free_port
from chromium import OpenWindow, Window
from consents import emptied, stores_in
from front_desk import Visitor, config_of, enlist, open_console, seated
from night import Night, populate
from playwright.sync_api import Page, expect
from premises import Premises
from walk import arrived, button, connect, sign_in, start

from app.config import load
from app.stores import Stores, StoreUrls
from jobs import audit, permission
from jobs.migration import State
from jobs.permission import Field
from jobs.requests import pause, read
from web.operator import session as sessions
from web.operator.rights import Role

_numbers = count(1)


@dataclass(frozen=True)
class Seat:
    """A console, its stores, and an operator who has signed in."""

    stores: Stores
    url: str
    ann: Visitor

    def page(self, window: Window) -> Page:
        """Open a page in a window that has the operator's session."""
        name, value = next(iter(self.ann.cookies.items()))
        window.context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "secure": True}])
        return window.page()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stores, str]]:
    folder = tmp_path_factory.mktemp("console")
    with stores_in(folder) as stores, open_console(config_of(stores, folder), stores) as url:
        yield stores, url


@pytest.fixture
def night(running: tuple[Stores, str]) -> Seat:
    """A console with imports in every state, of which none moves."""
    stores, url = running
    emptied(stores)
    return Seat(stores, url, seated(stores, url, enlist(stores, "ann", Role.ADMIN)))


@pytest.fixture(scope="module")
def watching(there: Premises) -> Iterator[tuple[Stores, str]]:
    """A console of the installation where imports run."""
    home, port = there.home, free_port()
    stores = Stores(StoreUrls(home.redis_store.url, home.redis_store.broker_url, home.keys_store.url), home.master)
    config = load(home.config)
    console = config.console.model_copy(update={"url": f"http://127.0.0.1:{port}", "port": port})
    with ExitStack() as stack:
        stack.callback(stores.state.close)
        stack.callback(stores.keys.close)
        yield stores, stack.enter_context(open_console(config.model_copy(update={"console": console}), stores))


@pytest.fixture
def seat(watching: tuple[Stores, str]) -> Seat:
    """An operator at it, whose second factor is fresh."""
    stores, url = watching
    return Seat(stores, url, seated(stores, url, enlist(stores, f"ann-{next(_numbers)}")))


def marked(page: Page) -> None:
    """Mark the page as it is now; loaded anew, it has lost the mark."""
    page.evaluate("window.marked = true")


def is_the_same(page: Page) -> bool:
    return bool(page.evaluate("window.marked === true"))


def refused(there: Premises, messages: int = 12) -> str:
    """Have an import that fails in the middle, until Google is itself again."""
    account = there.new_account(messages)
    there.google.fault("domainPolicy", account=account, method="messages.get", nth=4, times=0)
    migration = there.home.launch(there.new_user(), account=account)
    assert there.home.wait(migration).state is State.FAILED
    return migration


@pytest.fixture(autouse=True)
def afterwards_google_is_itself_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "seat" in request.fixturenames:
        request.getfixturevalue("there").quick()


def test_a_failed_import_is_resumed_and_goes_on_before_ones_eyes(
    there: Premises, seat: Seat, open_window: OpenWindow
) -> None:
    migration = refused(there)
    with open_window(seat.url) as operator:
        page = seat.page(operator)
        page.goto(seat.url)
        page.locator("a[href='/imports?state=failed&code=google-refused']").click()
        page.locator(f"a[href='/imports/{migration}']").click()
        expect(page.locator(".state-line")).to_contain_text("does not allow this access")
        there.quick()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Resume")).to_have_count(0)
        marked(page)
        expect(page.locator(".state-head .badge")).to_have_text("Done")
        assert is_the_same(page)
        operator.is_clean()
    acts = [(entry.actor.is_staff, str(entry.act)) for entry in audit.entries(seat.stores.state, migration)]
    assert [act for by_staff, act in acts if by_staff] == ["looked", "resumed"]


def test_everything_of_one_error_is_resumed_at_once(there: Premises, seat: Seat, open_window: OpenWindow) -> None:
    migrations = [refused(there, 5), refused(there, 5)]
    there.quick()
    with open_window(seat.url) as operator:
        page = seat.page(operator)
        page.goto(f"{seat.url}/imports?state=failed&code=google-refused")
        for migration in migrations:
            page.check(f"#id-{migration}")
        page.get_by_role("button", name="Resume …").click()
        expect(page.locator("h1")).to_have_text("Resume 2 imports?")
        page.get_by_role("button", name="Resume 2 imports").click()
        expect(page.locator("h1")).to_have_text("Resume: done for 2 imports")
        operator.is_clean()
    assert {there.home.wait(migration).state for migration in migrations} == {State.DONE}


def test_permission_is_asked_for_given_used_and_ended(there: Premises, seat: Seat, open_window: OpenWindow) -> None:
    with open_window(*there.origins) as customer, open_window(seat.url) as operator:
        theirs = customer.page()
        sign_in(theirs, there, there.new_user())
        migration = connect(theirs, there.new_account(6))
        start(theirs)
        arrived(theirs)
        page = seat.page(operator)
        page.goto(f"{seat.url}/imports/{migration}")
        page.get_by_text("Ask the customer").click()
        page.get_by_label("The names of folders").check()
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#live")).to_contain_text("has not answered")
        marked(page)
        theirs.reload()
        theirs.locator("p.note a[href$='/permission']").click()
        expect(theirs.locator("input[value='folder-names']")).to_be_checked()
        button(theirs, "/permission").click()
        look = page.get_by_role("button", name="Look now")
        expect(look).to_be_visible()
        assert is_the_same(page)
        assert "INBOX" not in page.content()
        expect(page.locator(".permission .lead")).to_contain_text("h")
        look.click()
        expect(page.locator("section.allowed")).to_contain_text("INBOX")
        theirs.reload()
        expect(theirs.locator("ul.lines li")).to_have_count(len(Field))
        page.get_by_role("button", name="The case is resolved").click()
        expect(page.get_by_text("Ask the customer")).to_be_visible()
        operator.is_clean()
        customer.is_clean()
    assert permission.held(seat.stores.state, migration) is None


def test_no_page_of_the_console_breaks_a_rule_of_accessibility(night: Seat, open_window: OpenWindow) -> None:
    ids = populate(Night(night.stores.state))
    permission.give(night.stores.state, ids["copying"], Field)
    permission.ask(night.stores.state, ids["full"], Field, audit.staff("a" * 32))
    pages = {
        "overview": "/",
        "imports": "/imports?state=failed&older=soon",
        "bulk": "/imports/bulk?what=cancel&which=all",
        "failed": f"/imports/{ids['refused']}",
        "asked": f"/imports/{ids['full']}",
        "copying": f"/imports/{ids['copying']}",
        "audit": "/audit",
        "data": "/data",
    }
    found: dict[str, list[str]] = {}
    with open_window(night.url) as operator:
        page = night.page(operator)
        for name, place in pages.items():
            page.goto(f"{night.url}{place}", wait_until="domcontentloaded")
            page.evaluate(OPEN_ALL)
            found[name] = [*wrong_with(page)]
        page.goto(f"{night.url}{pages['copying']}")
        page.get_by_role("button", name="Look now").click()
        expect(page.locator("section.allowed")).to_be_visible()
        found["looked"] = [*wrong_with(page)]
        assert operator.strangers == []
    assert not {name: faults for name, faults in found.items() if faults}


def test_what_is_ticked_and_opened_stays_so_while_the_page_goes_on(night: Seat, open_window: OpenWindow) -> None:
    ids = populate(Night(night.stores.state))
    with open_window(night.url) as operator:
        page = night.page(operator)
        page.goto(f"{night.url}/imports")
        page.check(f"#id-{ids['refused']}")
        pause(night.stores.state, ids["ready"])
        expect(page.locator(f"li:has(#id-{ids['ready']}) .badge")).to_have_text("Paused")
        expect(page.locator(f"#id-{ids['refused']}")).to_be_checked()
        page.goto(f"{night.url}/imports/{ids['refused']}")
        page.get_by_text("Cancel …").click()
        with page.expect_response("**/live"):
            pass
        with page.expect_response("**/live"):
            pass
        expect(page.locator("#more-cancel button")).to_be_visible()
        expect(page.locator("#more-cancel summary")).to_be_focused()
        operator.is_clean()


def test_without_scripts_everything_can_be_read_and_pressed(night: Seat, open_window: OpenWindow) -> None:
    ids = populate(Night(night.stores.state))
    with open_window(night.url, java_script_enabled=False) as operator:
        page = night.page(operator)
        page.goto(night.url)
        page.get_by_role("link", name="2 imports stopped: login-refused").click()
        page.check(f"#id-{ids['refused']}")
        page.get_by_role("button", name="Resume …").click()
        page.get_by_role("button", name="Resume 1 import").click()
        expect(page.locator("h1")).to_have_text("Resume: done for 1 import")
    assert read(night.stores.state, ids["refused"]).state is State.COPYING


def test_an_open_page_leads_to_the_sign_in_when_the_session_is_over(night: Seat, open_window: OpenWindow) -> None:
    populate(Night(night.stores.state))
    with open_window(night.url) as operator:
        page = night.page(operator)
        page.goto(night.url)
        sessions.end(night.stores.state, night.ann.session)
        page.wait_for_url("**/signin")
        assert operator.strangers == []
