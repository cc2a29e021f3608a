"""The host's receiver of webhooks: a real HTTP server on the loopback that answers as it is told."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from emulator.servers.certificates import Certificate
from jobs.hook import Hook

SECRET = b"0123456789abcdef0123456789abcdef"
WRITTEN_SECRET = f"whsec_{base64.b64encode(SECRET).decode()}"


@dataclass
class Receiver:
    """What it answers, one status after the other and 204 then, and what it heard: path, headers, body."""

    address: tuple[str, int]
    scheme: str = "http"
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address[0]}:{self.address[1]}"

    @property
    def hook(self) -> Hook:
        return Hook(f"{self.url}/hooks?from=migrator", SECRET)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.heard]


def is_genuine(secret: bytes, headers: dict[str, str], body: bytes) -> bool:
    """Check a signature by the rules of Standard Webhooks, written anew from them."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


@contextmanager
def place_for_receiver() -> Iterator[socket.socket]:
    """Reserve an address at which nobody listens yet: whoever connects is refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


@contextmanager
def receiving(listener: socket.socket, certificate: Certificate | None = None) -> Iterator[Receiver]:
    """Receive at a reserved address while the block runs; by TLS where there is a certificate."""
    found = Receiver(listener.getsockname(), "https" if certificate else "http")

    class Answers(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("location", f"{found.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Quiet(found.address, Answers, bind_and_activate=False)
    server.socket.close()
    server.socket = _with_tls(listener, certificate) if certificate else listener
    server.server_activate()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(HTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: some tests do that."""


def _with_tls(listener: socket.socket, certificate: Certificate) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context.wrap_socket(listener, server_side=True)
