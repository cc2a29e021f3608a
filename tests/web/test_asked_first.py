"""Whose import it is, and who asks, is answered before anything of a form is read: none of these sends a body."""

import http.client
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from browser import Browser

from app.config import Config
from app.stores import Stores
from jobs import requests

OF_AN_IMPORT = ("choices", "confirm", "start-over", "undo", "reconnect", "pause", "resume", "cancel", "erase")


def status_without_a_body(config: Config, path: str, cookies: dict[str, str]) -> int:
    """Say that a form of 60 KB follows, send none, and return what is answered all the same."""
    connection = http.client.HTTPConnection(urlsplit(config.web.url).netloc, timeout=10)
    try:
        connection.putrequest("POST", path)
        sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        sent |= {"Content-Length": "60000", "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("what", OF_AN_IMPORT)
def test_somebody_elses_import_is_not_found_before_the_form_is_read(
    what: str, site: Config, stores: Stores, browser: Callable[[], Browser], stranger: Callable[[], Browser]
) -> None:
    theirs = requests.create(stores.state, "somebody-else", start=False).id
    for asks in (browser(), stranger()):
        assert status_without_a_body(site, f"/imports/{theirs}/{what}", asks.cookies) == 404


@pytest.mark.parametrize("path", ["/consent", "/language"])
def test_who_has_not_come_in_is_told_so_before_the_form_is_read(
    path: str, site: Config, stranger: Callable[[], Browser]
) -> None:
    _ = stranger()
    assert status_without_a_body(site, path, {}) in {403, 503}
