"""Two hundred hostile label names on every page that shows names: nothing runs, is fetched, or breaks out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from chromium import OpenWindow
from hostile import hostile_names
from playwright.sync_api import Page
from scenes import HOST, ID, NOW, Scene, looked, migration, progress, receipt, report
from showing import Shown, shown

from jobs.migration import State
from migrator.labels import Choices
from web.views.choose import choose
from web.views.done import done
from web.views.progress import running

NAMES = hostile_names()
TYPED = dict(zip((f"Label_{place}" for place in range(200)), reversed(NAMES), strict=True))
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"
SUSPECT = (
    "script:not([src]), iframe, svg, math, base, object, embed, style, [onerror], [onload], [onfocus], "
    "img:not([src^='/static/'])"
)


def with_names(choices: Choices) -> Any:
    return choose(HOST, ID, looked(NAMES, choices), choices, Choices())


@cache
def unchanged() -> Any:
    return with_names(Choices())


@cache
def renamed() -> Any:
    return with_names(Choices(policy="copy-per-label", renames=TYPED))


def followed() -> Any:
    told = report(left=7, folders=dict.fromkeys(NAMES, 7))
    return running(HOST, migration(), told, progress(told), NOW)


def ended() -> Any:
    told = report(State.DONE, folders=dict.fromkeys(NAMES, 7))
    return done(HOST, migration(State.DONE, ended_at=NOW - 300.0), told, receipt(), (), NOW)


SCENES = {
    "choose": Scene("choose", "choose.html", unchanged),
    "renamed": Scene("renamed", "choose.html", renamed),
    "progress": Scene("progress", "progress.html", followed),
    "done": Scene("done", "done.html", ended),
}


@pytest.fixture(scope="module")
def hostile_pages() -> Iterator[Shown]:
    with shown(SCENES) as served:
        yield served


def touch_everything(page: Page) -> None:
    """Open, focus and point at all there is, so that every event a name could wait for has happened."""
    page.evaluate(OPEN_ALL)
    page.evaluate("document.querySelectorAll('a, button, input, summary').forEach((each) => each.focus())")
    page.evaluate(
        "document.querySelectorAll('bdi, label, input').forEach((each) => "
        "['mouseover', 'input', 'change', 'pointerdown'].forEach((kind) => "
        "each.dispatchEvent(new Event(kind, {bubbles: true}))))"
    )


def test_there_are_two_hundred_different_names_as_long_as_gmail_allows() -> None:
    assert len(set(NAMES)) == 200
    assert max(len(name) for name in NAMES) == 225


@pytest.mark.parametrize("name", SCENES)
def test_no_script_runs_and_the_policy_has_nothing_to_report(
    name: str, open_window: OpenWindow, hostile_pages: Shown
) -> None:
    with open_window(hostile_pages.origin) as person:
        page = person.page()
        page.goto(hostile_pages.url(name))
        touch_everything(page)
        assert page.evaluate("window.ran") is None
        assert page.evaluate(f"document.querySelectorAll({SUSPECT!r}).length") == 0
        assert page.locator("main bdi").count() >= 200
        assert page.url == hostile_pages.url(name)
        page.wait_for_load_state("networkidle")
        served = {f"{hostile_pages.origin}/static", hostile_pages.url(name), f"{hostile_pages.origin}/imports"}
        assert all(url.startswith(tuple(served)) for url in person.asked), person.asked
        person.is_clean()


@pytest.mark.parametrize("name", SCENES)
def test_a_name_stays_in_its_place(name: str, open_window: OpenWindow, hostile_pages: Shown) -> None:
    """However long or right-to-left, a name neither widens the page nor turns the words around it."""
    with open_window(hostile_pages.origin, viewport={"width": 320, "height": 800}) as person:
        page = person.page()
        page.goto(hostile_pages.url(name))
        page.evaluate(OPEN_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        isolated = "[...document.querySelectorAll('main bdi')].map((one) => getComputedStyle(one).unicodeBidi)"
        assert set(page.evaluate(isolated)) == {"isolate"}


def test_the_search_for_scripts_would_see_one(open_window: OpenWindow) -> None:
    with shown(SCENES) as served, open_window(served.origin, bypass_csp=True) as person:
        page = person.page()
        page.goto(served.url("done"))
        page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
        page.wait_for_function("document.querySelector('img[src=x]').complete")
        assert page.evaluate(f"document.querySelectorAll({SUSPECT!r}).length") == 1
        assert person.complaints == ["a script ran: 1"]
