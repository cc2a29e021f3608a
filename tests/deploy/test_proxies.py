"""The proxies' files as nginx, Caddy, Apache and HAProxy read them, and what a request comes to through each."""

import http.client
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import tenacity
from consents import stores_in
from fastapi import FastAPI
from servers.guarded import DEPLOY

from app.serving import listening, serving
from app.stores import Stores
from emulator.servers.certificates import authority
from emulator.servers.instance import INSTALL, free_ports
from web.clients import Proxies
from web.entrance import Entrance
from web.pools import Pools
from web.signin import signin_routes

NAMING = ("x-real-ip", "x-forwarded-for")
EVENTS = "/imports/0123456789abcdef0123456789abcdef/events"
MODULES = ("mpm_event", "authz_core", "ssl", "http2", "proxy", "proxy_http", "headers")

NGINX = (
    "daemon off; pid {folder}/pid; worker_processes 1; events {{}} http {{ client_body_temp_path {folder}/a; "
    "proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; "
    "include {file}; }}"
)
APACHE = "ServerName localhost\nPidFile {folder}/pid\nErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n{modules}"
CADDY = "{{\n\tadmin off\n\tauto_https disable_redirects\n}}\nimport {file}\n"

OVERWRITES = "proxy_set_header X-Forwarded-For $remote_addr;"
APPENDS = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"

PROXIES = ("nginx.conf", "apache.conf", "Caddyfile", "haproxy.cfg")


class Pages(BaseHTTPRequestHandler):
    """What stands for the pages: it says what it was asked, and keeps an event back until it is let go."""

    protocol_version = "HTTP/1.1"
    let_go: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        named = ",".join(value for name in NAMING for value in self.headers.get_all(name, []))
        said = f"{self.headers['host']} {named} {self.path}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(said)
        self.wfile.flush()
        if self.path == EVENTS:
            self.let_go.wait(30)
            self.wfile.write(b"later\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def pages() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def command_of(name: str, folder: Path, port: int, upstream: int, *, appends: bool = False) -> list[str]:
    """Return how to run a proxy by the file in deploy/, with ports, certificate and log of this test.

    `appends`: it passes on what a browser says, and appends to it.
    """
    ours = authority(folder).certify("proxy")
    said = APPENDS if appends else OVERWRITES
    both = folder / "full.pem"
    both.write_bytes(ours.chain.read_bytes() + ours.key.read_bytes())
    text = (DEPLOY / "proxy" / name).read_text().replace(OVERWRITES, said)
    text = re.sub("8080|443", lambda found: str({"8080": upstream, "443": port}[found[0]]), text)
    text = text.replace("/etc/ssl/migrator/fullchain.pem", str(ours.chain)).replace("/var/log/nginx", str(folder))
    text = text.replace("/etc/ssl/migrator/privkey.pem", str(ours.key)).replace("${APACHE_LOG_DIR}", str(folder))
    text = text.replace("/etc/ssl/migrator/full.pem", str(both)).replace("maxconn 20000", "maxconn 200")
    text = text.replace("import.example.org {", f"https://localhost:{port} {{\n\ttls {ours.chain} {ours.key}")
    file, whole = folder / "ours", folder / "whole"
    file.write_text(text)
    modules = "".join(f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so\n" for one in MODULES)
    modules += f"User nobody\nGroup nogroup\nInclude {file}\n"
    frame = {"nginx.conf": NGINX, "apache.conf": APACHE, "Caddyfile": CADDY, "haproxy.cfg": ""}[name]
    whole.write_text(frame.format(folder=folder, file=file, port=port, modules=modules))
    commands = {
        "nginx.conf": ["nginx", "-c", str(whole), "-e", str(folder / "error.log")],
        "apache.conf": ["apache2", "-f", str(whole), "-X"],
        "Caddyfile": ["caddy", "run", "--config", str(whole), "--adapter", "caddyfile"],
        "haproxy.cfg": ["haproxy", "-db", "-f", str(file)],
    }
    assert shutil.which(commands[name][0]), INSTALL
    return commands[name]


@contextmanager
def before(upstream: int, name: str, folder: Path, *, appends: bool = False) -> Iterator[int]:
    """Run a proxy by its file in front of a port; the value is its own."""
    (port,) = free_ports(1)
    told, command = (folder / "told").open("wb"), command_of(name, folder, port, upstream, appends=appends)
    with told, subprocess.Popen(command, stdout=told, stderr=told) as ran:
        try:
            reach(port, ran, folder / "told")
            yield port
        finally:
            ran.terminate()


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a proxy in front of such pages; the value is its port."""
    with pages() as upstream, before(upstream, request.param, tmp_path_factory.mktemp("proxy")) as port:
        yield port


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("stores")) as made:
        yield made


@contextmanager
def sign_in(stores: Stores, proxies: Proxies) -> Iterator[int]:
    """Serve the page to sign in on, at which every password is wrong; the value is its port."""
    site, stop = FastAPI(), threading.Event()
    entrance = Entrance(stores.state, stores.keystores, stores.vault, proxies)
    site.include_router(signin_routes(entrance, lambda *_: None, Pools().sign_in))
    with listening("127.0.0.1", 0, "web") as listeners, serving(site, listeners, stop, "web"):
        yield listeners[0].getsockname()[1]


def forging(n: int) -> dict[str, str]:
    """Return the headers of a browser that would like to be another one each time."""
    where = f"203.0.113.{n}"
    return {"X-Real-IP": where, "X-Forwarded-For": where, "Forwarded": f"for={where}", "X-Client-IP": where}


def tried(port: int, n: int) -> int:
    made, form = asking(port), {"Content-Type": "application/x-www-form-urlencoded", **forging(n)}
    made.request("POST", "/signin", f"address=a{n}@x.example&password=x", form)
    status = made.getresponse().status
    made.close()
    return status


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(OSError),
    stop=tenacity.stop_after_delay(30),
    wait=tenacity.wait_fixed(0.1),
    reraise=True,
)
def reach(port: int, ran: subprocess.Popen[bytes], told: Path) -> None:
    assert ran.poll() is None, told.read_text()
    asking(port).close()


def asking(port: int) -> http.client.HTTPSConnection:
    made = http.client.HTTPSConnection("localhost", port, timeout=30, context=ssl._create_unverified_context())
    made.connect()
    return made


def test_browsers_are_offered_http_2(proxy: int) -> None:
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    made = http.client.HTTPSConnection("localhost", proxy, timeout=30, context=context)
    made.connect()
    assert made.sock.selected_alpn_protocol() == "h2"
    made.close()


def test_the_host_is_handed_on_and_the_clients_address_is_the_proxys_to_say(proxy: int) -> None:
    made = asking(proxy)
    made.request("GET", "/x?y=z", headers=forging(1))
    named = ",".join(["127.0.0.1"] * len(NAMING)).encode()
    assert made.getresponse().read().split() == [f"localhost:{proxy}".encode(), named, b"/x?y=z"]
    made.close()


@pytest.mark.parametrize("name", PROXIES)
def test_no_browser_chooses_by_what_its_tries_are_counted(name: str, stores: Stores, tmp_path: Path) -> None:
    stores.state.flushall()
    with sign_in(stores, Proxies("x-real-ip")) as upstream, before(upstream, name, tmp_path) as port:
        assert [tried(port, n) for n in range(40)] == [403] * 30 + [429] * 10


def test_nor_behind_a_proxy_that_appends_to_a_list(stores: Stores, tmp_path: Path) -> None:
    stores.state.flushall()
    with (
        sign_in(stores, Proxies("x-forwarded-for", 1)) as upstream,
        before(upstream, "nginx.conf", tmp_path, appends=True) as port,
    ):
        assert [tried(port, n) for n in range(40)] == [403] * 30 + [429] * 10


def test_an_event_is_handed_on_when_it_happens(proxy: int) -> None:
    made = asking(proxy)
    made.request("GET", EVENTS)
    answer = made.getresponse()
    assert answer.readline().endswith(f"{EVENTS}\n".encode()), "while the pages still have something to say"
    Pages.let_go.set()
    assert answer.read() == b"later\n"
    Pages.let_go.clear()
    made.close()
