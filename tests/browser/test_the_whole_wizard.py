"""From the first page to the receipt, in Chromium: by signing in, and by a launch from the host's panel."""

from chromium import OpenWindow
from playwright.sync_api import expect
from premises import DOMAIN, QUOTA, Premises
from story.observe import mailbox_content
from walk import arrived, connect, launch, sign_in, start

from emulator.servers.instance import User


def test_by_signing_in(there: Premises, open_window: OpenWindow) -> None:
    user, account = there.new_user(), there.new_account()
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, user)
        connect(page, account)
        expect(page.locator("main")).to_contain_text(account)
        expect(page.locator("main")).to_contain_text(f"{user.name}@{DOMAIN}")
        start(page)
        arrived(page)
        expect(page.locator("tfoot")).to_contain_text("60")
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 60


def test_by_a_launch_from_the_panel(there: Premises, open_window: OpenWindow) -> None:
    user, account = User(f"{there.new_user().name}@{QUOTA}"), there.new_account()
    with open_window(*there.origins, there.panel.origin) as person:
        page = person.page()
        launch(page, there, user.name, "customer-7")
        connect(page, account)
        expect(page.locator("main")).to_contain_text(user.name)
        start(page)
        arrived(page)
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 60
