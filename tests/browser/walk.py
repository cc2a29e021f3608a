"""What a customer does, step by step: by what a form is for and not by its words, so in every language alike."""

from contextlib import suppress

from playwright.sync_api import Error, Locator, Page, expect
from premises import DOMAIN, Premises

from emulator.servers.instance import User


def button(page: Page, action: str, value: str = "") -> Locator:
    """Return the button of the form whose address ends so."""
    named = f"[value={value!r}]" if value else ""
    return page.locator(f"form[action$={action!r}] button{named}").first


def press_folded(summary: Locator, wanted: Locator) -> None:
    """Press a button in a part that is folded; a page that loads itself anew at that moment has folded it again."""
    for _ in range(12):
        if not wanted.is_visible():
            summary.click()
        with suppress(Error):
            wanted.click(timeout=5000)
            return
    raise AssertionError("it never stays open")


def sign_in(page: Page, there: Premises, user: User, domain: str = DOMAIN) -> None:
    """Come in by the mailbox's own address and password."""
    page.goto(there.origin)
    enter(page, user, domain)


def enter(page: Page, user: User, domain: str = DOMAIN) -> None:
    """Fill in the open form for signing in, and send it."""
    page.fill("[name=address]", f"{user.name.partition('@')[0]}@{domain}")
    page.fill("[name=password]", user.password)
    button(page, "/signin").click()
    expect(page.locator("a[href='/connect']")).to_be_visible()


def launch(page: Page, there: Premises, mailbox: str, customer: str) -> None:
    """Come in from the host's panel."""
    there.panel.sign(mailbox, customer)
    page.goto(there.panel.origin)
    page.get_by_role("button", name="Import from Gmail").click()
    expect(page.locator("a[href='/connect']")).to_be_visible()


def to_google(page: Page) -> None:
    """Go on from the start to Google's page."""
    page.click("a[href='/connect']")
    button(page, "/consent").click()
    expect(page.locator("button[name=decision]").first).to_be_visible()


def decide(page: Page, account: str, decision: str = "allow") -> None:
    """Choose an account at Google and press a button."""
    page.check(f"input[name=account][value='{account}']")
    page.click(f"button[value={decision}]")


def connect(page: Page, account: str) -> str:
    """Go on from the start until the mail has been counted; return the import's id."""
    to_google(page)
    decide(page, account)
    expect(button(page, "/confirm")).to_be_visible()
    return page.url.split("/imports/")[1].split("/")[0]


def start(page: Page) -> None:
    """Say that the addresses are right, and take what is chosen already."""
    button(page, "/confirm").click()
    button(page, "/choices", "start").click()
    page.wait_for_url("**/imports/*")


def arrived(page: Page) -> None:
    """Wait on the open page until it tells, by itself, that everything is there."""
    expect(page.locator("a[href$='/receipt']")).to_be_visible()
