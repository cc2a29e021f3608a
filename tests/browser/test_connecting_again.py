"""The key store is lost while the page is open: the page says so by itself, and leads on to the end."""

import pytest
from axe import faults
from chromium import OpenWindow
from playwright.sync_api import expect
from premises import Premises
from story.observe import mailbox_content
from walk import arrived, button, connect, decide, enter, sign_in, start

from jobs import requests
from jobs.migration import State


@pytest.fixture(autouse=True)
def afterwards_google_is_itself_again(there: Premises) -> object:
    yield
    there.quick()


def test_a_lost_key_is_told_and_the_customer_connects_again_and_gets_every_message_once(
    there: Premises, open_window: OpenWindow
) -> None:
    user, account = there.new_user(), there.new_account()
    there.google.fault("retryAfter", account=account, method="messages.get", nth=20, seconds=600)
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user)
        migration = connect(page, account)
        start(page)
        there.home.wait(migration, State.WAITING)
        there.home.keys.flushall()
        requests.resume(there.home.state, migration)
        again = button(page, "/reconnect")
        expect(again).to_be_visible()
        assert faults(page) == []
        again.click()
        page.click("a[href='/signin']")
        enter(page, user)
        page.click(f"a[href='/imports/{migration}']")
        button(page, "/reconnect").click()
        decide(page, account)
        arrived(page)
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 60
