"""What people do with buttons, reload, stop, back and tabs, over a line as long as theirs: they get in every time.

    RTT=0,60,120,200,400 pytest tests/browser/test_pressed_twice.py      every row at every round-trip time

By itself the file does what needs the server alone at each of them, and the other rows at one.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from chromium import OpenWindow, Window
from playwright.sync_api import Locator, Page, expect
from premises import DOMAIN, QUOTA, Premises, premises
from servers.fixtures import StartServer
from stand_in import Google
from walk import button, decide, launch, sign_in, to_google

from bench.delay import Line, adjustable_line
from emulator.servers.instance import Limits

ROUND_TRIPS = (0, 60, 120, 200, 400)
CHOSEN = tuple(int(one) for one in os.environ.get("RTT", "200").split(","))
BETWEEN_PRESSES = 180
"""Milliseconds, as of people who are used to double-clicking."""

BEGIN = "a[href='/connect']"


@dataclass(frozen=True)
class Far:
    """An installation at the end of a long line."""

    there: Premises
    line: Line

    def launch_of(self, customer: str) -> str:
        """Sign a launch of a new mailbox, which the panel's page then shows; return the mailbox."""
        mailbox = f"{self.there.new_user().name}@{QUOTA}"
        self.there.panel.sign(mailbox, customer)
        return mailbox


@pytest.fixture(scope="module")
def far_away(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Iterator[Far]:
    lines: list[Line] = []

    @contextmanager
    def between(port: int) -> Iterator[int]:
        with adjustable_line(port) as line:
            lines.append(line)
            yield line.port

    server = start_server("dovecot", Limits())
    with Google() as google, premises(tmp_path_factory.mktemp("far"), google, server, between) as made:
        yield Far(made, lines[0])


@pytest.fixture(params=CHOSEN)
def far(request: pytest.FixtureRequest, far_away: Far) -> Far:
    far_away.line.set(request.param)
    return far_away


@pytest.fixture
def person(far: Far, open_window: OpenWindow) -> Iterator[Window]:
    """Give a browser to a person; one that runs no scripts, so that pages do nothing to save the server work."""
    with open_window(*far.there.origins, far.there.panel.origin, java_script_enabled=False) as opened:
        yield opened


def twice(what: Locator) -> None:
    """Press a button twice where it is, whatever is there the second time."""
    what.scroll_into_view_if_needed()
    box, mouse = what.bounding_box(), what.page.mouse
    assert box
    mouse.move(box["x"] + 9, box["y"] + 9)
    for wait in (BETWEEN_PRESSES, 0):
        mouse.down()
        mouse.up()
        what.page.wait_for_timeout(wait)


def is_in(page: Page) -> None:
    expect(page.locator(BEGIN)).to_be_visible()


def may_confirm(page: Page) -> None:
    expect(button(page, "/confirm")).to_be_visible()


@pytest.mark.parametrize(
    ("milliseconds", "scripts"), [*((one, False) for one in ROUND_TRIPS), *((one, True) for one in CHOSEN)]
)
def test_everything_may_be_pressed_twice(
    milliseconds: int, *, scripts: bool, far_away: Far, open_window: OpenWindow
) -> None:
    far_away.line.set(milliseconds)
    there, account = far_away.there, far_away.there.new_account(messages=5)
    far_away.launch_of(f"twice-{milliseconds}-{scripts}")
    with open_window(*there.origins, there.panel.origin, java_script_enabled=scripts) as person:
        page = person.page()
        page.goto(there.panel.origin)
        twice(page.get_by_role("button", name="Import from Gmail"))
        is_in(page)
        page.click(BEGIN)
        twice(button(page, "/consent"))
        expect(page.locator("button[name=decision]").first).to_be_visible()
        page.check(f"input[name=account][value='{account}']")
        twice(page.locator("button[value=allow]"))
        may_confirm(page)
        twice(button(page, "/confirm"))
        begin = button(page, "/choices", "start")
        expect(begin).to_be_visible()
        twice(begin)
        expect(page.locator("#standing, a[href$='/receipt']").first).to_be_visible()
        twice(button(page, "/signout"))
        expect(page.locator("a[href='/']")).to_be_visible()
        person.is_clean()


def test_where_scripts_run_a_form_is_sent_once_and_can_be_sent_again_after_going_back(
    far_away: Far, open_window: OpenWindow
) -> None:
    far_away.line.set(400)
    with open_window(*far_away.there.origins) as person:
        page = person.page()
        sign_in(page, far_away.there, far_away.there.new_user())
        page.click(BEGIN)
        consent = button(page, "/consent")
        twice(consent)
        expect(page.locator("button[name=decision]").first).to_be_visible()
        assert [url.rpartition("/")[2] for url in person.asked].count("consent") == 1
        page.go_back()
        expect(consent).to_be_enabled()
        consent.click()
        expect(page.locator("button[name=decision]").first).to_be_visible()
        person.is_clean()


def test_signing_in_may_be_pressed_twice(far: Far, person: Window) -> None:
    page, user = person.page(), far.there.new_user()
    page.goto(far.there.origin)
    page.fill("[name=address]", f"{user.name}@{DOMAIN}")
    page.fill("[name=password]", user.password)
    twice(button(page, "/signin"))
    is_in(page)
    to_google(page)


def stopped(page: Page, press: Callable[[], None]) -> None:
    """Press a button, and stop the page while the answer is under way."""
    session = page.context.new_cdp_session(page)
    with page.expect_request(lambda request: request.method == "POST"):
        press()
    session.send("Page.stopLoading")
    session.detach()


def test_who_stops_presses_again(far: Far, person: Window) -> None:
    page, account = person.page(), far.there.new_account(messages=5)
    far.launch_of("stops")
    page.goto(far.there.panel.origin)
    stopped(page, lambda: page.get_by_role("button").click(no_wait_after=True))
    page.get_by_role("button").click()
    is_in(page)
    page.click(BEGIN)
    stopped(page, lambda: button(page, "/consent").click(no_wait_after=True))
    button(page, "/consent").click()
    decide(page, account)
    may_confirm(page)
    stopped(page, lambda: button(page, "/confirm").click(no_wait_after=True))
    button(page, "/confirm").click()
    expect(button(page, "/choices", "start")).to_be_visible()


def test_who_goes_back_presses_again(far: Far, person: Window) -> None:
    page, account = person.page(), far.there.new_account(messages=5)
    far.launch_of("back")
    launch_again = page.get_by_role("button", name="Import from Gmail")
    page.goto(far.there.panel.origin)
    launch_again.click()
    is_in(page)
    page.go_back()
    launch_again.click()
    is_in(page)
    to_google(page)
    page.go_back()
    button(page, "/consent").click()
    decide(page, account)
    may_confirm(page)
    page.goto(f"{far.there.origin}/connect")
    expect(page.locator("h1")).to_be_visible()
    page.goto(far.there.origin)
    page.click("a[href^='/imports/']")
    may_confirm(page)


def answer_of(page: Page, account: str) -> str:
    """Allow at Google, and return the address that Google sends the browser to, which has not answered yet."""
    with page.expect_request("**/consent/return?*") as sent:
        page.check(f"input[name=account][value='{account}']")
        page.locator("button[value=allow]").click(no_wait_after=True)
    return str(sent.value.url)


def test_who_reloads_while_google_is_asked_gets_in(far: Far, person: Window) -> None:
    page, account = person.page(), far.there.new_account(messages=5)
    sign_in(page, far.there, far.there.new_user())
    to_google(page)
    far.there.google.fault("hang", method="oauth.token", seconds=1.5)
    answer = answer_of(page, account)
    for _ in range(2):
        page.goto(answer, wait_until="commit")
    may_confirm(page)
    page.goto(answer)
    may_confirm(page)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_tabs_at_google_either_gets_in(first: int, far: Far, person: Window) -> None:
    tabs, account = [person.page(), person.page()], far.there.new_account(messages=5)
    sign_in(tabs[0], far.there, far.there.new_user())
    tabs[1].goto(far.there.origin)
    for tab in tabs:
        to_google(tab)
    for tab in (tabs[first], tabs[1 - first]):
        decide(tab, account)
        may_confirm(tab)


def test_a_launch_meanwhile_leaves_both_tabs_in(far: Far, person: Window) -> None:
    page, other, account = person.page(), person.page(), far.there.new_account(messages=5)
    mailbox = far.launch_of("meanwhile")
    launch(page, far.there, mailbox, "meanwhile")
    to_google(page)
    launch(other, far.there, mailbox, "meanwhile")
    decide(page, account)
    may_confirm(page)
    other.reload()
    other.click("a[href^='/imports/']")
    may_confirm(other)


def test_what_a_browser_fetches_beforehand_uses_nothing_up(far: Far, person: Window) -> None:
    page, account = person.page(), far.there.new_account(messages=5)
    far.launch_of("beforehand")
    page.goto(far.there.panel.origin)
    page.get_by_role("button").click()
    is_in(page)
    to_google(page)
    page.route("**/consent/return?*", lambda route: route.abort())
    answer = answer_of(page, account)
    page.unroute("**/consent/return?*")
    for purpose in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}):
        assert person.context.request.get(answer, headers=purpose).status == 503
    person.context.request.head(answer)
    person.context.request.get(f"{far.there.origin}/favicon.ico")
    page.goto(answer)
    may_confirm(page)
