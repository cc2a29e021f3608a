"""Many open progress pages of one browser: over HTTP/1.1 it opens six connections to a site, and buttons need one."""

from collections import Counter
from urllib.parse import urlsplit

from chromium import OpenWindow
from playwright.sync_api import Page, expect
from premises import Premises
from walk import button, connect, sign_in, start

from jobs.migration import State

TABS = 8


def shows(page: Page, action: str) -> None:
    """Wait until a page that nobody loads again has the button."""
    expect(button(page, action)).to_be_visible()


def test_eight_tabs_leave_the_buttons_free_and_are_all_kept_up_to_date(
    there: Premises, open_window: OpenWindow
) -> None:
    account = there.new_account()
    there.slow(account)
    with open_window(*there.origins) as person:
        tabs = [person.page() for _ in range(TABS)]
        sign_in(tabs[0], there, there.new_user())
        migration = connect(tabs[0], account)
        start(tabs[0])
        there.home.wait(migration, State.COPYING)
        for tab in tabs:
            tab.goto(f"{there.origin}/imports/{migration}")
        for tab in tabs:
            shows(tab, "/pause")
        button(tabs[-1], "/pause").click()
        for tab in tabs:
            shows(tab, "/resume")
        paths = Counter(urlsplit(url).path.rpartition("/")[2] for url in person.asked)
        assert paths["events"] >= 1, "one of them listens"
        assert paths["standing"] >= TABS - 1, "the others ask"
        person.is_clean()
    there.quick()
