"""What a customer may still do when the import has ended: take it back, have everything erased."""

from chromium import OpenWindow
from playwright.sync_api import Page, expect
from premises import Premises
from story.observe import mailbox_content
from walk import arrived, button, connect, sign_in, start

from emulator.servers.instance import User
from jobs.errors import UnknownMigration
from jobs.requests import read


def finished(page: Page, there: Premises, user: User) -> str:
    """Go the whole way to the end; return the import's id."""
    account = there.new_account(messages=20)
    sign_in(page, there, user)
    migration = connect(page, account)
    start(page)
    arrived(page)
    return migration


def opened(page: Page, action: str) -> None:
    """Open what hides a form, and press its button."""
    page.locator("details", has=page.locator(f"form[action$={action!r}]")).locator("summary").click()
    password = page.locator(f"form[action$={action!r}] [name=password]")
    if password.count():
        password.fill("pass")
    button(page, action).click()


def test_undo_removes_what_was_brought_and_leaves_what_the_customer_has_touched(
    there: Premises, open_window: OpenWindow
) -> None:
    user = there.new_user()
    with open_window(*there.origins) as person:
        page = person.page()
        finished(page, there, user)
        with there.server.observer(user) as observer:
            observer.select_folder("INBOX")
            observer.add_flags(observer.search("ALL")[:1], [b"\\Flagged"])
        opened(page, "/undo")
        expect(page.locator("main")).to_contain_text("19")
        expect(page.locator("h1")).to_contain_text("undone", ignore_case=True)
        person.is_clean()
    assert [seen.flags & {"\\Flagged"} for seen in mailbox_content(there.server, user)] == [{"\\Flagged"}]


def test_erased_is_erased_at_once_and_the_mail_stays(there: Premises, open_window: OpenWindow) -> None:
    user = there.new_user()
    with open_window(*there.origins) as person:
        page = person.page()
        migration = finished(page, there, user)
        opened(page, "/erase")
        page.wait_for_url("**/goodbye")
        page.goto(f"{there.origin}/imports/{migration}")
        expect(page.locator("a[href$='/receipt']")).to_have_count(0)
        person.is_clean()
    try:
        read(there.home.state, migration)
    except UnknownMigration:
        gone = True
    else:
        gone = False
    assert gone
    assert len(mailbox_content(there.server, user)) == 20


def test_what_is_held_is_shown_live_and_support_sees_only_while_it_is_let(
    there: Premises, open_window: OpenWindow
) -> None:
    with open_window(*there.origins) as person:
        page = person.page()
        migration = finished(page, there, there.new_user())
        page.click("a[href$='/data']")
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("@gmail.example")
        page.goto(f"{there.origin}/imports/{migration}/permission")
        button(page, "/permission").click()
        ends = button(page, "/permission/end")
        expect(ends).to_be_visible()
        ends.click()
        expect(button(page, "/permission")).to_be_visible()
        expect(button(page, "/permission/end")).to_have_count(0)
        person.is_clean()
