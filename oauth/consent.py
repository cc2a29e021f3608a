"""Consent at Google: the authorization-code flow with PKCE, for exactly one read-only scope.

Source: Google, "Using OAuth 2.0 for Web Server Applications"; RFC 7636. `include_granted_scopes` is never sent: it
would add whatever the account once granted to the same Google project.
"""

import http.client
import logging
import os
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error
from requests import RequestException, Response

from oauth.errors import (
    AccessForbidden,
    ClientUnusable,
    CodeRefused,
    ConsentDenied,
    ConsentNotOurs,
    GoogleSilent,
    GrantError,
    NoRefreshToken,
    NotGivenBack,
    ScopeMismatch,
)
from oauth.grant import SCOPE, Client, Grant, is_plain_loopback
from oauth.revocation import give_back
from oauth.token_errors import Kind, declined, refusal

# Their debug messages hold codes, verifiers and tokens.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_ERRORS: dict[Kind, type[GrantError]] = {
    Kind.CLIENT: ClientUnusable,
    Kind.ACCOUNT: AccessForbidden,
    Kind.DECLINED: ConsentDenied,
    Kind.LATER: GoogleSilent,
}

_TIMEOUT = 30
"""Seconds Google may be silent; requests waits for ever unless told otherwise."""


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
    """Take the code out of the URL Google sent the customer back to, and exchange it; errors as of the two steps."""
    return exchange(client, consent, code_of(consent, answer_url))


def code_of(consent: Consent, answer_url: str) -> str:
    """Return the authorization code in the URL Google sent the customer back to; nothing is sent to Google.

    Raises:
        ConsentNotOurs: it is the answer to another consent, or no answer at all.
        ConsentDenied: there is no code in it.
        AccessForbidden, ClientUnusable, GoogleSilent: the same, and it is not the customer who declined.
    """
    if not is_for(answer_url, consent.state):
        raise ConsentNotOurs
    parameters = _parameters(answer_url)
    if "code" not in parameters:
        said = declined(*(parameters.get(name, "") for name in ("error", "error_subtype", "error_description")))
        raise _ERRORS.get(said.kind, ConsentDenied)
    return parameters["code"]


def exchange(client: Client, consent: Consent, code: str) -> Grant:
    """Exchange a code for the grant.

    Raises:
        CodeRefused, AccessForbidden, ClientUnusable, GoogleSilent: nothing was granted.
        ScopeMismatch, NoRefreshToken: something else was granted; Google has taken it back.
        NotGivenBack: the same, but Google did not confirm that it took it back.
    """
    token = _exchanged(_flow(client, consent.redirect_uri, consent.verifier), code)
    refresh_token = str(token.get("refresh_token") or "")
    held = refresh_token or str(token.get("access_token") or "")
    if set(str(token.get("scope", "")).split()) != {SCOPE}:
        raise given_back(client, held, ScopeMismatch())
    if not refresh_token:
        raise given_back(client, held, NoRefreshToken())
    return Grant(refresh_token)


def given_back(client: Client, token: str, error: Exception) -> Exception:
    """Give a token back that must not be kept, and return the error to raise: this one, or `NotGivenBack`."""
    return error if give_back(client, token) else NotGivenBack()


def state_of(url: str) -> str:
    """Return the state in a consent's URL or in the answer to it; empty when there is none."""
    return _parameters(url).get("state", "")


def is_for(answer_url: str, state: str) -> bool:
    """Tell whether a URL Google sent a browser back to carries this state; takes the same time whatever it carries."""
    return secrets.compare_digest(state_of(answer_url).encode(), state.encode())


def _parameters(url: str) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:
        return {}


def _exchanged(flow: Flow, code: str) -> dict[str, Any]:
    """Fetch the tokens; oauthlib reports another scope as a `Warning` that carries them."""
    flow.oauth2session.register_compliance_hook("access_token_response", _unless_refused)
    try:
        token: dict[str, Any] = flow.fetch_token(code=code, timeout=_TIMEOUT)
    except Warning as changed:
        held: dict[str, Any] = dict(getattr(changed, "token", {}))
        held["scope"] = " ".join(getattr(changed, "new_scope", []))
        return held
    except (OAuth2Error, RequestException, ValueError):  # no answer, or one that is none
        raise GoogleSilent from None
    scope = token.get("scope", "")
    return {**token, "scope": scope if isinstance(scope, str) else " ".join(scope)}


def _unless_refused(answer: Response) -> Response:
    """Hand a success on to oauthlib, which looks at no status; raise what a refusal means."""
    if answer.status_code == http.client.OK:
        return answer
    raise _ERRORS.get(refusal(answer.status_code, answer.content).kind, CodeRefused)


def _flow(client: Client, redirect_uri: str, verifier: str) -> Flow:
    if any(is_plain_loopback(address) for address in (client.auth_uri, client.token_uri)):
        # A stand-in on this machine: oauthlib takes its http only where it is told by the environment.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    addresses = {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }
    return Flow.from_client_config(
        {"web": addresses}, scopes=[SCOPE], redirect_uri=redirect_uri, code_verifier=verifier
    )
