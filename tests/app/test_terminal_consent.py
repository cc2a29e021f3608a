import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from consents import stores_in
from engine import calls, client_of, pressed
from stand_in import Google

from app.stores import Stores
from app.terminal_consent import ask
from oauth import consent, pending
from oauth.errors import ConsentDenied, ConsentNotOurs
from oauth.grant import Client, Grant
from oauth.pending import Purpose
from oauth.revocation import is_dead

Ask = Callable[..., Grant]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("terminal")) as made:
        yield made


@pytest.fixture
def client(google: Google) -> Client:
    return client_of(google)


@pytest.fixture
def asked(stores: Stores, client: Client) -> Ask:
    """Ask for consent in the terminal and exchange what came back."""

    def grant_of(show: Callable[[str], None], seconds: float = 600) -> Grant:
        begun, answer = ask(stores, client, Purpose("m1"), show, seconds=seconds)
        assert begun.purpose == Purpose("m1")
        return consent.exchange(client, begun.consent, consent.code_of(begun.consent, answer)).grant

    return grant_of


def get(url: str) -> tuple[int, str]:
    """GET a URL as the browser does that was sent back; return status and page."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    try:
        connection.request("GET", f"{place.path}?{place.query}" if place.query else place.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def redirect_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["redirect_uri"][0]


def browser(
    google: Google, decision: str = "allow", before: Callable[[str], object] = lambda _: None
) -> Callable[[str], None]:
    """Return what shows the consent page to a customer who presses a button, after `before`."""

    def show(url: str) -> None:
        before(redirect_of(url))
        get(pressed(google, url, decision))

    return show


def test_a_customer_who_allows_in_the_browser_gives_a_grant_to_the_terminal(
    google: Google, client: Client, asked: Ask
) -> None:
    pages: list[tuple[int, str]] = []
    grant = asked(lambda url: pages.append(get(pressed(google, url))))
    assert not is_dead(client, grant)
    ((status, page),) = pages
    assert status == 200
    assert "close this page" in page


def test_a_customer_who_denies_grants_nothing(google: Google, asked: Ask) -> None:
    with pytest.raises(ConsentDenied):
        asked(browser(google, "deny"))


def test_a_browser_that_first_asks_for_other_things_is_waited_for(google: Google, client: Client, asked: Ask) -> None:
    def curious(place: str) -> None:
        assert get(f"{place}favicon.ico")[0] == 404
        assert get(place)[0] == 404

    assert not is_dead(client, asked(browser(google, before=curious)))


def test_a_browser_that_holds_an_idle_connection_open_stops_nothing(google: Google, client: Client, asked: Ask) -> None:
    with socket.socket() as idle:

        def preconnect(place: str) -> None:
            idle.connect((urlsplit(place).hostname, urlsplit(place).port))

        assert not is_dead(client, asked(browser(google, before=preconnect), seconds=60))


def test_a_guess_from_elsewhere_does_not_take_the_customers_place(google: Google, client: Client, asked: Ask) -> None:
    def guess(place: str) -> None:
        assert get(f"{place}?state=guessed&code=stolen")[0] == 404

    assert not is_dead(client, asked(browser(google, before=guess)))


@pytest.mark.alone
def test_nobody_in_the_browser_is_waited_for_only_so_long(stores: Stores, asked: Ask) -> None:
    began = time.monotonic()
    with pytest.raises(ConsentNotOurs):
        asked(lambda _: None, seconds=0.3)
    assert 0.3 <= time.monotonic() - began < 2
    assert not list(stores.keys.scan_iter("consent:*"))


def test_the_listener_is_on_this_machine_alone_and_gone_afterwards(google: Google, asked: Ask) -> None:
    places: list[str] = []
    asked(browser(google, before=places.append))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", places[0])
    with pytest.raises(ConnectionRefusedError):
        get(places[0])
    assert not [thread for thread in threading.enumerate() if "consent" in thread.name]


def test_the_code_is_not_printed(google: Google, asked: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    asked(browser(google))
    assert "".join(capfd.readouterr()) == ""


def test_the_answer_is_good_for_the_terminal_that_asked_and_for_nobody_later(
    google: Google, stores: Stores, client: Client
) -> None:
    _, answer = ask(stores, client, Purpose("m1"), browser(google))
    with pytest.raises(ConsentNotOurs):
        pending.take(stores.keys, stores.vault, "", answer)
    assert "oauth.token" not in calls(google)
    assert not list(stores.keys.scan_iter("consent:*"))
