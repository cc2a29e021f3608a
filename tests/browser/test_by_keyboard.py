"""Everything by keyboard alone: Tab reaches every control in the page's order, the focus is seen, keys act."""

import pytest
from chromium import OpenWindow
from keyboard import controls, press, tabbed
from playwright.sync_api import expect
from premises import DOMAIN, Premises
from showing import Shown
from walk import arrived, button

from jobs.migration import State

KINDS = ("start", "before-refused", "check-fits", "choose-everyday", "run-copying", "run-paused-reconnect", "done")


@pytest.mark.parametrize("name", KINDS)
def test_tab_reaches_every_control_in_the_order_of_the_page(name: str, open_window: OpenWindow, pages: Shown) -> None:
    with open_window(pages.origin, viewport={"width": 320, "height": 640}) as person:
        page = person.page()
        page.goto(pages.url(name))
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        expected = controls(page)
        assert len(expected) > 1
        # of a group of radio buttons Tab reaches the chosen one; the arrow keys reach the others
        alone = [one for one in expected if 'type="radio"' not in one or "checked" in one]
        assert tabbed(page) == alone


def test_the_first_tab_leads_past_the_head_of_the_page(open_window: OpenWindow, pages: Shown) -> None:
    with open_window(pages.origin) as person:
        page = person.page()
        page.goto(pages.url("choose-everyday"))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")


def test_arrows_choose_among_options_and_space_ticks(open_window: OpenWindow, pages: Shown) -> None:
    with open_window(pages.origin) as person:
        page = person.page()
        page.goto(pages.url("choose-everyday"))
        options = page.locator("[name=policy]")
        press(page, page.locator("details", has=options).locator("> summary"))
        press(page, page.locator("[name=policy]:checked"), "ArrowDown")
        expect(options.nth(1)).to_be_checked()
        spam = page.locator("[name=spam]")
        press(page, page.locator("details", has=spam).locator("> summary"), "Space")
        press(page, spam, "Space")
        expect(spam).to_be_checked()


def test_the_whole_wizard(there: Premises, open_window: OpenWindow) -> None:
    user, account = there.new_user(), there.new_account()
    there.slow(account)
    with open_window(*there.origins) as person:
        page = person.page()
        page.goto(there.origin)
        press(page, page.locator("[name=address]"), "Home")
        page.keyboard.type(f"{user.name}@{DOMAIN}")
        page.keyboard.press("Tab")
        page.keyboard.type(user.password)
        page.keyboard.press("Enter")
        press(page, page.locator("a[href='/connect']"))
        press(page, button(page, "/consent"))
        page.check(f"input[name=account][value='{account}']")  # Google's own page
        page.click("button[value=allow]")
        press(page, button(page, "/confirm"))
        press(page, button(page, "/choices", "start"), "Space")
        migration = page.url.split("/imports/")[1].split("/")[0]
        there.home.wait(migration, State.COPYING)
        press(page, button(page, "/pause"))
        expect(button(page, "/resume")).to_be_visible()
        there.quick()
        press(page, button(page, "/resume"), "Space")
        arrived(page)
        press(page, page.locator("details", has=button(page, "/undo")).locator("summary"))
        expect(button(page, "/undo")).to_be_visible()
        person.is_clean()
