"""A customer closes the page in the middle of an import, comes back in another browser, and finds it where it is."""

from chromium import OpenWindow
from playwright.sync_api import Page, expect
from premises import QUOTA, Premises
from walk import arrived, connect, launch, sign_in, start

from emulator.servers.instance import User
from jobs.migration import State


def begin(page: Page, there: Premises, account: str) -> str:
    """Start an import that takes its time; return its id once it copies."""
    there.slow(account)
    migration = connect(page, account)
    start(page)
    there.home.wait(migration, State.COPYING)
    return migration


def test_after_closing_the_browser_signing_in_again_leads_to_the_import(
    there: Premises, open_window: OpenWindow
) -> None:
    user, account = there.new_user(), there.new_account(messages=200)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user)
        migration = begin(page, there, account)
    with open_window(*there.origins) as person:
        page = person.page()
        page.goto(f"{there.origin}/imports/{migration}")
        expect(page.locator("progress")).to_have_count(0)
        sign_in(page, there, user)
        page.click(f"a[href='/imports/{migration}']")
        expect(page.locator("progress")).to_be_visible()
        there.quick()
        arrived(page)
        person.is_clean()


def test_another_launch_from_the_panel_leads_to_the_import_too(there: Premises, open_window: OpenWindow) -> None:
    user, account = User(f"{there.new_user().name}@{QUOTA}"), there.new_account(messages=200)
    with open_window(*there.origins, there.panel.origin) as person:
        page = person.page()
        launch(page, there, user.name, "customer-of-two-browsers")
        migration = begin(page, there, account)
    with open_window(*there.origins, there.panel.origin) as person:
        page = person.page()
        launch(page, there, user.name, "customer-of-two-browsers")
        page.click(f"a[href='/imports/{migration}']")
        there.quick()
        arrived(page)
        person.is_clean()
    with open_window(*there.origins, there.panel.origin) as person:
        page = person.page()
        launch(page, there, user.name, "another-customer")
        expect(page.locator(f"a[href='/imports/{migration}']")).to_have_count(0)
