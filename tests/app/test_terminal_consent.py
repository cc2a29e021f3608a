import http.client
import re
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from engine import calls, client_of, pressed
from stand_in import Google

from app.terminal_consent import ask
from oauth.errors import ConsentDenied, ConsentNotOurs, ScopeMismatch
from oauth.grant import Client
from oauth.revocation import is_dead


@pytest.fixture
def client(google: Google) -> Client:
    return client_of(google)


def get(url: str) -> tuple[int, str]:
    """GET a URL as the browser does that was sent back; return status and page."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=5)
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


def test_a_customer_who_allows_in_the_browser_gives_a_grant_to_the_terminal(google: Google, client: Client) -> None:
    pages: list[tuple[int, str]] = []
    grant = ask(client, lambda url: pages.append(get(pressed(google, url))))
    assert not is_dead(client, grant)
    ((status, page),) = pages
    assert status == 200
    assert "close this page" in page


def test_a_customer_who_denies_grants_nothing(google: Google, client: Client) -> None:
    with pytest.raises(ConsentDenied):
        ask(client, browser(google, "deny"))


def test_another_scope_is_given_back(google: Google, client: Client) -> None:
    google.control("settings", {"granted_scopes": ["openid"]})
    with pytest.raises(ScopeMismatch):
        ask(client, browser(google))
    assert calls(google)["oauth.revoke"] == 1


def test_a_browser_that_first_asks_for_other_things_is_waited_for(google: Google, client: Client) -> None:
    def curious(place: str) -> None:
        assert get(f"{place}favicon.ico")[0] == 404
        assert get(place)[0] == 404

    assert not is_dead(client, ask(client, browser(google, before=curious)))


def test_a_browser_that_holds_an_idle_connection_open_stops_nothing(google: Google, client: Client) -> None:
    with socket.socket() as idle:

        def preconnect(place: str) -> None:
            idle.connect((urlsplit(place).hostname, urlsplit(place).port))

        assert not is_dead(client, ask(client, browser(google, before=preconnect), seconds=10))


def test_a_guess_from_elsewhere_does_not_take_the_customers_place(google: Google, client: Client) -> None:
    def guess(place: str) -> None:
        assert get(f"{place}?state=guessed&code=stolen")[0] == 404

    assert not is_dead(client, ask(client, browser(google, before=guess)))


def test_nobody_in_the_browser_is_waited_for_only_so_long(client: Client) -> None:
    began = time.monotonic()
    with pytest.raises(ConsentNotOurs):
        ask(client, lambda _: None, seconds=0.3)
    assert 0.3 <= time.monotonic() - began < 2


def test_the_listener_is_on_this_machine_alone_and_gone_afterwards(google: Google, client: Client) -> None:
    places: list[str] = []
    ask(client, browser(google, before=places.append))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", places[0])
    with pytest.raises(ConnectionRefusedError):
        get(places[0])
    assert not [thread for thread in threading.enumerate() if "consent" in thread.name]


def test_the_code_is_not_printed(google: Google, client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    ask(client, browser(google))
    assert "".join(capfd.readouterr()) == ""
