"""A browser for the pages: cookies, the headers that browsers send, and no more. Redirects are followed when told."""

import contextlib
import http.client
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

import tenacity
from engine import pressed
from stand_in import Google


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def place(self) -> str:
        return self.headers["location"]


class Browser:
    """One browser, with its own cookies, at one site."""

    def __init__(self, url: str, google: Google) -> None:
        self.cookies: dict[str, str] = {}
        self.flags: dict[str, set[str]] = {}
        self._host = urlsplit(url).netloc
        self._google = google

    def get(self, path: str, headers: Mapping[str, str | None] | None = None) -> Answer:
        return self._ask("GET", path, None, headers)

    def head(self, path: str) -> Answer:
        return self._ask("HEAD", path, None, None)

    def post(self, path: str, headers: Mapping[str, str | None] | None = None, **form: str) -> Answer:
        """Send a form of a page of ours; a header that is None is left out."""
        return self.send(path, urlencode(form), headers)

    def send(self, path: str, body: str, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Send the same, its fields as they go over the wire."""
        sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._ask("POST", path, body.encode(), sent)

    def to_google(self, account: str = "", decision: str = "allow") -> str:
        """Begin a consent and press a button at Google; return the path of the site that Google sends it back to."""
        return self.path(pressed(self._google, self.post("/consent", account=account).place, decision))

    def connect(self) -> str:
        """Go the whole way to a connected import; return its path."""
        return self.get(self.to_google()).place

    @staticmethod
    def path(url: str) -> str:
        place = urlsplit(url)
        return f"{place.path}?{place.query}"

    def _ask(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str | None] | None) -> Answer:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        given: dict[str, str | None] = {**(cookie if self.cookies else {}), **(headers or {})}
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            _patiently(connection.connect)
            sent = {name: value for name, value in given.items() if value is not None}
            connection.request(verb, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            for cookie in answer.headers.get_all("set-cookie", []):
                self._keep(cookie)
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()

    def _keep(self, text: str) -> None:
        for name, morsel in SimpleCookie(text).items():
            self.cookies[name] = morsel.value
            self.flags[name] = {part.strip().lower() for part in text.split(";")[1:]}


_patiently = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(ConnectionRefusedError),
    stop=tenacity.stop_after_delay(60),
    wait=tenacity.wait_fixed(0.05),
    reraise=True,
)


def wait_for(url: str) -> None:
    """Wait until a site is being served.

    Two sites made at once in one process meet in `warnings.catch_warnings`, which FastAPI uses and threads share.
    """
    place = urlsplit(url)
    _patiently(socket.create_connection, (place.hostname, place.port)).close()


def free_port() -> int:
    """Return a port that nobody listens on, below those that the kernel gives to outgoing connections meanwhile."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
