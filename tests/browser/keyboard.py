"""A person who has a keyboard and nothing else: goes by Tab, presses Enter and Space, and must see where he is."""

from playwright.sync_api import Locator, Page

_MOST = 400
_HERE = """(wanted) => document.activeElement === wanted"""
_SEEN = """() => {
  const one = document.activeElement, style = getComputedStyle(one), place = one.getBoundingClientRect();
  const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const inside = place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth;
  return one === document.body || (ringed && inside) ? "" : one.outerHTML.slice(0, 160);
}"""
_FOCUSED = """() => {
  const one = document.activeElement;
  const at = [...document.querySelectorAll("*")].indexOf(one);
  return one === document.body ? "" : at + " " + one.outerHTML.slice(0, 120);
}"""
_CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(
  (one) => one.type !== "hidden" && one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}))
  .map((one) => [...document.querySelectorAll("*")].indexOf(one) + " " + one.outerHTML.slice(0, 120))"""


class NotReached(AssertionError):
    """Tab does not lead there."""


def go_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is on what is wanted; fail where a focus cannot be seen on the way."""
    wanted.wait_for()
    element = wanted.element_handle()
    for _ in range(_MOST):
        if page.evaluate(_HERE, element):
            return
        page.keyboard.press("Tab")
        unseen = page.evaluate(_SEEN)
        assert not unseen, f"the focus cannot be seen on {unseen}"
    raise NotReached(str(wanted))


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Go to a control and press a key on it."""
    go_to(page, wanted)
    page.keyboard.press(key)


def controls(page: Page) -> list[str]:
    """Return the visible controls in the order of the page."""
    found: list[str] = page.evaluate(_CONTROLS)
    return found


def tabbed(page: Page) -> list[str]:
    """Press Tab from the page's beginning to its end; return what had the focus, in order."""
    found: list[str] = []
    for _ in range(_MOST):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if [focused] == found[-1:]:  # the next part of a date
            continue
        if not focused or focused in found:
            return found
        unseen = page.evaluate(_SEEN)
        assert not unseen, f"the focus cannot be seen on {unseen}"
        found.append(focused)
    raise NotReached("the page's end")
