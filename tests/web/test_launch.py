"""A launch by a form of the panel's page, over HTTP: who is let in, and everybody who is not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from consents import everything
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from ways import FROM_PANEL, PANEL, Client, claims, entrance, hidden, panel, serving, signed

from app.stores import Stores
from jobs import requests
from jobs.migration import new_id
from migrator.mailbox import Password
from web import entrusted, minted
from web import session as sessions
from web.browsers import MARK as BROWSER
from web.launch import Login, launch_routes, login_name
from web.launch_token import LEEWAY_SECONDS
from web.launched import REPEAT_SECONDS
from web.session import Entered

ASKING = {**FROM_PANEL, "X-Client": "192.0.2.7", "User-Agent": "A browser", "Accept-Language": "de-CH"}
REFUSED = "Go back to your control panel"


@pytest.fixture(scope="module")
def url(running: Stores) -> Iterator[str]:
    def build(url: str) -> FastAPI:
        site = FastAPI()
        site.include_router(launch_routes(entrance(running, "x-client"), panel(url)))
        return site

    with serving(build) as found:
        yield found


@pytest.fixture
def browser(url: str, stores: Stores) -> Callable[[], Client]:
    _ = stores
    return lambda: Client(url)


New = Callable[[], Client]


def nobody_is_in(stores: Stores) -> bool:
    return not list(stores.state.scan_iter("web:session:*")) and not list(stores.keys.scan_iter())


def test_a_launch_from_the_panel_begins_a_session_of_its_customer(browser: New, url: str, stores: Stores) -> None:
    customer = browser()
    answer = customer.launch(signed(claims(url)))
    assert (answer.status, answer.place) == (303, "/")
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.entered == Entered("customer-7", "ann@host.example")
    flags = answer.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("__host-migrator=", "secure", "httponly", "samesite=lax", "path=/"))


def test_the_session_has_the_imports_of_its_customer_and_no_others(browser: New, url: str, stores: Stores) -> None:
    mine = [requests.create(stores.state, "customer-7", migration_id=new_id(), start=False).id for _ in range(2)]
    requests.create(stores.state, "customer-8", start=False)
    customer = browser()
    customer.launch(signed(claims(url)))
    session = sessions.find(stores.state, customer.session)
    assert session
    assert sorted(session.imports) == sorted(mine)


def test_a_launch_ends_the_session_the_browser_had(browser: New, url: str, stores: Stores) -> None:
    customer = browser()
    customer.launch(signed(claims(url)))
    before = customer.session
    customer.launch(signed(claims(url, sub="customer-9")))
    assert customer.session != before
    assert sessions.find(stores.state, before) is None
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.entered.customer == "customer-9"


def test_a_planted_cookie_is_not_taken_on(browser: New, url: str) -> None:
    customer = browser()
    customer.cookies["__Host-migrator"] = "planted"
    customer.launch(signed(claims(url)))
    assert customer.session not in {"", "planted"}


def test_a_secret_is_opened_and_lies_sealed_in_the_store_that_never_persists(
    browser: New, url: str, stores: Stores
) -> None:
    customer = browser()
    assert customer.launch(signed(claims(url, secret=hidden("open sesame")))).status == 303
    session = sessions.find(stores.state, customer.session)
    assert session
    found = entrusted.entrusted(stores.keys, stores.vault, session.entered.entrusted)
    assert found == Password("ann@host.example", "open sesame")
    for store in (stores.state, stores.keys):
        kept = everything(store)
        assert not [word for word in (b"open sesame", b"ann@host", b"customer-7") if word in kept]
    assert all(0 < stores.keys.ttl(name) <= 1800 for name in stores.keys.scan_iter())
    entrusted.forget(stores.keys, session.entered.entrusted)
    assert entrusted.entrusted(stores.keys, stores.vault, session.entered.entrusted) is None


def test_a_launch_minted_here_is_good_once_for_a_minute(browser: New, stores: Stores) -> None:
    code, ends = minted.mint(stores.keys, stores.vault, "customer-3", "bob@host.example", "pass")
    assert 55 < ends - time.time() <= 60
    assert all(stores.keys.ttl(name) <= 60 for name in stores.keys.scan_iter())
    assert not [word for word in (code.encode(), b"bob@host", b"pass") if word in everything(stores.keys)]
    customer = browser()
    assert customer.launch(code).status == 303
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.entered.customer == "customer-3"
    again = browser()
    assert (again.launch(code).status, again.session) == (403, "")


def test_a_link_makes_no_session(browser: New, url: str, stores: Stores) -> None:
    victim = browser()
    assert victim.ask("GET", f"/launch?launch={signed(claims(url))}", **FROM_PANEL).status == 405
    assert victim.session == ""
    assert nobody_is_in(stores)


@pytest.mark.parametrize("origin", [f"{PANEL}.", f"{PANEL}:443", PANEL.upper()])
def test_the_panels_origin_is_its_own_however_it_is_written(origin: str, browser: New, url: str) -> None:
    assert browser().launch(signed(claims(url)), {**FROM_PANEL, "Origin": origin}).status == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://panel.example"},
        {"Origin": "https://panel.example.evil.example"},
        {"Origin": "https://evil.example/https://panel.example"},
        {"Origin": "https://panel.example:8443"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": f"{PANEL}, {PANEL}"},
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty"},
    ],
)
def test_what_is_not_the_panels_page_launches_nothing_and_leaves_the_launch_good(
    changes: dict[str, str], browser: New, url: str, stores: Stores
) -> None:
    token, victim = signed(claims(url)), browser()
    answer = victim.launch(token, {**FROM_PANEL, **changes})
    assert answer.status == 403
    assert victim.session == ""
    assert nobody_is_in(stores)
    assert browser().launch(token).status == 303


def test_without_an_origin_nothing_is_launched(browser: New, url: str, stores: Stores) -> None:
    victim = browser()
    assert victim.launch(signed(claims(url)), {"Referer": f"{PANEL}/"}).status == 403
    assert nobody_is_in(stores)


def test_an_attackers_own_launch_opened_by_his_page_in_a_victims_browser_begins_nothing(
    browser: New, url: str, stores: Stores
) -> None:
    attacker, victim = browser(), browser()
    assert attacker.launch(signed(claims(url, sub="attacker"))).status == 303
    mine = signed(claims(url, sub="attacker"))
    for headers in ({"Origin": "https://evil.example"}, {"Origin": url}, {"Origin": "null"}):
        assert victim.launch(mine, headers).status == 403
    assert victim.ask("GET", f"/launch?launch={mine}").status == 405
    assert victim.session == ""
    assert len(list(stores.state.scan_iter("web:session:*"))) == 1, "the attacker's own"


def test_a_launch_is_good_once(browser: New, url: str, stores: Stores) -> None:
    token = signed(claims(url))
    assert browser().launch(token).status == 303
    again = browser()
    assert (again.launch(token).status, again.session) == (403, "")
    assert all(0 < stores.state.ttl(name) <= 60 + 3 * LEEWAY_SECONDS for name in stores.state.scan_iter("launched:*"))


@pytest.fixture
def pressed_once(browser: New, url: str) -> tuple[Client, str]:
    """A browser that has launched, and the launch."""
    customer, token = browser(), signed(claims(url))
    assert customer.launch(token, ASKING).status == 303
    return customer, token


def test_a_launch_pressed_twice_leads_into_one_session(pressed_once: tuple[Client, str], stores: Stores) -> None:
    customer, token = pressed_once
    session = customer.session
    for cookies in (customer.cookies, {BROWSER: customer.cookies[BROWSER]}, {}):
        again = Client(customer.url, dict(cookies))
        assert again.launch(token, ASKING).status == 303
        assert again.session == session
    assert len(list(stores.state.scan_iter("web:session:*"))) == 1


def test_a_minted_launch_pressed_twice_leads_into_one_session(browser: New, stores: Stores) -> None:
    code, _ = minted.mint(stores.keys, stores.vault, "customer-3", "bob@host.example", "pass")
    first, second = browser(), browser()
    assert [one.launch(code, ASKING).status for one in (first, second)] == [303, 303]
    assert first.session == second.session


@pytest.mark.parametrize("other", [{"X-Client": "192.0.2.99"}, {"User-Agent": "Another"}, {"User-Agent": ""}])
def test_another_browser_does_not_press_twice(other: dict[str, str], pressed_once: tuple[Client, str]) -> None:
    customer, token = pressed_once
    stranger = Client(customer.url, {BROWSER: "x" * 43})
    assert (stranger.launch(token, {**ASKING, **other}).status, stranger.session) == (403, "")


def test_once_the_session_is_used_the_mark_alone_tells_the_browser(
    pressed_once: tuple[Client, str], stores: Stores
) -> None:
    customer, token = pressed_once
    sessions.arrived(stores.state, customer.session, customer.cookies[BROWSER])
    alike = Client(customer.url)
    assert (alike.launch(token, ASKING).status, alike.session) == (403, "")
    assert customer.launch(token, {**ASKING, "User-Agent": "Updated"}).status == 303


def test_later_and_after_signing_out_a_launch_is_used_up(pressed_once: tuple[Client, str], stores: Stores) -> None:
    customer, token = pressed_once
    (row,) = (name for name in stores.state.scan_iter("launched:*") if stores.state.ttl(name) <= REPEAT_SECONDS)
    kept = stores.state.dump(row)
    stores.state.delete(row)
    assert customer.launch(token, ASKING).status == 403
    stores.state.restore(row, REPEAT_SECONDS * 1000, kept)
    sessions.end(stores.state, customer.session)
    assert customer.launch(token, ASKING).status == 403


def test_of_presses_at_once_all_lead_into_one_session(browser: New, url: str) -> None:
    token, people = signed(claims(url)), [browser() for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda one: one.launch(token, ASKING).status, people))
    assert answers == [303] * 4
    assert len({one.session for one in people}) == 1


def test_the_same_jti_in_another_launch_is_not_good_either(browser: New, url: str) -> None:
    said = claims(url)
    assert browser().launch(signed(said)).status == 303
    assert browser().launch(signed({**said, "sub": "customer-9"})).status == 403


def test_every_refusal_is_the_same_page(browser: New, url: str) -> None:
    stranger = OKPKey.generate_key("Ed25519", private=True)
    used = signed(claims(url))
    browser().launch(used)
    bad = ["", "x", "a.b.c", used, signed(claims(url, aud="https://other.example")), signed(claims(url), stranger)]
    answers = [browser().launch(token) for token in bad]
    answers.append(browser().launch(signed(claims(url)), {"Origin": "https://evil.example"}))
    assert {(answer.status, answer.text) for answer in answers} == {(403, answers[0].text)}
    assert REFUSED in answers[0].text


def test_a_form_without_the_field_is_refused_like_the_rest(browser: New) -> None:
    answer = browser().ask("POST", "/launch", b"", **FROM_PANEL)
    assert (answer.status, REFUSED in answer.text) == (403, True)


def test_a_client_that_launches_too_often_has_to_wait(browser: New, url: str, stores: Stores) -> None:
    client = browser()
    headers = {**FROM_PANEL, "X-Client": "192.0.2.7"}
    assert {client.launch("x", headers).status for _ in range(30)} == {403}
    refused = client.launch(signed(claims(url)), headers)
    assert refused.status == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert client.launch(signed(claims(url)), {**headers, "X-Client": "192.0.2.8"}).status == 303
    assert b"192.0.2.7" not in everything(stores.state)


def test_without_a_master_user_a_launch_must_bring_a_secret(running: Stores, stores: Stores) -> None:
    def build(url: str) -> FastAPI:
        site = FastAPI()
        site.include_router(launch_routes(entrance(running), panel(url, master_user=False)))
        return site

    with serving(build) as url:
        assert Client(url).launch(signed(claims(url))).status == 403
        assert nobody_is_in(stores)
        assert Client(url).launch(signed(claims(url, secret=hidden("x")))).status == 303


@pytest.mark.parametrize(
    ("mailbox", "login", "user"),
    [
        ("Ann@Host.Example", "address", "Ann@host.example"),
        ("ann@bücher.example.", "address", "ann@xn--bcher-kva.example"),
        ("ann@bücher.example", "local-part", "ann"),
        ("Ann", "address", "Ann"),
    ],
)
def test_the_mail_server_is_told_a_domain_as_the_dns_has_it(mailbox: str, login: Login, user: str) -> None:
    assert login_name(mailbox, login) == user
