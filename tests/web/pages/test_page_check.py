"""The third screen while the mail is counted, and when that failed."""

from markup import Page, parsed
from scenes import HOST, ID

from migrator.quota import PROFILES
from web.rendering import render
from web.views.check import Counted, check

SENTENCE = "Google does not answer."


def page(counted: Counted | None = None, failed: str = "") -> Page:
    view = check(HOST, ID, "anna@gmail.com", "anna@example.org", counted, PROFILES["new"], failed)
    return parsed(render("check.html", view))


def asks_again(page: Page) -> bool:
    refreshed = any(meta.attributes.get("http-equiv") == "refresh" for meta in page.all("meta"))
    polled = any("hx-get" in element.attributes for element in page.elements)
    assert refreshed is polled, "with JavaScript and without it"
    return refreshed


def test_the_page_asks_again_until_the_mail_is_counted() -> None:
    assert asks_again(page())
    assert not asks_again(page(Counted(3, 1, 1_000, 9_000, None)))


def test_the_page_that_asks_again_does_not_ask_to_try_again() -> None:
    """Else a browser without JavaScript would begin anew each time, and its customer never see what is wrong."""
    refresh = next(meta for meta in page().all("meta") if meta.attributes.get("http-equiv") == "refresh")
    assert refresh.attributes["content"] == f"5; url=/imports/{ID}/check"


def test_a_failure_is_told_and_can_be_tried_again_or_left() -> None:
    shown = page(failed=SENTENCE)
    assert not asks_again(shown)
    assert any(SENTENCE in text for where, text in shown.texts if "p" in where)
    assert [link.attributes["href"] for link in shown.all("a") if "again" in link.attributes["href"]] == [
        f"/imports/{ID}/check?again=1"
    ]
    assert [form.attributes["action"] for form in shown.all("form") if ID in form.attributes["action"]] == [
        f"/imports/{ID}/confirm",
        f"/imports/{ID}/start-over",
    ]


def test_nobody_has_to_wait_for_the_count() -> None:
    for shown in (page(), page(failed=SENTENCE), page(Counted(3, 1, 1_000, 9_000, None))):
        assert [form.attributes["action"] for form in shown.all("form")].count(f"/imports/{ID}/confirm") == 1
