"""WCAG 2.2 AA, by axe-core in Chromium: every page, in every state and language, light and wide, dark and narrow."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe import faults
from conftest import OpenWindow
from playwright.sync_api import Page
from showing import Shown

from web.languages import LANGUAGES

NARROW, WIDE = 320, 1280
WAYS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", WIDE), ("dark", NARROW))
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


def wrong_with(page: Page) -> Iterator[str]:
    for scheme, width in WAYS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        yield from (f"{scheme}, {width} px: {fault}" for fault in faults(page))
    needed = page.evaluate("document.documentElement.scrollWidth")
    if needed > NARROW:
        yield f"{needed} px wide on {NARROW}"


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
