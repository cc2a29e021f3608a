import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import tenacity
from browser import Browser
from consents import OTHER_SCOPES, everything, grants
from engine import ADDRESS, calls, pressed
from key_leaks import leaks
from stand_in import Google
from ways import FROM_PANEL, claims, signed

from app.addresses import addresses_of
from app.config import Config
from app.stores import Stores
from jobs import accounts, audit, requests
from jobs.launch import mailbox_of
from jobs.migration import State
from jobs.tickets import claim
from migrator.mailbox import MasterUser
from oauth.vault import Safe
from web.doors import Addresses
from web.session import COOKIE

New = Callable[..., Browser]


def import_in(path: str) -> str:
    return path.removeprefix("/imports/")


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(AssertionError),
    stop=tenacity.stop_after_delay(60),
    wait=tenacity.wait_fixed(0.05),
    reraise=True,
)
def reached(google: Google, call: str) -> None:
    """Wait until Google was asked for something."""
    assert call in calls(google)


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_connected_import_waits_with_everything_sealed_until_its_customer_starts_it(
    browser: New, stores: Stores
) -> None:
    customer = browser("c-1")
    migration = import_in(customer.connect())
    record = requests.read(stores.state, migration)
    assert (record.customer, record.reason) == ("c-1", "not-started")
    assert claim(stores.state, 10) is None, "no worker has anything to do"
    safe = Safe(stores.state, migration, stores.opening_vault.key(migration))
    assert mailbox_of(safe) == MasterUser("ann@host.example", "master", "master secret")
    assert addresses_of(stores, migration) == Addresses(ADDRESS, "ann@host.example")
    first = next(entry for entry in audit.entries(stores.state))
    assert (str(first.act), str(first.actor)) == ("granted", "customer")


def test_no_get_and_no_page_of_anothers_starts_an_import(browser: New, stores: Stores) -> None:
    customer, stranger = browser(), browser()
    place = customer.connect()
    for path in ("/choices?do=start", "/confirm", "/start-over", "/resume", "/check", ""):
        customer.get(f"{place}{path}")
    for path in ("/confirm", "/choices", "/resume", "/start-over", "/cancel"):
        assert stranger.post(f"{place}{path}", do="start").status == 404
    assert customer.post(f"{place}/resume").status == 303
    assert customer.post(f"{place}/choices", do="start", policy="one-copy").place == f"{place}/check", "not confirmed"
    assert requests.read(stores.state, import_in(place)).reason == "not-started"


def test_an_import_that_lost_its_key_can_only_be_cancelled(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    stores.keys.flushall()
    assert customer.get(f"{place}/check").place == place
    page = customer.get(place).text
    assert "This import can't go on" in unescape(page)
    assert f'action="{place}/cancel"' in page
    assert f'action="{place}/choices"' not in page
    customer.post(f"{place}/cancel")
    assert requests.read(stores.state, import_in(place)).ending == State.CANCELLED


@pytest.mark.parametrize("path", ["", "/check", "/choices", "/standing", "/events"])
def test_nobody_else_sees_an_import(path: str, browser: New, stranger: New) -> None:
    place = browser().connect()
    for other in (browser(), stranger()):
        answer, missing = other.get(f"{place}{path}"), other.get(f"/imports/{'0' * 32}{path}")
        assert (answer.status, answer.text) == (404, missing.text.replace("0" * 32, import_in(place)))


def test_a_second_session_of_the_customer_finds_the_import(browser: New) -> None:
    place = browser("c-7").connect()
    later = browser("c-7")
    assert f'href="{place}"' in later.get("/").text
    assert later.get(place).place == f"{place}/check"
    assert ADDRESS in later.get(f"{place}/check").text
    assert place not in browser("c-8").get("/").text


def test_starting_over_cancels_and_leads_to_the_start(browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    assert customer.post(f"{place}/start-over").place == "/"
    record = requests.read(stores.state, import_in(place))
    assert (record.state, record.ending) == (State.FINISHING, State.CANCELLED), "a worker revokes the grant next"
    assert "cancelled" in [str(entry.act) for entry in audit.entries(stores.state)]
    assert customer.post(f"{place}/start-over").place == "/", "once more changes nothing"


def test_after_twenty_consents_one_has_to_wait(browser: New) -> None:
    customer = browser()
    assert [customer.post("/consent").status for _ in range(21)] == [303] * 20 + [429]


def test_who_has_not_come_in_is_told_how_to(stranger: New) -> None:
    fresh = stranger()
    for answer in (fresh.get("/"), fresh.get("/connect"), fresh.post("/consent")):
        assert (answer.status, "Please open this page from your control panel" in answer.text) == (403, True)
    assert fresh.cookies == {}


def test_the_way_back_works_once_and_leads_again_to_what_it_came_to(browser: New, google: Google) -> None:
    customer = browser()
    back = customer.to_google()
    first = customer.get(back)
    before = calls(google)
    again = customer.get(back)
    assert (first.status, again.status, again.place) == (303, 303, first.place)
    assert calls(google) == before
    assert len(grants(google)) == 1


def test_a_refusal_that_is_loaded_again_says_the_same(browser: New, google: Google) -> None:
    customer = browser()
    back = customer.to_google(decision="deny")
    before = calls(google)
    assert [customer.get(back).status for _ in range(2)] == [400, 400]
    assert "You did not allow it at Google" in customer.get(back).text
    assert calls(google) == before


def test_an_answer_that_is_loaded_again_while_it_is_taken_waits_for_what_it_comes_to(
    browser: New, google: Google
) -> None:
    customer = browser()
    back = customer.to_google()
    google.fault("hang", method="oauth.token", seconds=3.0)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(customer.get, back)
        reached(google, "oauth.token")
        again = customer.get(back)
        assert (again.status, again.headers["refresh"]) == (202, "2")
        assert "Connecting your Gmail" in again.text
        assert customer.get(back).status == 202
        place = first.result().place
    assert customer.get(back).place == place
    assert len(grants(google)) == 1


@pytest.mark.parametrize("answered", [0, 1])
def test_whichever_answer_comes_is_good_of_who_went_to_google_twice(
    answered: int, browser: New, google: Google
) -> None:
    customer = browser()
    urls = [customer.post("/consent").place for _ in range(2)]
    place = customer.get(customer.path(pressed(google, urls[answered]))).place
    assert place.startswith("/imports/")
    assert customer.get(f"{place}/check").status == 200


def test_a_launch_meanwhile_leaves_a_consent_good_and_another_customers_does_not(browser: New, site: Config) -> None:
    customer = browser("c-1")
    for sub, mailbox, status in (("c-1", "ann@host.example", 303), ("c-1", "eve@host.example", 403), ("c-2", "", 403)):
        again = signed(claims(site.web.url, sub="c-1"))
        assert customer.post("/launch", dict(FROM_PANEL), launch=again).status == 303
        back = customer.to_google()
        meanwhile = signed(claims(site.web.url, sub=sub, mailbox=mailbox or "ann@host.example"))
        assert customer.post("/launch", dict(FROM_PANEL), launch=meanwhile).status == 303
        assert customer.get(back).status == status


@pytest.mark.parametrize(
    "guess", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
)
def test_a_browser_that_guesses_uses_nothing_up(guess: dict[str, str], browser: New, google: Google) -> None:
    customer = browser()
    back = customer.to_google()
    assert customer.get(back, guess).status == 503
    assert customer.head(back).status == 405
    assert "oauth.token" not in calls(google)
    assert customer.get(back).place.startswith("/imports/")


def test_the_answer_to_ones_consent_in_anothers_browser_is_refused_before_google_is_asked(
    browser: New, google: Google, stores: Stores
) -> None:
    victim, attacker = browser(), browser()
    back = victim.to_google()
    assert attacker.get(back).status == 403
    assert victim.get(back).status == 403, "it is used up"
    assert "oauth.token" not in calls(google)
    assert not list(stores.state.scan_iter("mig:*"))


def test_an_answer_is_good_in_the_browser_that_asked_and_in_no_other_of_the_same_customer(
    browser: New, google: Google
) -> None:
    back = browser("c-1").to_google()
    assert browser("c-1").get(back).status == 403
    assert "oauth.token" not in calls(google)


def test_a_browser_without_a_session_connects_nothing(browser: New, stranger: New, google: Google) -> None:
    back = browser().to_google()
    fresh = stranger()
    assert fresh.get(back).status == 403
    assert fresh.cookies == {}
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize("query", ["", "?", "?state=x&code=y", "?error=access_denied", "?state=%00&code=%ff"])
def test_a_way_back_that_nobody_went_is_refused(query: str, browser: New, google: Google) -> None:
    assert browser().get(f"/consent/return{query}").status == 403
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize("scopes", OTHER_SCOPES.values(), ids=OTHER_SCOPES)
def test_other_scopes_end_with_a_page_that_says_so(scopes: list[str], browser: New, google: Google) -> None:
    google.control("settings", {"granted_scopes": scopes})
    customer = browser()
    answer = customer.get(customer.to_google())
    assert (answer.status, calls(google)["oauth.revoke"], grants(google)) == (400, 1, [])
    assert "Not connected." in answer.text
    assert "Continue with Google" in answer.text, "the way to try again"


def test_another_account_than_the_one_named_is_given_back(browser: New, google: Google) -> None:
    customer = browser()
    answer = customer.get(customer.to_google(account="ann@gmail.example"))
    assert (answer.status, calls(google)["oauth.revoke"], grants(google)) == (400, 1, [])
    assert ADDRESS not in answer.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ann.smith@gmail.com", "annsmith@gmail.com"),
        ("AnnSmith@Gmail.com", "ann.smith@gmail.com"),
        ("annsmith@googlemail.com", "ann.smith@gmail.com"),
        ("ann.smith+shop@gmail.com", "ann.smith@googlemail.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_an_account_is_the_one_meant_however_its_owner_writes_it_and_shown_as_google_does(
    typed: str, said: str, browser: New, google: Google, stores: Stores
) -> None:
    google.control("accounts", {"address": said})
    customer = browser()
    place = customer.get(
        customer.path(pressed(google, customer.post("/consent", account=typed).place, account=said))
    ).place
    assert addresses_of(stores, import_in(place)) == Addresses(said, "ann@host.example")
    assert said in customer.get(f"{place}/check").text
    second = browser()
    back = second.path(pressed(google, second.post("/consent", account=said).place, account=said))
    assert second.get(back).status == 409, "one import at a time"


def test_a_dot_in_a_domain_of_its_own_is_another_account(browser: New, google: Google) -> None:
    said = "a.nn@company.example"
    google.control("accounts", {"address": said})
    customer = browser()
    place = customer.post("/consent", account="ann@company.example").place
    assert customer.get(customer.path(pressed(google, place, account=said))).status == 400
    assert grants(google) == []


@pytest.mark.parametrize("verb", ["HEAD", "OPTIONS"])
def test_what_a_browser_asks_before_it_comes_back_uses_nothing_up(verb: str, browser: New, google: Google) -> None:
    customer = browser()
    back, cookies = customer.to_google(), dict(customer.cookies)
    assert customer._ask(verb, back, None, None).status in {403, 405}
    assert customer.cookies == cookies
    assert "oauth.token" not in calls(google)
    assert customer.get(back).status == 303


def test_a_customer_who_denies_is_told_that_nothing_happened(browser: New, google: Google) -> None:
    customer = browser()
    answer = customer.get(customer.to_google(decision="deny"))
    assert answer.status == 400
    assert "oauth.token" not in calls(google)


def test_a_second_import_of_an_account_has_to_wait(browser: New, google: Google, stores: Stores) -> None:
    first = import_in(browser().connect())
    customer = browser()
    assert customer.get(customer.to_google()).status == 409
    assert len(list(stores.state.scan_iter("mig:{*}:history"))) == 1
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
    customer.cookies = {COOKIE: before}
    assert customer.get(place).status == 404, "to who knows the id alone, it is nobody's"


def test_who_never_got_the_sessions_new_id_is_told_again(browser: New) -> None:
    customer = browser()
    back = customer.to_google()
    before = dict(customer.cookies)
    place = customer.get(back).place
    customer.cookies = dict(before)
    assert customer.get(f"{place}/check").status == 200
    assert customer.cookies != before
    assert customer.get(f"{place}/check").status == 200


def test_a_planted_session_is_not_taken_on(browser: New) -> None:
    customer = browser()
    place = customer.connect()
    customer.cookies[COOKIE] = "planted"
    assert customer.post("/consent").status == 403
    assert customer.get(f"{place}/check").status == 404
    assert customer.cookies[COOKIE] == "planted", "no session was made for it"


def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(browser: New) -> None:
    customer = browser()
    customer.post("/consent")
    assert re.fullmatch(r"__Host-[a-z]+", COOKIE)
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= customer.flags[COOKIE]
    assert not [flag for flag in customer.flags[COOKIE] if flag.startswith(("domain", "max-age", "expires"))]


def test_no_get_makes_a_session(stranger: New, stores: Stores) -> None:
    customer = stranger()
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
    state, keys = stores.state, stores.keys
    kept = everything(state) + everything(keys)
    assert kept.count(import_in(place).encode()) > 5, "the search finds what is there, in values too"
    for secret in (ADDRESS, "ann@host.example", "master secret", customer.cookies[COOKIE], "1//0", "ya29."):
        assert secret.encode() not in kept
    assert leaks(state) == []
    assert leaks(keys) == []


def test_no_log_holds_a_code_a_state_a_session_or_a_password(browser: New, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("canary").debug("the log is on")
    customer = browser()
    back = customer.to_google()
    customer.get(customer.get(back).place)
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    assert "the log is on" in logged
    for secret in (asked(back)["code"], asked(back)["state"], customer.cookies[COOKIE], ADDRESS, "ann@host"):
        assert secret not in logged
        assert quote(secret, "") not in logged


def test_what_was_sent_is_not_sent_back(browser: New) -> None:
    answer = browser().post("/consent", account="u" * 2000)
    assert answer.status == 400
    assert "uuu" not in answer.text


def test_who_connects_an_account_twice_is_led_to_the_own_import(browser: New) -> None:
    customer = browser("c-9")
    place = customer.connect()
    again = customer.get(customer.to_google())
    assert (again.status, f'href="{place}"' in again.text) == (409, True)
    assert "An import of this account is already running" in again.text
    another = browser("c-10")
    told = another.get(another.to_google())
    assert (told.status, place in told.text) == (409, False)
