"""The proxies' files as nginx, Caddy and Apache read them, and what a request comes to through each."""

import http.client
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
from servers.guarded import DEPLOY

from emulator.servers.certificates import authority
from emulator.servers.instance import INSTALL, free_ports

EVENTS = "/imports/0123456789abcdef0123456789abcdef/events"
MODULES = ("mpm_event", "authz_core", "ssl", "http2", "proxy", "proxy_http", "headers")

NGINX = (
    "daemon off; pid {folder}/pid; worker_processes 1; events {{}} http {{ client_body_temp_path {folder}/a; "
    "proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; "
    "include {file}; }}"
)
APACHE = "ServerName localhost\nPidFile {folder}/pid\nErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n{modules}"
CADDY = "{{\n\tadmin off\n\tauto_https disable_redirects\n}}\nimport {file}\n"

PROXIES = ("nginx/migrator.conf", "apache/migrator.conf", "caddy/Caddyfile")


class Pages(BaseHTTPRequestHandler):
    """What stands for the pages: it says what it was asked, and keeps an event back until it is let go."""

    protocol_version = "HTTP/1.1"
    let_go: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        said = f"{self.headers['host']} {self.headers['x-forwarded-for']} {self.path}\n".encode()
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


def command_of(name: str, folder: Path, port: int, upstream: int) -> list[str]:
    """Return how to run a proxy by the file in deploy/, with ports, certificate and log of this test."""
    ours = authority(folder).certify("proxy")
    text = (DEPLOY / name).read_text().replace("8080", str(upstream)).replace("443", str(port))
    text = text.replace("/etc/ssl/migrator/fullchain.pem", str(ours.chain)).replace("/var/log/nginx", str(folder))
    text = text.replace("/etc/ssl/migrator/privkey.pem", str(ours.key)).replace("${APACHE_LOG_DIR}", str(folder))
    text = text.replace("import.example.org {", f"https://localhost:{port} {{\n\ttls {ours.chain} {ours.key}")
    file, whole = folder / "ours", folder / "whole"
    file.write_text(text)
    modules = "".join(f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so\n" for one in MODULES)
    modules += f"User nobody\nGroup nogroup\nInclude {file}\n"
    kind = name.partition("/")[0]
    frame = {"nginx": NGINX, "apache": APACHE, "caddy": CADDY}[kind]
    whole.write_text(frame.format(folder=folder, file=file, port=port, modules=modules))
    commands = {
        "nginx": ["nginx", "-c", str(whole), "-e", str(folder / "error.log")],
        "apache": ["apache2", "-f", str(whole), "-X"],
        "caddy": ["caddy", "run", "--config", str(whole), "--adapter", "caddyfile"],
    }
    assert shutil.which(commands[kind][0]), INSTALL
    return commands[kind]


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a proxy in front of such pages; the value is its port."""
    folder, (port,) = tmp_path_factory.mktemp("proxy"), free_ports(1)
    with pages() as upstream:
        told = (folder / "told").open("wb")
        with told, subprocess.Popen(command_of(request.param, folder, port, upstream), stdout=told, stderr=told) as ran:
            try:
                reach(port, ran, folder / "told")
                yield port
            finally:
                ran.terminate()


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
    made.request("GET", "/x?y=z", headers={"X-Forwarded-For": "192.0.2.1"})
    assert made.getresponse().read().split() == [f"localhost:{proxy}".encode(), b"127.0.0.1", b"/x?y=z"]
    made.close()


def test_an_event_is_handed_on_when_it_happens(proxy: int) -> None:
    made = asking(proxy)
    made.request("GET", EVENTS)
    answer = made.getresponse()
    assert answer.readline().endswith(f"{EVENTS}\n".encode()), "while the pages still have something to say"
    Pages.let_go.set()
    assert answer.read() == b"later\n"
    Pages.let_go.clear()
    made.close()
