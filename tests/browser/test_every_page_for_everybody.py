"""WCAG 2.2 AA, by axe-core in Chromium: every page, in every state and language, light and wide, dark and narrow."""

import pytest
from axe import OPEN_ALL, wrong_with
from chromium import OpenWindow
from showing import Shown

from web.languages import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_breaks_a_rule_of_accessibility(language: str, open_window: OpenWindow, pages: Shown) -> None:
    found: dict[str, list[str]] = {}
    with open_window(pages.origin) as person:
        page = person.page()
        for name in pages.scenes:
            page.goto(pages.url(name, language), wait_until="domcontentloaded")
            page.evaluate(OPEN_ALL)
            found[name] = [*wrong_with(page)]
    assert not {name: faults for name, faults in found.items() if faults}
    assert not person.strangers
