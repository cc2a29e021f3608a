"""A post to the host's address, signed as Standard Webhooks has it: HMAC-SHA256 over id, time and body.

See standardwebhooks.com, "Signature scheme"; a receiver checks it with any of the libraries there.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

_TIMEOUT = 15.0
_SCHEME = "whsec_"
_LEAST_SECRET = 24
_PORTS = {"https": http.client.HTTPS_PORT, "http": http.client.HTTP_PORT}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the host wants to be told, and the secret both sides share (24 bytes at least, as Standard Webhooks asks).

    Raises:
        ValueError: the address is not https (http on this machine alone), or the secret is short.
    """

    url: str
    secret: bytes = field(repr=False)

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


def post(hook: Hook, event_id: str, body: bytes) -> bool:
    """Post once; return whether it was taken (2xx). Redirects are not followed: the address is the configured one.

    Raises:
        OSError, HTTPException: nobody answers, not in time, not by HTTP, or without a good certificate.
    """
    place = urlsplit(hook.url)
    connection = _connection(place.scheme, place.hostname or "", place.port or _PORTS[place.scheme])
    try:
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection.request("POST", path, body, signed_headers(hook, event_id, body, time.time()))
        return HTTPStatus.OK <= connection.getresponse().status < HTTPStatus.MULTIPLE_CHOICES
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
