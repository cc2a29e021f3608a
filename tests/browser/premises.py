"""A whole installation that people reach by Chromium: stores, worker, Google's stand-in, Dovecot, web server, panel.

The site is `localhost` and all others are `127.0.0.1`, so that to browsers the site and the rest are different sites.
"""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import tenacity
from browser import free_port
from chromium import CLIENT_HEADER
from stand_in import Google
from story.house import ROOT, House, house
from ways import HOST_KEY, ISSUER, claims, jwks, signed

from emulator.servers.instance import Server, User

DOMAIN = "host.example"
QUOTA = 400_000
"""Bytes of the small mailboxes, which the stand-in for the mail server takes from the domain."""

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Control panel</title><h1>Control panel</h1>'
    '<form method="post" action="{site}/launch"><input type="hidden" name="launch" value="{launch}">'
    "<button>Import from Gmail</button></form></html>"
)
_numbers = count(1)


@dataclass
class HostPanel:
    """The host's control panel: one page, whose form posts the launch that was signed last."""

    origin: str
    site: str
    launch: str = field(default="", repr=False)

    @property
    def page(self) -> str:
        """Its page with the button, which posts that launch."""
        return _PAGE.format(site=self.site, launch=self.launch)

    def sign(self, mailbox: str, customer: str) -> None:
        """Sign a launch, good for a minute and once."""
        self.launch = signed(claims(self.site, mailbox=mailbox, sub=customer))


@dataclass(frozen=True)
class Premises:
    """A running installation."""

    home: House
    server: Server
    origin: str
    panel: HostPanel

    @property
    def google(self) -> Google:
        return self.home.google

    @property
    def origins(self) -> tuple[str, str]:
        """The places a customer's browser may ask: the site, and Google's stand-in."""
        return self.origin, self.google.url

    def new_account(self, messages: int = 60, body_bytes: int = 1_000) -> str:
        """Make a Gmail account with so many messages; return its address."""
        address = f"person{next(_numbers)}@gmail.example"
        self.google.control("accounts", {"address": address, "synthetic": messages, "body_bytes": body_bytes})
        return address

    def new_user(self) -> User:
        """Make a mailbox."""
        return self.server.new_user()

    def slow(self, account: str, seconds: float = 3.0) -> None:
        """Have Google take its time for each message of an account, so that an import of it is under way for long."""
        self.google.fault("hang", account=account, method="messages.get", seconds=seconds, times=0)

    def quick(self) -> None:
        """Have Google be itself again."""
        self.google.control("faults", verb="DELETE")

    def is_held(self, account: str) -> bool:
        """Tell whether any grant for an account is alive at Google."""
        return account in {grant["account"] for grant in self.google.control("grants")["grants"]}


@contextmanager
def premises(
    folder: Path, google: Google, server: Server, between: Callable[[int], AbstractContextManager[int]] = nullcontext
) -> Iterator[Premises]:
    """Give an installation that ends with the block; `between` opens what stands before the pages' port, by its own."""
    port = free_port()
    with ExitStack() as stack:
        origin = f"http://localhost:{stack.enter_context(between(port))}"
        panel = stack.enter_context(_panel(origin))
        home = stack.enter_context(house(folder, google, server, **_settings(folder, server, port, origin, panel)))
        home.start_worker()
        _start_site(home, port)
        yield Premises(home, server, origin, panel)


def _settings(folder: Path, server: Server, port: int, origin: str, panel: HostPanel) -> dict[str, dict[str, object]]:
    (folder / "panel-keys.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    assert server.master is not None
    (folder / "master-password").write_text(server.master.password)
    there = {"host": server.host, "port": server.tls_port, "ca_file": str(server.ca_file)}
    return {
        "web": {
            "url": origin,
            "port": port,
            "name": "Example Mail",
            "support_url": "https://example.org/help",
            "client_header": CLIENT_HEADER,
        },
        "signin": {"hosts": {DOMAIN: {**there, "login": "local-part"}, str(QUOTA): {**there, "login": "address"}}},
        "panel": {
            "origins": [panel.origin],
            "issuer": ISSUER,
            "keys_file": str(folder / "panel-keys.json"),
            "master_user": server.master.name,
            "master_password_file": str(folder / "master-password"),
        },
    }


def _start_site(home: House, port: int) -> None:
    """Start the web server as a process of its own, which the house ends with its workers."""
    command = [sys.executable, "-m", "app", "--config", str(home.config), "web"]
    with (home.folder / "worker-web.log").open("wb") as log:
        home.workers.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True))
    _reach(port)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(ConnectionRefusedError),
    stop=tenacity.stop_after_delay(60),
    wait=tenacity.wait_fixed(0.05),
    reraise=True,
)
def _reach(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 10).close()


@contextmanager
def _panel(site: str) -> Iterator[HostPanel]:
    with elsewhere(lambda: panel.page) as origin:
        panel = HostPanel(origin, site)
        yield panel


@contextmanager
def elsewhere(page: Callable[[], str], host: str = "127.0.0.1") -> Iterator[str]:
    """Serve one page that is none of ours; the value is its origin. By `localhost` it is on the same site as ours."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page().encode() if self.path == "/" else b""
            self.send_response(200 if body else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
