"""WCAG 2.2 AA, by axe-core in Chromium: every page in every state and language, light and wide, dark and narrow.

In each language a page of each kind is looked at in every way, and every state in one of the languages by turns: what
axe-core finds depends on what a page is made of, seldom on its words. Whether long words widen a narrow screen does
depend on them: that is looked at for every state in every language.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from axe import faults
from conftest import OpenWindow
from playwright.sync_api import Page
from scenes import Scene
from showing import Shown

from web.languages import LANGUAGES

WIDTHS = (1280, 320)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TURNS = list(LANGUAGES)
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


def in_full(language: str, scenes: Mapping[str, Scene]) -> set[str]:
    """Return the scenes that are looked at in every way in a language: one of each kind, and those whose turn it is."""
    kinds = {scene.template: name for name, scene in reversed([*scenes.items()])}
    turn = TURNS.index(language)
    return {*kinds.values(), *(name for place, name in enumerate(scenes) if place % len(TURNS) == turn)}


def wrong_with(page: Page) -> Iterator[str]:
    for width, scheme in zip(WIDTHS, SCHEMES, strict=True):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        yield from (f"{scheme}, {width} px: {fault}" for fault in faults(page))


def widened(page: Page) -> Iterator[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > min(WIDTHS):
        yield f"{wide} px wide on {min(WIDTHS)}"


@pytest.mark.parametrize("language", TURNS)
def test_no_page_breaks_a_rule_of_accessibility(language: str, open_window: OpenWindow, pages: Shown) -> None:
    found: dict[str, list[str]] = {}
    full = in_full(language, pages.scenes)
    with open_window(pages.origin, viewport={"width": min(WIDTHS), "height": 800}) as person:
        page = person.page()
        for name in pages.scenes:
            page.goto(pages.url(name, language), wait_until="domcontentloaded")
            page.evaluate(OPEN_ALL)
            found[name] = [*widened(page), *(wrong_with(page) if name in full else ())]
    assert not {name: faults for name, faults in found.items() if faults}
    assert not person.strangers
