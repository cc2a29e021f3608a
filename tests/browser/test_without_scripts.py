"""The whole wizard in a browser that runs no script: pages load themselves anew, every button is a form's."""

from chromium import OpenWindow
from playwright.sync_api import expect
from premises import Premises
from story.observe import mailbox_content
from walk import arrived, button, connect, sign_in


def test_from_the_start_to_the_receipt(there: Premises, open_window: OpenWindow) -> None:
    user, account = there.new_user(), there.new_account()
    with open_window(*there.origins, java_script_enabled=False) as person:
        page = person.page()
        sign_in(page, there, user)
        connect(page, account)  # the page that counts loads itself again until it has counted
        expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)  # loading itself anew, it forgets a click
        button(page, "/confirm").click()
        expect(button(page, "/choices", "look")).to_be_attached()
        page.locator("details summary").nth(0).click()
        button(page, "/choices", "look").click()
        start_button = button(page, "/choices", "start")
        expect(start_button).to_be_visible()
        start_button.click()
        arrived(page)
        assert not [url for url in person.asked if url.endswith(".js")]
        person.is_clean()
    assert len(mailbox_content(there.server, user)) == 60
