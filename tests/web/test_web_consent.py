import logging
import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from browser import Browser
from consents import OTHER_SCOPES, everything, grants
from engine import ADDRESS, calls
from key_leaks import leaks
from stand_in import Google

from app.stores import Stores
from jobs import accounts, audit, requests
from jobs.launch import mailbox_of
from jobs.migration import State
from jobs.tickets import claim
from migrator.mailbox import Password
from oauth.vault import Safe
from web.session import COOKIE

New = Callable[[], Browser]


def import_in(path: str) -> str:
    return path.removeprefix("/imports/").removesuffix("/start")


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_customer_connects_and_starts_in_two_steps(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    migration = import_in(place)
    assert requests.read(stores.state, migration).reason == "not-started"
    assert "Nothing is copied until you start" in customer.get(place).text
    assert claim(stores.state, 10) is None, "no worker has anything to do"
    started = customer.post(f"{place}/start", user="ann", password="secret word")
    assert (started.status, started.place) == (303, place)
    assert requests.read(stores.state, migration).state is State.PLANNING
    safe = Safe(stores.state, migration, stores.vault.key(migration))
    assert mailbox_of(safe) == Password("ann", "secret word")
    assert "has been started" in customer.get(place).text
    assert [str(entry.act) for entry in audit.entries(stores.state)] == ["granted", "started"]
    assert {str(entry.actor) for entry in audit.entries(stores.state)} == {"customer"}


def test_starting_needs_a_post(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    assert customer.get(f"{place}/start").status == 405
    assert customer.get(f"{place}/start?user=ann&password=x").status == 405
    assert requests.read(stores.state, import_in(place)).reason == "not-started"


def test_an_import_is_started_once(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    assert customer.post(f"{place}/start", user="ann", password="x").status == 303
    assert customer.post(f"{place}/start", user="eve", password="y").status == 409
    safe = Safe(stores.state, import_in(place), stores.vault.key(import_in(place)))
    assert mailbox_of(safe) == Password("ann", "x")


def test_an_import_whose_key_is_lost_is_not_started(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    stores.keys.flushall()
    assert customer.post(f"{place}/start", user="ann", password="x").status == 409
    assert requests.read(stores.state, import_in(place)).reason == "not-started"


def test_nobody_else_sees_or_starts_an_import(browser: New, stores: Stores) -> None:
    place = browser().connect()
    stranger = browser()
    stranger.post("/consent")
    assert stranger.cookies
    for other in (stranger, browser()):
        answers = [other.get(place), other.post(f"{place}/start", user="eve", password="x")]
        missing = other.get("/imports/00000000000000000000000000000000")
        assert {(answer.status, answer.text) for answer in answers} == {(404, missing.text)}
    assert requests.read(stores.state, import_in(place)).reason == "not-started"


def test_the_way_back_works_once(browser: New, google: Google) -> None:
    customer = browser()
    back = customer.to_google()
    assert customer.get(back).status == 303
    before = calls(google)
    assert customer.get(back).status == 403
    assert calls(google) == before
    assert len(grants(google)) == 1


def test_the_answer_to_ones_consent_in_anothers_browser_is_refused_before_google_is_asked(
    browser: New, google: Google, stores: Stores
) -> None:
    victim, attacker = browser(), browser()
    back = victim.to_google()
    attacker.post("/consent")
    assert attacker.get(back).status == 403
    assert victim.get(back).status == 403, "it is used up"
    assert "oauth.token" not in calls(google)
    assert not list(stores.state.scan_iter("mig:*"))


def test_a_browser_without_a_session_connects_nothing(browser: New, google: Google) -> None:
    back = browser().to_google()
    fresh = browser()
    assert fresh.get(back).status == 403
    assert fresh.cookies == {}
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize("query", ["", "?", "?state=x&code=y", "?error=access_denied", "?state=%00&code=%ff"])
def test_a_way_back_that_nobody_went_is_refused(query: str, browser: New, google: Google) -> None:
    customer = browser()
    customer.post("/consent")
    assert customer.get(f"/consent/return{query}").status == 403
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize("scopes", OTHER_SCOPES.values(), ids=OTHER_SCOPES)
def test_other_scopes_end_with_a_page_that_says_so(scopes: list[str], browser: New, google: Google) -> None:
    google.control("settings", {"granted_scopes": scopes})
    customer = browser()
    answer = customer.get(customer.to_google())
    assert (answer.status, calls(google)["oauth.revoke"], grants(google)) == (400, 1, [])


def test_another_account_than_the_one_named_is_given_back(browser: New, google: Google) -> None:
    customer = browser()
    answer = customer.get(customer.to_google(account="ann@gmail.example"))
    assert (answer.status, calls(google)["oauth.revoke"], grants(google)) == (400, 1, [])
    assert ADDRESS not in answer.text


def test_a_customer_who_denies_is_told_that_nothing_happened(browser: New, google: Google) -> None:
    customer = browser()
    answer = customer.get(customer.to_google(decision="deny"))
    assert answer.status == 400
    assert "oauth.token" not in calls(google)


def test_a_second_import_of_an_account_has_to_wait(browser: New, google: Google, stores: Stores) -> None:
    first = import_in(browser().connect())
    customer = browser()
    assert customer.get(customer.to_google()).status == 409
    assert "oauth.revoke" not in calls(google)
    assert accounts.holds(stores.state, stores.vault, first, ADDRESS)


def test_google_is_asked_with_our_own_way_back_and_one_scope(browser: New) -> None:
    customer = browser()
    query = asked(customer.post("/consent").place)
    assert query["scope"] == "https://www.googleapis.com/auth/gmail.readonly"
    assert query["redirect_uri"].endswith("/consent/return")
    assert "include_granted_scopes" not in query


def test_the_sessions_id_is_new_when_the_customer_comes_back(browser: New) -> None:
    customer = browser()
    back = customer.to_google()
    before = customer.cookies[COOKIE]
    place = customer.get(back).place
    after = customer.cookies[COOKIE]
    assert before != after
    customer.cookies[COOKIE] = before
    assert customer.get(place).status == 404, "the id that was known before is nobody's"


def test_a_planted_session_is_not_taken_on(browser: New) -> None:
    customer = browser()
    customer.cookies[COOKIE] = "planted"
    back = customer.to_google()
    assert customer.cookies[COOKIE] != "planted"
    assert customer.get(back).status == 303
    customer.cookies[COOKIE] = "planted"
    assert customer.get("/imports/x").status == 404


def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(browser: New) -> None:
    customer = browser()
    customer.post("/consent")
    assert re.fullmatch(r"__Host-[a-z]+", COOKIE)
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= customer.flags[COOKIE]
    assert not [flag for flag in customer.flags[COOKIE] if flag.startswith(("domain", "max-age", "expires"))]


def test_no_get_makes_a_session(browser: New, stores: Stores) -> None:
    customer = browser()
    for path in ("/", "/consent", "/consent/return", "/imports/x", "/.well-known/migrator-receipt-keys.json"):
        customer.get(path)
    assert customer.cookies == {}
    assert not list(stores.state.scan_iter("web:*"))


def test_the_keys_for_receipts_are_public(browser: New) -> None:
    answer = browser().get("/.well-known/migrator-receipt-keys.json")
    assert answer.status == 200
    assert '"kid":"k1"' in answer.text.replace(" ", "")


def test_nothing_a_customer_gave_lies_in_a_store_in_the_clear_or_without_an_end(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    customer.post(f"{place}/start", user="ann-canary", password="password-canary")
    state, keys = stores.state, stores.keys
    kept = everything(state) + everything(keys)
    assert kept.count(import_in(place).encode()) > 5, "the search finds what is there, in values too"
    for secret in (ADDRESS, "ann-canary", "password-canary", customer.cookies[COOKIE], "1//0", "ya29."):
        assert secret.encode() not in kept
    assert leaks(state) == []
    assert leaks(keys) == []


def test_no_log_holds_a_code_a_state_a_session_or_a_password(browser: New, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("canary").debug("the log is on")
    customer = browser()
    back = customer.to_google()
    customer.post(f"{customer.get(back).place}/start", user="ann", password="password-canary")
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    assert "the log is on" in logged
    for secret in (asked(back)["code"], asked(back)["state"], customer.cookies[COOKIE], "password-canary"):
        assert secret not in logged
        assert quote(secret, "") not in logged


def test_what_was_sent_is_not_sent_back(browser: New) -> None:
    customer = browser()
    place = customer.connect()
    answer = customer.post(f"{place}/start", user="u" * 2000, password="canary")
    assert answer.status == 400
    assert "canary" not in answer.text
    assert "uuu" not in answer.text
