"""A provider of single sign-on: OpenID Connect with the code flow and PKCE, on the loopback, signing with real keys.

It is strict about what it is asked, and says in its tokens whatever it is told to.
"""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

CLIENT, SECRET = "console", "between us"
KEYS = {
    "RS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}


@dataclass
class Provider:
    """The provider.

    Attributes:
        url: its issuer.
        said: claims that a token has instead of the usual ones; None leaves one out.
        algorithm: what tokens are signed with; "none" signs nothing.
        published: which keys are in the set.
        asked: the queries that browsers were sent with.
    """

    url: str
    said: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    published: tuple[str, ...] = tuple(KEYS)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refuses: str = ""
    tokens: int = 0

    def renew(self) -> "Provider":
        """Be as if just started."""
        self.said, self.algorithm, self.published, self.refuses = {}, "RS256", tuple(KEYS), ""
        self.asked.clear()
        self.codes.clear()
        self.tokens = 0
        return self

    def visit(self, address: str) -> str:
        """Send a person's browser here, who signs in; return the path it is sent back to."""
        place = urlsplit(_sent_back(address))
        return f"{place.path}?{place.query}"

    def begin(self, query: dict[str, str]) -> str:
        self.asked.append(query)
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert {"openid"} <= set(query["scope"].split())
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        said = {"error": self.refuses} if self.refuses else {"code": code}
        return f"{query['redirect_uri']}?{urlencode({**said, 'state': query['state'], 'iss': self.url})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.tokens += 1
        query = self.codes.pop(form["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        known = [unquote(part) for part in pair] == [CLIENT, SECRET]
        if not query or not known or digest != query["code_challenge"] or form["redirect_uri"] != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self._id_token(query["nonce"])}

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "248289761001",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": nonce,
            "amr": ["pwd", "mfa"],
            "preferred_username": "ann",
            "groups": ["everybody", "mail-operators"],
        }
        claims = {name: value for name, value in {**usual, **self.said}.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.algorithm}
        if self.algorithm == "none":
            return f"{_part(header)}.{_part(claims)}."
        if self.algorithm == "HS256":  # keyed with what is public: the confusion of RFC 8725 §2.1
            text = f"{_part({**header, 'kid': 'RS256'})}.{_part(claims)}"
            made = hmac.digest(KEYS["RS256"].as_pem(private=False), text.encode(), "sha256")
            return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
        return jwt.encode(header, claims, KEYS[self.algorithm], algorithms=[self.algorithm])


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider until the block ends."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            match place.path:
                case "/.well-known/openid-configuration":
                    names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
                    self._tell(200, {"issuer": made.url, **{name: f"{made.url}/{at}" for name, at in names.items()}})
                case "/jwks":
                    rows = [{**KEYS[n].as_dict(private=False), "kid": n, "use": "sig"} for n in made.published]
                    self._tell(200, {"keys": rows})
                case "/authorize":
                    self.send_response(302)
                    self.send_header("location", made.begin(_flat(place.query)))
                    self.end_headers()
                case _:
                    self._tell(404, {})

        def do_POST(self) -> None:
            form = _flat(self.rfile.read(int(self.headers["content-length"])).decode())
            self._tell(*made.token(form, self.headers["authorization"]))

        def _tell(self, status: int, row: dict[str, Any]) -> None:
            body = json.dumps(row).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        made = Provider(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def _sent_back(address: str) -> str:
    """Ask a place as a browser does, and return where that sends it."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    try:
        connection.request("GET", f"{place.path}?{place.query}")
        answer = connection.getresponse()
        answer.read()
        return answer.headers["location"]
    finally:
        connection.close()


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _part(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(row).encode()).decode().rstrip("=")
