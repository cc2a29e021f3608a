"""What a customer may ask of an import that was started, each page in his language, and how he leaves."""

import re
from collections.abc import Callable

import pytest
from browser import Browser
from inn import form_for, forms, sent

from app.stores import Stores
from jobs import audit, requests
from jobs.migration import State
from web import session as sessions
from web.session import COOKIE

New = Callable[..., Browser]


def running(customer: Browser, stores: Stores) -> str:
    """Connect an import and start it; no worker is there, so nothing moves by itself."""
    place = customer.connect()
    requests.resume(stores.state, import_in(place))
    return place


def import_in(place: str) -> str:
    return place.removeprefix("/imports/")


def asked(stores: Stores, place: str) -> list[str]:
    """Return what people did to an import, as the audit log has it; what looks it over meanwhile is nobody's act."""
    acts = [e.act for e in audit.entries(stores.state, import_in(place)) if e.actor == audit.CUSTOMER]
    return [str(act) for act in acts if act is not audit.Act.OPENED]


def test_an_import_is_paused_resumed_and_cancelled_by_the_buttons_of_its_page(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    states = []
    for what in ("pause", "resume", "cancel"):
        answer = sent(customer, form_for(customer.get(place).text, f"/{what}"))
        assert (answer.status, answer.place) == (303, place)
        states.append(requests.read(stores.state, import_in(place)).state)
    assert states == [State.PAUSED, State.PLANNING, State.FINISHING]
    acts = [(str(entry.act), str(entry.actor)) for entry in audit.entries(stores.state)]
    assert [act for act in acts if act[0] in {"paused", "resumed", "cancelled"}] == [
        (act, "customer") for act in ("paused", "resumed", "cancelled")
    ]


def test_what_the_page_does_not_offer_now_changes_nothing_and_is_not_written_down(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    before = (requests.history(stores.state, import_in(place)), asked(stores, place))
    assert customer.post(f"{place}/resume").place == place
    assert customer.post(f"{place}/expire").status == 404
    assert (requests.history(stores.state, import_in(place)), asked(stores, place)) == before


def test_a_page_without_scripts_asks_for_itself_again(browser: New, stores: Stores) -> None:
    customer = browser()
    page = customer.get(running(customer, stores)).text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in page
    assert "You can close this page." in page


def test_without_an_audit_log_nothing_is_done(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    stores.state.set("audit:broken", "damaged")
    answer = customer.post(f"{place}/pause")
    assert (answer.status, requests.read(stores.state, import_in(place)).state) == (503, State.PLANNING)


@pytest.mark.parametrize(("tag", "title"), [("de-CH", "Deutsch"), ("fr-CH", "Français"), ("it-CH", "Italiano")])
def test_a_language_is_chosen_for_the_session_and_leads_back_to_the_page(tag: str, title: str, browser: New) -> None:
    customer = browser()
    page = customer.get("/connect")
    assert '<html lang="en">' in page.text
    assert title in page.text
    answer = sent(customer, form_for(page.text, "/language"), tag)
    assert (answer.status, answer.place) == (303, "/connect")
    for path in ("/connect", "/", "/nowhere"):
        assert f'<html lang="{tag}">' in customer.get(path, {"Accept-Language": "en"}).text
    assert '<html lang="en">' in browser().get("/").text


def test_the_language_is_the_one_the_browser_asks_for_where_none_was_chosen(browser: New, stranger: New) -> None:
    for customer in (browser(), stranger()):
        answer = customer.get("/", {"Accept-Language": "fr-FR,fr;q=0.8,en;q=0.2"})
        assert '<html lang="fr-CH">' in answer.text
    assert "<form" not in stranger().get("/").text, "there is no session to keep a choice in"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b"]
)
def test_choosing_a_language_leads_nowhere_else(place: str, browser: New) -> None:
    answer = browser().post("/language", language="de-CH", place=place)
    assert (answer.status, answer.place) == (303, "/")


def test_an_unknown_language_changes_nothing(browser: New, stores: Stores) -> None:
    customer = browser()
    assert customer.post("/language", language="xx", place="/").status == 303
    session = sessions.find(stores.state, customer.cookies[COOKIE])
    assert session
    assert session.language == ""


def test_after_a_form_the_language_leads_back_to_a_page_that_can_be_shown(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    page = customer.post(f"{place}/expire")
    assert dict(form_for(page.text, "/language").fields)["place"] == place
    assert dict(form_for(customer.post("/consent", account="x" * 400).text, "/language").fields)["place"] == "/"


def test_signing_out_ends_the_session_and_leaves_the_import(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    answer = sent(customer, form_for(customer.get(place).text, "/signout"))
    assert answer.status == 303
    assert "You are signed out" in customer.get(answer.place).text
    assert customer.get(place).status == 404
    assert requests.read(stores.state, import_in(place)).state is State.PLANNING


def test_every_form_of_every_page_is_answered_by_us(browser: New, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    for path in ("/", "/connect", place, "/nowhere"):
        page = customer.get(path).text
        assert all(form.action.startswith("/") for form in forms(page))
        assert not re.findall(r"<script(?![^>]*src=)|style=|\son\w+=", page)
