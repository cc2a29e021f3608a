"""The whole wizard in each language but the code's own, as the browser asks for it or the customer chooses."""

import pytest
from chromium import OpenWindow
from playwright.sync_api import Page, expect
from premises import Premises
from walk import arrived, button, connect, sign_in, start

ENGLISH = {"Sign in to your new mailbox", "Bring your Gmail here", "Is this right?", "Your mail has arrived"}


def told_in(page: Page, language: str) -> str:
    """See that the page says which language it is in; return its headline."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    return page.locator("h1").inner_text()


@pytest.mark.parametrize("language", ["de-CH", "fr-CH", "it-CH"])
def test_the_whole_wizard_in_the_language_of_the_browser(
    language: str, there: Premises, open_window: OpenWindow
) -> None:
    account = there.new_account(messages=10)
    headlines = []
    with open_window(*there.origins, locale=language) as person:
        page = person.page()
        page.goto(there.origin)
        headlines.append(told_in(page, language))
        sign_in(page, there, there.new_user())
        headlines.append(told_in(page, language))
        connect(page, account)
        headlines.append(told_in(page, language))
        start(page)
        arrived(page)
        headlines.append(told_in(page, language))
        person.is_clean()
    assert not ENGLISH & {*headlines}
    assert len(set(headlines)) == 4


def test_a_chosen_language_stays_on_every_page_after(there: Premises, open_window: OpenWindow) -> None:
    with open_window(*there.origins) as person:
        page = person.page()
        sign_in(page, there, there.new_user())
        english = told_in(page, "en")
        button(page, "/language", "it-CH").click()
        expect(page.locator("html")).to_have_attribute("lang", "it-CH")
        assert told_in(page, "it-CH") != english
        page.click("a[href='/connect']")
        told_in(page, "it-CH")
        button(page, "/language", "en").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        person.is_clean()
