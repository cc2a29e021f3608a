"""A browser's steps through the wizard, from the start to a started import."""

from pathlib import Path

from browser import Browser
from inn import form_for, sent, until

ROOT = Path(__file__).resolve().parents[2]


LAYOUT = ROOT / "tests" / "data" / "layout.jsonl"


def to_check(browser: Browser) -> str:
    """Go from the start to the screen Check; return its path."""
    assert 'href="/connect"' in browser.get("/").text
    before = browser.get("/connect")
    assert (before.status, "Continue with Google" in before.text) == (200, True)
    place = browser.get(browser.to_google()).place
    assert browser.get(place).place == f"{place}/check"
    return f"{place}/check"


def started(browser: Browser) -> str:
    """Go from the start to a started import with the usual choices; return its path."""
    return started_from(browser, until(browser, to_check(browser), "Yes, this is right").text)


def started_from(browser: Browser, check: str) -> str:
    choose = browser.get(sent(browser, form_for(check, "/confirm")).place)
    return sent(browser, form_for(choose.text, "/choices"), "start").place
