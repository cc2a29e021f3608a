"""A proxy that nobody named: told at the start where it is evident, and once by what comes."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.responses import PlainTextResponse
from structlog.testing import capture_logs

from app.config import Config
from app.fronted import is_proxy_unnamed
from app.serving import listening, serving
from web.clients import Proxies
from web.fronted import noticing


@contextmanager
def noticed(proxies: Proxies) -> Iterator[int]:
    site = noticing(PlainTextResponse("there\n"), proxies, "web")
    with (
        listening("127.0.0.1", 0, "web") as listeners,
        serving(site, listeners, threading.Event(), "web"),
    ):
        yield listeners[0].getsockname()[1]


def get(port: int, **headers: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/", headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    ("proxies", "headers", "told"),
    [
        (Proxies(), {}, []),
        (Proxies(), {"X_Forwarded_For": "192.0.2.1"}, ["proxy-unnamed"]),
        (Proxies(), {"X_Real_IP": "192.0.2.1"}, ["proxy-unnamed"]),
        (Proxies(), {"Forwarded": "for=192.0.2.1"}, ["proxy-unnamed"]),
        (Proxies(), {"Via": "1.1 proxy"}, ["proxy-unnamed"]),
        (Proxies("x-real-ip"), {"X_Real_IP": "192.0.2.1"}, []),
    ],
)
def test_the_first_request_that_shows_it_is_told(proxies: Proxies, headers: dict[str, str], told: list[str]) -> None:
    with capture_logs() as lines, noticed(proxies) as port:
        for _ in range(3):
            get(port, **headers)
    found = [(line["event"], line["place"]) for line in lines if line["event"] == "proxy-unnamed"]
    assert found == [(code, "web") for code in told]


@pytest.mark.parametrize(
    ("section", "unnamed"),
    [
        ({}, False),
        ({"url": "https://import.example"}, True),
        ({"url": "https://import.example", "host": "::"}, True),
        ({"url": "http://import.example"}, True),
        ({"url": "http://import.example", "host": "0.0.0.0"}, False),
        ({"url": "http://127.0.0.1:8080"}, False),
        ({"url": "http://localhost:8080", "host": "[::1]"}, False),
        ({"url": "https://import.example", "client_header": "X-Real-IP"}, False),
        ({"url": "https://import.example", "trusted_proxies": 1}, False),
    ],
)
def test_a_proxy_is_evident_where_browsers_use_another_address_than_we_serve(
    section: dict[str, object], *, unnamed: bool
) -> None:
    config = Config.model_validate({"web": section, "console": section})
    assert is_proxy_unnamed(config.web) is is_proxy_unnamed(config.console) is unnamed
