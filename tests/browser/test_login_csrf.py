"""What one person begins, another cannot be made to end: links, forms and answers that wander between two browsers.

An attacker who could finish his own import in a customer's browser would get the customer's mail into his mailbox; one
who could put a customer into his own session, likewise (RFC 9700 §4.7, RFC 6749 §10.12).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest
from chromium import OpenWindow, Window
from playwright.sync_api import Page, expect
from premises import DOMAIN, Premises, elsewhere
from walk import button, connect, decide, enter, launch, sign_in, to_google

from emulator.servers.instance import User

COOKIE = "__Host-migrator"
HOSTS = ["127.0.0.1", "localhost"]  # another site, and another port of the same one


@dataclass(frozen=True)
class Two:
    """The attacker, who has signed in to his own mailbox, and the customer, who has signed in to hers."""

    attacker: Page
    customer: Page
    his: User
    hers: User


@pytest.fixture
def two(there: Premises, open_window: OpenWindow) -> Iterator[Two]:
    with ExitStack() as stack:
        windows = [stack.enter_context(open_window(*there.origins)) for _ in range(2)]
        people = Two(windows[0].page(), windows[1].page(), there.new_user(), there.new_user())
        sign_in(people.attacker, there, people.his)
        sign_in(people.customer, there, people.hers)
        yield people


def imports_of(page: Page, there: Premises) -> list[str]:
    """Return the addresses of the imports that a person is shown at the start."""
    page.goto(there.origin)
    expect(page.locator("a[href='/connect']")).to_be_visible()
    return [link.get_attribute("href") or "" for link in page.locator("a[href^='/imports/']").all()]


def has_nothing(page: Page, there: Premises, account: str) -> None:
    """Nothing was connected for this person, and Google holds no grant for the account."""
    assert imports_of(page, there) == []
    assert not there.is_held(account)


def answer_of(there: Premises, url: str, account: str) -> str:
    """Allow at Google what a consent page asks; return where Google would send the browser, which does not go there."""
    place = urlsplit(url)
    fields = {**dict(parse_qsl(place.query)), "decision": "allow", "account": account}
    return there.google.request("POST", place.path, fields).headers["location"]


def form(action: str, **fields: str) -> str:
    """Return a page whose form is sent the moment it is shown."""
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    return (
        f'<!doctype html><title>You have won</title><form method="post" action="{action}">{inputs}</form>'
        "<script>document.forms[0].submit()</script>"
    )


def lured(window: Window, page: Page, host: str, there: Premises, action: str, **fields: str) -> int:
    """Have a person open a page that sends a form to the site; return the status of the site's answer."""
    with elsewhere(lambda: form(f"{there.origin}{action}", **fields), host) as origin:
        window.origins |= {origin}
        with page.expect_response(lambda answer: answer.request.method == "POST") as caught:
            page.goto(origin)
        return caught.value.status


def test_a_consent_begun_by_one_and_given_by_another_connects_nothing(there: Premises, two: Two) -> None:
    account = there.new_account()
    to_google(two.attacker)
    two.customer.goto(two.attacker.url)
    decide(two.customer, account)
    expect(two.customer.locator("h1")).to_be_visible()
    assert "/imports/" not in two.customer.url
    has_nothing(two.customer, there, account)
    has_nothing(two.attacker, there, account)


def test_an_answer_of_googles_is_good_in_the_browser_alone_that_asked(there: Premises, two: Two) -> None:
    account = there.new_account()
    to_google(two.attacker)
    answer = answer_of(there, two.attacker.url, account)
    two.customer.goto(answer)
    assert "/imports/" not in two.customer.url
    has_nothing(two.customer, there, account)
    two.attacker.goto(answer)  # it was used up by the try
    assert "/imports/" not in two.attacker.url
    has_nothing(two.attacker, there, account)


def test_another_ones_import_does_not_exist(there: Premises, two: Two) -> None:
    account = there.new_account()
    migration = connect(two.attacker, account)
    for part in ("", "/check", "/choices", "/standing", "/events", "/receipt", "/data", "/permission", "/undo"):
        answer = two.customer.goto(f"{there.origin}/imports/{migration}{part}")
        assert answer is not None
        assert answer.status in {404, 405}, part
        assert account not in answer.text()
    assert imports_of(two.customer, there) == []


def test_an_id_and_a_mark_that_were_planted_before_the_sign_in_are_nobodys_after_it(
    there: Premises, open_window: OpenWindow
) -> None:
    with open_window(*there.origins) as attacker, open_window(*there.origins) as victim:
        mine, hers = attacker.page(), victim.page()
        sign_in(mine, there, there.new_user())
        victim.context.add_cookies(attacker.context.cookies())  # type: ignore[arg-type]
        hers.goto(f"{there.origin}/signin")
        enter(hers, there.new_user())
        mine.goto(there.origin)
        expect(mine.locator("form[action$='/signin']")).to_be_visible()
        account = there.new_account(messages=5)
        migration = connect(hers, account)
        answer = mine.goto(f"{there.origin}/imports/{migration}")
        assert answer is not None
        assert answer.status == 404


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_signs_nobody_in(host: str, there: Premises, open_window: OpenWindow) -> None:
    user = there.new_user()
    with open_window(*there.origins) as victim:
        page = victim.page()
        status = lured(victim, page, host, there, "/signin", address=f"{user.name}@{DOMAIN}", password=user.password)
        assert status == 403
        assert COOKIE not in {cookie["name"] for cookie in victim.context.cookies()}


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_launches_nobody_though_the_launch_is_good(
    host: str, there: Premises, open_window: OpenWindow
) -> None:
    there.panel.sign(f"{there.new_user().name}@400000", "attacker")
    with open_window(*there.origins) as victim:
        page = victim.page()
        assert lured(victim, page, host, there, "/launch", launch=there.panel.launch) == 403
        assert COOKIE not in {cookie["name"] for cookie in victim.context.cookies()}
        page.goto(f"{there.origin}/launch?launch={there.panel.launch}")
        assert COOKIE not in {cookie["name"] for cookie in victim.context.cookies()}


def test_a_launch_is_good_once_and_another_ones_launch_ends_the_session_before(
    there: Premises, open_window: OpenWindow
) -> None:
    first, second = (f"{there.new_user().name}@400000" for _ in range(2))
    with open_window(*there.origins, there.panel.origin) as person:
        page = person.page()
        for number, mailbox in enumerate((first, second)):
            launch(page, there, mailbox, f"customer-launched-{number}")
            page.click("a[href='/connect']")
            expect(page.locator("main")).to_contain_text(mailbox)
    with open_window(*there.origins, there.panel.origin) as another:
        page = another.page()
        page.goto(there.panel.origin)
        with page.expect_response("**/launch") as caught:
            page.get_by_role("button").click()
        assert caught.value.status == 403


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_changes_nothing_in_a_session(host: str, there: Premises, open_window: OpenWindow) -> None:
    user, account = there.new_user(), there.new_account(messages=10)
    with open_window(*there.origins) as victim:
        page = victim.page()
        sign_in(page, there, user)
        migration = connect(page, account)
        for action in ("/consent", "/signout", "/language", f"/imports/{migration}/confirm"):
            assert lured(victim, page, host, there, action, language="it-CH", place="/") == 403, action
        for act in ("choices", "start-over", "cancel", "erase", "permission"):
            assert lured(victim, page, host, there, f"/imports/{migration}/{act}", do="start") == 403, act
        page.goto(f"{there.origin}/imports/{migration}/check")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(button(page, "/confirm")).to_be_visible()
    assert there.home.wait(migration).reason == "not-started"
    assert there.is_held(account)
