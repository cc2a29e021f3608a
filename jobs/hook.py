"""A post to the host's address, signed as Standard Webhooks has it: HMAC-SHA256 over id, time and body.

See standardwebhooks.com, "Signature scheme"; a receiver checks it with any of the libraries there.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_SCHEME = "whsec_"
_LEAST_SECRET = 24
_PORTS = {"https": http.client.HTTPS_PORT, "http": http.client.HTTP_PORT}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the host wants to be told.

    Attributes:
        url: the address; https, or http on this machine.
        secret: what both sides share; 24 bytes at least, as Standard Webhooks asks.
        ca_file: authorities to trust instead of the system's (PEM).
        seconds: a post that takes longer is given up.

    Raises:
        ValueError: the address is another, or the secret is short.
    """

    url: str
    secret: bytes = field(repr=False)
    ca_file: Path | None = None
    seconds: float = 15.0

    def __post_init__(self) -> None:
        place = urlsplit(self.url)
        safe = place.scheme == "https" or (place.scheme == "http" and place.hostname in _LOOPBACK)
        if not safe or not place.hostname or place.username or place.fragment:
            raise ValueError("a webhook's address is https://host/path")
        if len(self.secret) < _LEAST_SECRET:
            raise ValueError("a webhook's secret has 24 bytes at least")


def secret_of(text: str) -> bytes:
    """Return the bytes of a secret in its usual form, `whsec_` and base64; raise ValueError for any other."""
    if not text.startswith(_SCHEME):
        raise ValueError("a webhook's secret begins with whsec_")
    try:
        return base64.b64decode(text.removeprefix(_SCHEME), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None


def signed_headers(hook: Hook, event_id: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of a post made at `now` (seconds since the epoch)."""
    signed = b".".join((event_id.encode(), str(int(now)).encode(), body))
    signature = base64.b64encode(hmac.digest(hook.secret, signed, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "user-agent": "gmail-migrator",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": f"v1,{signature}",
    }


def post(hook: Hook, event_id: str, body: bytes) -> int:
    """Post once; return the status of the answer. Redirects are not followed: the address is the configured one.

    Raises:
        OSError, HTTPException: nobody answers, not in time, not by HTTP, or without a good certificate.
    """
    place = urlsplit(hook.url)
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    with _connection(hook) as connection:
        connection.request("POST", path, body, signed_headers(hook, event_id, body, time.time()))
        return connection.getresponse().status


@contextmanager
def _connection(hook: Hook) -> Iterator[http.client.HTTPConnection]:
    """Connect, and hang up when the time is over: a time-out alone would begin anew with each byte that arrives."""
    place = urlsplit(hook.url)
    host, port = place.hostname or "", place.port or _PORTS[place.scheme]
    if place.scheme == "http":
        connection = http.client.HTTPConnection(host, port, timeout=hook.seconds)
    else:
        trusted = ssl.create_default_context(cafile=hook.ca_file)
        connection = http.client.HTTPSConnection(host, port, timeout=hook.seconds, context=trusted)
    with closing(connection):
        connection.connect()
        clock = threading.Timer(hook.seconds, _hang_up, (connection.sock,))
        clock.start()
        try:
            yield connection
        finally:
            clock.cancel()
            clock.join()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        socket.socket.shutdown(line, socket.SHUT_RDWR)
