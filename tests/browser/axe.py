"""axe-core asked about a page, by WCAG 2.2 AA: put in by the debugger, so that the pages' policy stays as it is."""

from importlib.resources import files

from playwright.sync_api import Page

_SOURCE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without preload: it fetches the style sheets once more, for one experimental rule (css-orientation-lock).
_RUN = """async (options) => {
  const found = await axe.run(document, {resultTypes: ["violations"], preload: false, ...options});
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`));
}"""


def faults(page: Page) -> list[str]:
    """Return each rule that a page breaks as it is shown now, with the element that does."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_SOURCE)
    found: list[str] = page.evaluate(_RUN, {"runOnly": {"type": "tag", "values": _TAGS}})
    return found
