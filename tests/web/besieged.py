"""An installation whose web server and console run as their commands do, as processes, and its visitors."""

import http.client
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from browser import Answer, free_port, wait_for
from engine import pressed
from stand_in import Google
from story.house import ROOT, House, house
from ways import FROM_PANEL, HOST_KEY, ISSUER, PANEL, claims, jwks, signed

from app.api_tokens import add_token
from emulator.servers.instance import Server
from jobs import requests
from jobs.migration import new_id
from web import session as sessions
from web.api.tokens import Scope
from web.rendering import static
from web.session import COOKIE, Entered

DOMAIN = "host.example"
SILENT = "silent.example"
"""A domain whose mail server takes connections and says nothing."""

CLIENT = "x-real-ip"
_STOP_SECONDS = 45
"""Ten that requests under way are given, and what a busy machine adds."""

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Visitor:
    """A browser somewhere in the world, or the host's panel; one request, one connection."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    network: str = field(default_factory=lambda: ".".join(str(1 + secrets.randbelow(250)) for _ in range(4)))

    def ask(self, verb: str, path: str, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {CLIENT: self.network, **({"Cookie": cookie} if cookie else {}), **(headers or {})}
        if verb == "POST":
            sent = {**FORM, **sent}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(verb, path, urlencode(form).encode() if verb == "POST" else None, sent)
            answer = connection.getresponse()
            for line in answer.headers.get_all("set-cookie", []):
                name, _, rest = line.partition("=")
                self.cookies[name] = rest.partition(";")[0]
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()


@dataclass(frozen=True)
class Besieged:
    """The installation; `pages` and `console` are ports, `token` is the panel's."""

    home: House
    google: Google
    pages: int
    console: int
    token: str

    def stranger(self) -> Visitor:
        return Visitor(self.pages)

    def member(self) -> Visitor:
        return Visitor(self.console)

    def customer(self, name: str) -> Visitor:
        """Return the browser of a customer who has come in, and has an import under way."""
        migration = requests.create(self.home.state, name).id
        entered = Entered(name, f"{name}@{DOMAIN}")
        return Visitor(self.pages, {COOKIE: sessions.enter(self.home.state, "", entered, (migration,)).id})

    def launched(self, name: str) -> Visitor:
        """Return the browser of a customer whom the panel has launched."""
        made, url = self.stranger(), f"http://127.0.0.1:{self.pages}"
        token = signed(claims(url, sub=name, mailbox=f"{name}@{DOMAIN}"))
        assert made.ask("POST", "/launch", FROM_PANEL, launch=token).status == 303
        return made

    def glances(self, customer: Visitor) -> dict[str, tuple[int, float]]:
        """Return status and seconds of everything that must be there for everybody at any time."""
        panel = {"Authorization": f"Bearer {self.token}"}
        stranger = self.stranger()
        return {
            "page": _timed(customer, "/"),
            "static": _timed(stranger, static("style.css")),
            "ready": _timed(stranger, "/readyz"),
            "lives": _timed(stranger, "/healthz"),
            "signin": _timed(stranger, "/signin"),
            "api": _timed(stranger, "/api/v1/customers/nobody/migrations", panel),
            "console": _timed(self.member(), "/signin"),
            "console ready": _timed(self.member(), "/readyz"),
        }


def _timed(visitor: Visitor, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, float]:
    begun = time.monotonic()
    status = visitor.ask("GET", path, headers).status
    return status, time.monotonic() - begun


def back_from_google(there: Besieged, number: int) -> tuple[Visitor, str]:
    """Return a customer whom Google has just sent back, and the path he comes to."""
    customer = there.launched(f"back-{number}-{new_id()}")
    out = customer.ask("POST", "/consent").place
    there.google.control("accounts", {"address": f"back-{number}@gmail.example", "synthetic": 1})
    answer = pressed(there.google, out, "allow", f"back-{number}@gmail.example")
    return customer, answer[answer.index("/consent/return") :]


@contextmanager
def besieged(folder: Path, google: Google, server: Server, **settings: dict[str, object]) -> Iterator[Besieged]:
    """Give such an installation; keywords are further sections of the configuration."""
    pages, console = free_port(), free_port()
    with ExitStack() as stack:
        mute = stack.enter_context(_mute())
        folder.joinpath("panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
        folder.joinpath("master").write_text(server.master.password)
        folder.joinpath("sso-secret").write_text("between us")
        there: dict[str, object] = {
            "host": server.host,
            "port": server.tls_port,
            "ca_file": str(server.ca_file),
            "login": "local-part",
        }
        sections: dict[str, dict[str, object]] = {
            "web": {"url": f"http://127.0.0.1:{pages}", "port": pages, "name": "Example", "client_header": CLIENT},
            "signin": {
                "hosts": {DOMAIN: {**there, "login": "local-part"}, SILENT: {"host": "localhost", "port": mute}}
            },
            "panel": {
                "origins": [PANEL],
                "issuer": ISSUER,
                "keys_file": str(folder / "panel.json"),
                "master_user": server.master.name,
                "master_password_file": str(folder / "master"),
                "login": "local-part",
            },
            "api": {"tokens_file": str(folder / "tokens")},
            "console": {"url": f"http://127.0.0.1:{console}", "port": console, "client_header": CLIENT},
            "console.sso": {
                "issuer": f"http://127.0.0.1:{mute}",
                "client_id": "console",
                "client_secret_file": str(folder / "sso-secret"),
                "viewers": ["staff"],
            },
            **settings,
        }
        token = add_token(folder / "tokens", "panel", frozenset(Scope))
        home = stack.enter_context(house(folder, google, server, **sections))
        stack.enter_context(_running(home, "web", "console"))
        for port in (pages, console):
            wait_for(f"http://127.0.0.1:{port}")
        yield Besieged(home, google, pages, console, token)


@contextmanager
def _running(home: House, *commands: str) -> Iterator[None]:
    """Run commands as processes; told to stop, they end within seconds, whoever still waits for whatever."""
    processes = []
    for command in commands:
        words = [sys.executable, "-m", "app", "--config", str(home.config), command]
        with (home.folder / f"{command}.log").open("wb") as log:
            processes.append(subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log))
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(_STOP_SECONDS)


@contextmanager
def _mute() -> Iterator[int]:
    """Take connections at a port of the loopback, and say nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for one in held:
                one.close()
