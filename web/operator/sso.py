"""The conversation with the provider of a single sign-on: OpenID Connect, code flow, PKCE (RFC 7636) and nonce."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests import RequestException

from oauth.bounded import BoundedAdapter
from web.operator.asked import Asked
from web.operator.provider import KeyUnknown, Provider, SsoRefused, Vouched, read_token, vouched_by

_log = structlog.get_logger()

_SECONDS = 10
_KEPT_SECONDS = 3600
_AGAIN_SECONDS = 60
"""An unknown key has the set fetched anew, so often at most."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class SsoAway(Exception):
    """The provider does not answer, or not as OpenID Connect has it."""


class SingleSignOn:
    """A provider, and what it publishes about itself, fetched when it is first needed."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._endpoints = _Kept(self._fetch_endpoints)
        self._keys = _Kept(self._fetch_keys)

    def __repr__(self) -> str:
        return "SingleSignOn()"

    def address(self, asked: Asked) -> str:
        """Return where a browser is sent; to step up, whoever is signed in there has to prove it anew.

        Raises:
            SsoAway: as it says.
        """
        further = {"prompt": "login", "max_age": "0"} if asked.stepping_up else {}
        if self.provider.acr:
            further["acr_values"] = self.provider.acr
        with self._session() as session:
            place = self._endpoints.get()["authorization_endpoint"]
            verifier, nonce = asked.verifier, asked.nonce
            url, _ = session.create_authorization_url(place, asked.state, verifier, nonce=nonce, **further)
        return str(url)

    def vouched(self, asked: Asked, code: str) -> Vouched:
        """Return whom the provider names for a code that the browser brought back; none stands for a refusal.

        Raises:
            SsoAway, SsoRefused: as they say.
        """
        if not code:
            raise SsoRefused("sso-denied")
        token = self._token(asked, code)
        claims = self._claims(token, asked.nonce)
        return vouched_by(claims, self.provider)

    def _token(self, asked: Asked, code: str) -> str:
        place = self._endpoints.get()["token_endpoint"]
        with self._session() as session:
            try:
                answer = session.fetch_token(
                    place, code=code, code_verifier=asked.verifier, grant_type="authorization_code"
                )
            except OAuthError:
                raise SsoRefused("sso-code") from None
            except (RequestException, ValueError) as error:
                raise _away(error) from None
        return str(answer.get("id_token") or "")

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        now = time.time()
        try:
            return read_token(token, self._keys.get(), self.provider, nonce, now)
        except KeyUnknown:
            return read_token(token, self._keys.get(older_than=_AGAIN_SECONDS), self.provider, nonce, now)

    def _fetch_endpoints(self) -> Mapping[str, Any]:
        found = self._fetch(f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        places = (found.get("authorization_endpoint"), found.get("token_endpoint"), found.get("jwks_uri"))
        if found.get("issuer") != self.provider.issuer or not all(map(is_safe, places)):
            raise _away(ValueError())
        return found

    def _fetch_keys(self) -> Mapping[str, Any]:
        return self._fetch(self._endpoints.get()["jwks_uri"])

    def _fetch(self, url: str) -> Mapping[str, Any]:
        with self._session() as session:
            try:
                answer = session.get(url, allow_redirects=False, withhold_token=True)
                answer.raise_for_status()
                found = answer.json()
            except (RequestException, ValueError) as error:
                raise _away(error) from None
        if not isinstance(found, dict):
            raise _away(ValueError())
        return found

    def _session(self) -> OAuth2Session:
        provider = self.provider
        made = OAuth2Session(
            provider.client_id,
            provider.client_secret,
            scope=provider.scope,
            redirect_uri=provider.return_to,
            code_challenge_method="S256",
            default_timeout=_SECONDS,
        )
        for scheme in ("https://", "http://"):
            made.mount(scheme, BoundedAdapter(_SECONDS))
        made.trust_env = False  # no proxy, and no passwords of a .netrc
        if provider.ca_file:
            made.verify = str(provider.ca_file)
        return made


class _Kept:
    """A document that is fetched once an hour."""

    def __init__(self, fetch: Callable[[], Mapping[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._found: Mapping[str, Any] = {}

    def get(self, older_than: float = _KEPT_SECONDS) -> Mapping[str, Any]:
        """Return it, fetched anew if it is older than so many seconds."""
        with self._lock:
            if time.monotonic() - self._at > older_than:
                self._found, self._at = self._fetch(), time.monotonic()
            return self._found


def is_safe(url: object) -> bool:
    """Tell whether nobody listens on the way to a place: https, or this very machine."""
    place = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return place.scheme == "https" or (place.scheme == "http" and place.hostname in _LOOPBACK)


def _away(error: Exception) -> SsoAway:
    _log.warning("sso-away", error=error)
    return SsoAway()
