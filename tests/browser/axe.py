"""axe-core asked about a page, by WCAG 2.2 AA: put in by the debugger, so that the pages' policy stays as it is."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Literal

from playwright.sync_api import Page

_SOURCE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without preload: it fetches the style sheets once more, for one experimental rule (css-orientation-lock).
_RUN = """async (options) => {
  const found = await axe.run(document, {resultTypes: ["violations"], preload: false, ...options});
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`));
}"""

NARROW, WIDE = 320, 1280
WAYS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", WIDE), ("dark", NARROW))


def faults(page: Page) -> list[str]:
    """Return each rule that a page breaks as it is shown now, with the element that does."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_SOURCE)
    found: list[str] = page.evaluate(_RUN, {"runOnly": {"type": "tag", "values": _TAGS}})
    return found


OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


def wrong_with(page: Page) -> Iterator[str]:
    for scheme, width in WAYS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        yield from (f"{scheme}, {width} px: {fault}" for fault in faults(page))
    needed = page.evaluate("document.documentElement.scrollWidth")
    if needed > NARROW:
        yield f"{needed} px wide on {NARROW}"
