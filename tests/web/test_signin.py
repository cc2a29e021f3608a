"""Signing in with a mailbox's address and password, tried at a real Dovecot, over HTTP."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from urllib.parse import urlencode

import pytest
from browser import Answer
from consents import config_for, everything
from fastapi import FastAPI
from markupsafe import escape
from servers.adversary import adversary, flood
from servers.fixtures import StartServer
from stand_in import Google
from starlette.requests import Request
from ways import FORM, Client, entrance, serving

from app.config import Config, MailboxHost
from app.entering import AllowedHost, check_mailbox, login_of
from app.stores import Stores
from emulator.servers.instance import Server, User
from jobs import requests
from migrator.addresses import mailbox_key
from migrator.mailbox import Password
from web import entrusted
from web import session as sessions
from web.entrance import KNOWN
from web.limits import EVERYBODY, Limit, seconds_to_wait
from web.pools import Pools
from web.signin import BY_ADDRESS, BY_BROWSER, BY_PLACE, BY_SITE, WRONG, MailboxSilent, customers_of, signin_routes

REFUSED = "Address and password don't belong together"


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot")


@pytest.fixture(scope="module")
def config(
    google_process: tuple[Google, dict[str, object]], running: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Config:
    return config_for(google_process[0], running, tmp_path_factory.mktemp("signin"))


@pytest.fixture(scope="module")
def allowed(server: Server) -> dict[str, AllowedHost]:
    there = MailboxHost(host=server.host, port=server.tls_port, ca_file=server.ca_file)
    nowhere = MailboxHost(host="localhost", port=1)
    return {
        "host.example": AllowedHost(there, "local-part"),
        "whole.example": AllowedHost(there),
        "xn--bcher-kva.example": AllowedHost(there, "local-part"),
        "silent.example": AllowedHost(nowhere),
    }


@pytest.fixture(scope="module")
def url(running: Stores, config: Config, allowed: dict[str, AllowedHost]) -> Iterator[str]:
    def build(_: str) -> FastAPI:
        site = FastAPI()
        check = partial(check_mailbox, config, allowed)
        site.include_router(signin_routes(entrance(running, "x-client"), check, Pools().sign_in))
        return site

    with serving(build) as found:
        yield found


@pytest.fixture
def browser(url: str, stores: Stores) -> Callable[[], Client]:
    _ = stores
    return lambda: Client(url)


@pytest.fixture
def user(server: Server) -> User:
    return server.new_user()


New = Callable[[], Client]


def test_the_right_password_begins_a_session_of_the_mailbox(browser: New, stores: Stores, user: User) -> None:
    customer, address = browser(), f"{user.name}@host.example"
    answer = customer.post("/signin", address=f" {address} ", password=user.password)
    assert (answer.status, answer.place) == (303, "/")
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.entered.mailbox == address
    found = entrusted.entrusted(stores.keys, stores.vault, session.entered.entrusted)
    assert found == Password(user.name, user.password)
    kept = everything(stores.state) + everything(stores.keys)
    assert user.name.encode() not in kept


def test_who_comes_back_finds_his_imports(browser: New, running: Stores, stores: Stores, user: User) -> None:
    address = f"{user.name}@host.example"
    (mine, *_) = customers_of(entrance(running), address.upper())
    made = requests.create(stores.state, mine, start=False).id
    requests.create(stores.state, "mailbox-of-another", start=False)
    customer = browser()
    customer.post("/signin", address=address, password=user.password)
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.imports == (made,)


@pytest.mark.parametrize("domain", ["Host.Example", "host.example.", "bücher.example", "BÜCHER。example"])
def test_a_domain_is_one_however_a_customer_writes_it(
    domain: str, browser: New, running: Stores, stores: Stores, user: User
) -> None:
    customer, address = browser(), f"{user.name}@{domain}"
    assert customer.post("/signin", address=address, password=user.password).status == 303
    session = sessions.find(stores.state, customer.session)
    assert session
    assert session.entered.mailbox == address, "it is shown as it was written"
    of_dns = "xn--bcher-kva.example" if "B" in domain.upper() else "host.example"
    assert (session.entered.domain, session.entered.customer) == (
        of_dns,
        customers_of(entrance(running), f"{user.name}@{of_dns}")[0],
    )


def test_a_users_whole_address_is_entered_with_the_domain_of_the_dns() -> None:
    hosts = {"xn--bcher-kva.example": AllowedHost(MailboxHost())}
    assert login_of(hosts, "Ann@Bücher.example.", "x") == Password("Ann@xn--bcher-kva.example", "x")


def test_another_spelling_of_an_address_gets_no_tries_of_its_own(browser: New, user: User) -> None:
    spelt = [f"{user.name}@{domain}" for domain in ("elsewhere.example", "Elsewhere.example", "elsewhere.example.")]
    tries = [tried(browser(), spelt[n % 3], "x", "192.0.2.1").status for n in range(11)]
    assert tries == [403] * 10 + [429]


def test_whatever_is_wrong_the_answer_is_the_same(browser: New, stores: Stores, user: User) -> None:
    wrong = [
        (f"{user.name}@host.example", "wrong"),
        (f"{user.name}@host.example", ""),
        ("nobody@host.example", "wrong"),
        (f"{user.name}@elsewhere.example", user.password),
        (user.name, user.password),
        ("@host.example", user.password),
        (f"{user.name}@host.example", "a\r\nx LOGOUT"),
        (f'{user.name}" "{user.password}@host.example', "x"),
        ("", ""),
    ]
    answers = [
        browser().ask(
            "POST",
            "/signin",
            _form(address, password),
            Sec_Fetch_Site="same-origin",
            Content_Type=FORM,
            X_Client=f"192.0.2.{n}",
        )
        for n, (address, password) in enumerate(wrong)
    ]
    alike = {_without_address(answer.text, address) for answer, (address, _) in zip(answers, wrong, strict=True)}
    assert {answer.status for answer in answers} == {403}
    assert len(alike) == 1
    assert REFUSED in unescape(alike.pop())
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert not list(stores.keys.scan_iter())


def test_a_mail_server_that_does_not_answer_is_not_a_wrong_password(browser: New) -> None:
    answer = browser().post("/signin", address="ann@silent.example", password="x")
    assert (answer.status, "does not answer" in answer.text) == (503, True)


def test_a_hostile_mail_server_holds_nobody_up_for_long(config: Config) -> None:
    with adversary(flood(b"* OK " + b"x" * 60_000)) as (port, _line):
        there = {"evil.example": AllowedHost(MailboxHost(host="127.0.0.1", port=port, tls="none"))}
        begin = time.monotonic()
        with pytest.raises(MailboxSilent):
            check_mailbox(config, there, "ann@evil.example", "open sesame")
        assert time.monotonic() - begin < 20


def test_ten_tries_by_address_and_network_and_then_a_pause(browser: New, user: User, stores: Stores) -> None:
    address = f"{user.name}@elsewhere.example"
    tries = [tried(browser(), address, "x", f"2001:db8::{n:x}") for n in range(11)]
    assert [answer.status for answer in tries] == [403] * 10 + [429]
    assert 0 < int(tries[-1].headers["retry-after"]) <= 900
    assert tried(browser(), "bob@elsewhere.example", "x", "2001:db8::1").status == 403
    assert user.name.encode() not in everything(stores.state)


def test_who_has_many_ipv6_networks_of_one_site_has_not_many_times_the_tries(browser: New, stores: Stores) -> None:
    used_up(stores, BY_SITE, "2001:db8:1::/48")
    tries = [tried(browser(), f"a{n}@elsewhere.example", "x", f"2001:db8:1:{n:x}::1").status for n in range(3)]
    assert tries == [429] * 3
    assert tried(browser(), "a@elsewhere.example", "x", "2001:db8:2::1").status == 403


def test_whoever_tries_elsewhere_does_not_keep_the_owner_out(browser: New, user: User, stores: Stores) -> None:
    address = f"{user.name}@host.example"
    used_up(stores, BY_PLACE, f"{mailbox_key(address)} 203.0.113.1")
    assert tried(browser(), address, user.password, "203.0.113.1").status == 429
    assert tried(browser(), address, user.password, "192.0.2.9").status == 303


def test_strangers_everywhere_share_their_tries_and_the_owners_browser_has_its_own(
    browser: New, user: User, stores: Stores
) -> None:
    address, owner = f"{user.name}@host.example", browser()
    assert tried(owner, address, user.password, "192.0.2.9").status == 303
    assert owner.cookies[KNOWN]
    used_up(stores, BY_ADDRESS, mailbox_key(address))
    assert tried(browser(), address, user.password, "192.0.2.77").status == 429, "a stranger, as all may be"
    assert tried(owner, address, user.password, "192.0.2.77").status == 303


def test_a_known_browsers_tries_are_counted_and_keep_nobody_else_out(browser: New, user: User, stores: Stores) -> None:
    address, known = f"{user.name}@host.example", browser()
    tried(known, address, user.password, "192.0.2.9")
    used_up(stores, BY_BROWSER, known.cookies[KNOWN].partition(".")[0])
    assert tried(known, address, user.password, "192.0.2.9").status == 429
    assert tried(browser(), address, user.password, "192.0.2.9").status == 303


def test_a_browser_is_known_for_one_address_for_a_while_and_by_our_word_alone(
    running: Stores, browser: New, user: User
) -> None:
    address, known, made = f"{user.name}@host.example", browser(), entrance(running).known
    answer = tried(known, address, user.password, "192.0.2.9")
    said = answer.headers["set-cookie"] if KNOWN in answer.headers["set-cookie"] else ""
    value, key = known.cookies[KNOWN], mailbox_key(address)
    name, ends, proof = value.split(".")
    assert made.name_of(bringing(value), key) == name
    assert made.name_of(bringing(value), mailbox_key("bob@host.example")) == ""
    assert made.name_of(bringing(value), key, now=int(ends) + 1) == ""
    forged = [f"{name}.{int(ends) + 9}.{proof}", f"{'0' * 32}.{ends}.{proof}", f"{name}.{ends}.{'0' * 32}", name, ""]
    assert {made.name_of(bringing(one), key) for one in forged} == {""}
    assert user.name not in value + said


def test_thirty_tries_by_client_and_then_a_pause_whatever_the_address(browser: New) -> None:
    client = browser()
    statuses = [client.post("/signin", address=f"a{n}@elsewhere.example", password="x").status for n in range(31)]
    assert statuses == [403] * 30 + [429]


def test_a_client_that_has_to_wait_uses_up_no_address(browser: New, user: User) -> None:
    client = browser()
    for n in range(30):
        client.post("/signin", address=f"a{n}@elsewhere.example", password="x")
    for _ in range(20):
        assert client.post("/signin", address=f"{user.name}@host.example", password="x").status == 429
    owner = browser().ask(
        "POST",
        "/signin",
        _form(f"{user.name}@host.example", user.password),
        Sec_Fetch_Site="same-origin",
        Content_Type=FORM,
        X_Client="192.0.2.9",
    )
    assert owner.status == 303


def test_wrong_tries_of_all_networks_together_have_an_end(
    browser: New, user: User, running: Stores, stores: Stores
) -> None:
    """From as many networks as there are tries; only wrong ones count, and nobody is told more than to come again."""

    def tried(network: int, address: str, password: str, who: Client | None = None) -> Answer:
        headers = {"Sec_Fetch_Site": "same-origin", "Content_Type": FORM, "X_Client": f"198.51.100.{network}"}
        return (who or browser()).ask("POST", "/signin", _form(address, password), **headers)

    door, owner = entrance(running), browser()
    assert tried(1, f"{user.name}@host.example", user.password, owner).status == 303
    for _ in range(WRONG.most - 2):
        assert door.seconds_to_wait(WRONG, EVERYBODY) == 0
    for network in range(3):
        assert tried(network, f"{user.name}@host.example", user.password).status == 303
    assert [tried(10 + n, f"a{n}@elsewhere.example", "x").status for n in range(4)] == [403, 403, 503, 503]
    refused = tried(20, "b@elsewhere.example", "x")
    assert 0 < int(refused.headers["retry-after"]) <= WRONG.seconds
    assert "set-cookie" not in refused.headers
    assert tried(30, f"{user.name}@host.example", user.password, owner).status == 303, "whose browser is known"
    stores.state.delete(*stores.state.scan_iter("limit:signin-wrong:*"))
    assert tried(21, f"{user.name}@host.example", user.password).status == 303


def test_signing_in_on_a_foreign_page_is_refused(browser: New, user: User) -> None:
    victim = browser()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", "Content-Type": FORM}
    assert victim.ask("POST", "/signin", _form(f"{user.name}@host.example", user.password), **foreign).status == 403
    assert victim.session == ""


def test_a_link_signs_nobody_in(browser: New, user: User) -> None:
    victim = browser()
    answer = victim.ask("GET", f"/signin?address={user.name}@host.example&password={user.password}")
    assert (answer.status, victim.session) == (200, "")
    assert user.name not in answer.text


def test_signing_out_forgets_session_and_password(browser: New, stores: Stores, user: User) -> None:
    customer = browser()
    customer.post("/signin", address=f"{user.name}@host.example", password=user.password)
    assert customer.post("/signout").status == 303
    assert sessions.find(stores.state, customer.session) is None
    assert not list(stores.keys.scan_iter())


def tried(client: Client, address: str, password: str, at: str) -> Answer:
    """Sign in from an address, as the proxy names it."""
    sent = {"Sec_Fetch_Site": "same-origin", "Content_Type": FORM, "X_Client": at}
    return client.ask("POST", "/signin", _form(address, password), **sent)


def used_up(stores: Stores, limit: Limit, name: str) -> None:
    """Use up what an address, or a client at one, may try."""
    for _ in range(limit.most):
        seconds_to_wait(stores.state, limit, stores.vault.pseudonyms(name)[0])


def bringing(value: str) -> Request:
    """Return a request of a browser with this cookie of a known one."""
    return Request({"type": "http", "headers": [(b"cookie", f"{KNOWN}={value}".encode())]})


def _without_address(page: str, address: str) -> str:
    """Return the page without what the customer has typed himself, so that he need not type it twice."""
    return page.replace(f'value="{escape(address.strip())}"', 'value=""')


def _form(address: str, password: str) -> bytes:
    return urlencode({"address": address, "password": password}).encode()
