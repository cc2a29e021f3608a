"""A site of the ways in and the API alone, over real HTTP, and what the host's panel does."""

import base64
import http.client
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import uvicorn
from browser import Answer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI
from joserfc import jwe
from joserfc.jwk import OKPKey

from app.stores import Stores
from web.clients import Proxies
from web.entrance import Entrance
from web.launch import LAUNCH, Panel
from web.launch_token import Terms, host_keys
from web.security import guarded
from web.session import COOKIE

PANEL = "https://panel.example"
ISSUER = "https://panel.example/"
HOST_KEY = OKPKey.generate_key("Ed25519", private=True)
SECRET_KEY = OKPKey.generate_key("X25519", private=True)
FROM_PANEL = {
    "Origin": PANEL,
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
FORM = "application/x-www-form-urlencoded"


def jwks(**keys: OKPKey) -> dict[str, object]:
    """Return the host's set of public keys, each under its name."""
    return {"keys": [{**key.as_dict(private=False), "kid": kid} for kid, key in keys.items()]}


def terms(audience: str, secret_key: OKPKey | None = SECRET_KEY) -> Terms:
    return Terms(ISSUER, audience, host_keys(jwks(host=HOST_KEY)), secret_key)


def claims(audience: str, **changes: object) -> dict[str, object]:
    """Return the claims of a good launch; a change to None leaves one out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": audience,
        "sub": "customer-7",
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + 60,
        "mailbox": "ann@host.example",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(said: Mapping[str, object], key: OKPKey = HOST_KEY, **header: object) -> str:
    """Sign a launch as the host's panel does."""
    head = {"alg": "EdDSA", "typ": "launch+jwt", "kid": "host", **header}
    parts = ({name: value for name, value in head.items() if value is not None}, said)
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    made = load_pem_private_key(key.as_pem(private=True), None)
    assert isinstance(made, Ed25519PrivateKey)
    return f"{text}.{base64url(made.sign(text.encode()))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def hidden(password: str, key: OKPKey = SECRET_KEY, **header: str) -> str:
    """Encrypt a mailbox's password as the host's panel does."""
    public = OKPKey.import_key(key.as_dict(private=False))
    head = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", **header}
    text = json.dumps({"password": password})
    return jwe.encrypt_compact(head, text, public, algorithms=[*head.values()])


@dataclass
class Client:
    """Somebody who asks the site: cookies, and the headers he is told to send."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, verb: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        cookie = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(verb, path, body, {**cookie, **given})
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            for cookie in reply.headers.get_all("set-cookie", []):
                name, _, rest = cookie.partition("=")
                self.cookies[name] = rest.partition(";")[0]
            return Answer(reply.status, found, reply.read().decode())
        finally:
            connection.close()

    def launch(self, token: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Post a launch as a page does that this browser shows."""
        sent = {**(FROM_PANEL if headers is None else headers), "Content-Type": FORM}
        return self.ask("POST", LAUNCH, urlencode({"launch": token}).encode(), **sent)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form of a page of ours."""
        return self.ask("POST", path, urlencode(fields).encode(), Sec_Fetch_Site="same-origin", Content_Type=FORM)

    def call(self, verb: str, path: str, token: str = "", body: object = None, **headers: str) -> tuple[int, Any]:
        """Call the API; return status and JSON."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        kind = {} if body is None else {"Content-Type": "application/json"}
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.ask(verb, f"/api/v1{path}", sent, **bearer, **kind, **headers)
        return answer.status, json.loads(answer.text) if answer.text else None

    @property
    def session(self) -> str:
        """The id of the session this browser has; empty when it has none."""
        return self.cookies.get(COOKIE, "")


@contextmanager
def serving(build: Callable[[str], FastAPI]) -> Iterator[str]:
    """Serve what `build` makes of the site's URL; behind the guard, but for what others than our pages ask."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        front = guarded(build(url), urlsplit(url).netloc, [], (LAUNCH, "/api/"))
        server = uvicorn.Server(uvicorn.Config(front, ws="none", lifespan="off", log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()


def entrance(stores: Stores, client_header: str = "") -> Entrance:
    return Entrance(stores.state, stores.keys, stores.vault, Proxies(client_header))


def panel(url: str, *, master_user: bool = True, known: Terms | None = None, test_mode: bool = False) -> Panel:
    return Panel(frozenset({PANEL}), known or terms(url), master_user=master_user, test_mode=test_mode)


def without_secrets(found: Terms) -> Terms:
    return replace(found, secret_key=None)
