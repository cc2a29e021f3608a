"""Consent at Google: the authorization-code flow with PKCE, for exactly one read-only scope.

Source: Google, "Using OAuth 2.0 for Web Server Applications"; RFC 7636.
"""

import logging
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error
from requests import RequestException

from oauth.errors import CodeRefused, ConsentDenied, ConsentNotOurs, GoogleSilent, ScopeMismatch
from oauth.grant import SCOPE, Client, Grant
from oauth.revocation import revoke

# Their debug messages hold codes, verifiers and tokens.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that was begun: where to send the customer, and what must come back with the answer."""

    url: str = field(repr=False)
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(client: Client, redirect_uri: str) -> Consent:
    """Return a consent to send the customer to; its state and verifier stay on the server, for one use."""
    flow = _flow(client, redirect_uri, secrets.token_urlsafe(48))
    state = secrets.token_urlsafe(32)
    url, _ = flow.authorization_url(access_type="offline", prompt="consent", state=state)
    return Consent(url, redirect_uri, state, flow.code_verifier)


def finish(client: Client, consent: Consent, answer_url: str) -> Grant:
    """Exchange the code in the URL Google sent the customer back to.

    Raises:
        ConsentDenied, ConsentNotOurs, CodeRefused, GoogleSilent: nothing was granted.
        ScopeMismatch: something else was granted; it has been revoked.
    """
    if not is_for(answer_url, consent.state):
        raise ConsentNotOurs
    answer = _parameters(answer_url)
    if "code" not in answer:
        raise ConsentDenied
    flow = _flow(client, consent.redirect_uri, consent.verifier)
    token = _exchange(flow, answer["code"])
    if set(str(token.get("scope", "")).split()) != {SCOPE} or not token.get("refresh_token"):
        revoke(client, str(token.get("refresh_token") or token.get("access_token")))
        raise ScopeMismatch
    return Grant(str(token["refresh_token"]))


def is_for(answer_url: str, state: str) -> bool:
    """Tell whether a URL Google sent a browser back to carries this state; takes the same time whatever it carries."""
    return secrets.compare_digest(_parameters(answer_url).get("state", "").encode(), state.encode())


def _parameters(url: str) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:
        return {}


def _exchange(flow: Flow, code: str) -> dict[str, Any]:
    """Fetch the tokens; oauthlib reports another scope as a `Warning` that carries them."""
    try:
        token: dict[str, Any] = flow.fetch_token(code=code)
    except Warning as changed:
        held: dict[str, Any] = dict(getattr(changed, "token", {}))
        held["scope"] = " ".join(getattr(changed, "new_scope", []))
        return held
    except OAuth2Error:
        raise CodeRefused from None
    except RequestException:
        raise GoogleSilent from None
    scope = token.get("scope", "")
    return {**token, "scope": scope if isinstance(scope, str) else " ".join(scope)}


def _flow(client: Client, redirect_uri: str, verifier: str) -> Flow:
    addresses = {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }
    return Flow.from_client_config(
        {"web": addresses}, scopes=[SCOPE], redirect_uri=redirect_uri, code_verifier=verifier
    )
