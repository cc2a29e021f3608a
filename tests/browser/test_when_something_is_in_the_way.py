"""What the page says, by itself, when the import cannot go on; and that it goes on."""

import pytest
from chromium import OpenWindow
from playwright.sync_api import Page, expect
from premises import QUOTA, Premises
from story.observe import mailbox_content
from walk import arrived, button, connect, decide, press_folded, sign_in, start

from emulator.servers.instance import User
from jobs.migration import State


@pytest.fixture(autouse=True)
def afterwards_google_is_itself_again(there: Premises) -> object:
    yield
    there.quick()


def headline(page: Page, words: str) -> None:
    """Wait until the open page, which nobody loads again, has this headline."""
    expect(page.locator("h1")).to_contain_text(words)


def test_access_taken_away_at_google_is_asked_for_again_and_the_import_goes_on(
    there: Premises, open_window: OpenWindow
) -> None:
    user, account = there.new_user(), there.new_account()
    there.slow(account)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user)
        migration = connect(page, account)
        start(page)
        there.home.wait(migration, State.COPYING)
        there.google.control("grants", {"account": account}, verb="DELETE")
        again = button(page, "/reconnect")
        expect(again).to_be_visible()
        there.quick()
        again.click()
        decide(page, account)
        arrived(page)
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 60


def waits(page: Page, words: str) -> None:
    """Wait until the open page says that it waits, and until when."""
    headline(page, words)
    told = page.locator("#standing .lead")
    expect(told).to_contain_text("by ourselves")
    expect(told.locator("time")).to_have_count(1)


def test_a_pause_that_google_asks_for_is_told_with_its_time_and_ends_by_itself(
    there: Premises, open_window: OpenWindow
) -> None:
    account = there.new_account()
    there.google.fault("retryAfter", account=account, method="messages.get", nth=20, seconds=8)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, there.new_user())
        connect(page, account)
        start(page)
        waits(page, "Google's limit for one day is reached")
        arrived(page)
        person.is_clean()


def test_a_quota_that_is_used_up_is_waited_for_or_tried_anew_when_the_customer_says_so(
    there: Premises, open_window: OpenWindow
) -> None:
    account = there.new_account()
    there.google.fault("quotaMetric", account=account, method="messages.get", nth=20, times=0)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, there.new_user())
        connect(page, account)
        start(page)
        waits(page, "Google asked us to slow down")
        there.quick()
        button(page, "/resume").click()
        arrived(page)
        person.is_clean()


def test_a_full_mailbox_is_waited_for_until_there_is_space(there: Premises, open_window: OpenWindow) -> None:
    user, account = User(f"{there.new_user().name}@{QUOTA}"), there.new_account(messages=100, body_bytes=3_000)
    with there.server.observer(user) as observer:
        observer.append("INBOX", b"From: a@example.org\r\nSubject: large\r\n\r\n" + b"large\r\n" * 30_000)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user, str(QUOTA))
        connect(page, account)
        start(page)
        headline(page, "full")
        with there.server.observer(user) as observer:
            observer.select_folder("INBOX")
            observer.delete_messages(observer.search(["SUBJECT", "large"]))
            observer.expunge()
        button(page, "/resume").click()
        arrived(page)
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 100


def test_a_cancelled_import_leaves_what_has_arrived_and_takes_the_access_away(
    there: Premises, open_window: OpenWindow
) -> None:
    user, account = there.new_user(), there.new_account(messages=200)
    there.slow(account)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user)
        migration = connect(page, account)
        start(page)
        there.home.wait(migration, State.COPYING)
        press_folded(page.locator("details.danger summary").last, button(page, "/cancel"))
        there.home.wait(migration)
        headline(page, "cancelled")
        person.is_clean()
    assert there.home.wait(migration).state is State.CANCELLED
    assert not there.is_held(account)
    assert len(mailbox_content(there.server, user)) < 200


def test_pausing_and_going_on_are_one_press_each(there: Premises, open_window: OpenWindow) -> None:
    account = there.new_account()
    there.slow(account)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, there.new_user())
        migration = connect(page, account)
        start(page)
        there.home.wait(migration, State.COPYING)
        button(page, "/pause").click()
        on = button(page, "/resume")
        expect(on).to_be_visible()
        assert there.home.wait(migration, State.PAUSED)
        there.quick()
        on.click()
        arrived(page)
        person.is_clean()
