"""Consent at Google: the authorization-code flow with PKCE, for exactly one read-only scope.

Source: Google, "Using OAuth 2.0 for Web Server Applications"; RFC 7636. `include_granted_scopes` is never sent: it
would add whatever the account once granted to the same Google project.
"""

import logging
import os
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import MissingTokenError, OAuth2Error
from requests import RequestException

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

# Their debug messages hold codes, verifiers and tokens.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_FORBIDDEN = frozenset({"admin_policy_enforced", "org_internal", "account_disabled", "disallowed_useragent"})
_CLIENT = frozenset(
    {
        *("invalid_client", "unauthorized_client", "deleted_client", "disabled_client", "redirect_uri_mismatch"),
        *("invalid_scope", "unsupported_response_type"),
    }
)

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
        AccessForbidden, ClientUnusable: the same, and Google says that it is not the customer who declined.
    """
    if not is_for(answer_url, consent.state):
        raise ConsentNotOurs
    parameters = _parameters(answer_url)
    if "code" not in parameters:
        raise _refusal(parameters.get("error", ""), ConsentDenied())
    return parameters["code"]


def _refusal(word: str, otherwise: GrantError) -> GrantError:
    """Return what an `error` word of Google's means (RFC 6749 §4.1.2.1, §5.2)."""
    if word in _FORBIDDEN:
        return AccessForbidden()
    return ClientUnusable() if word in _CLIENT else otherwise


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
    try:
        token: dict[str, Any] = flow.fetch_token(code=code, timeout=_TIMEOUT)
    except Warning as changed:
        held: dict[str, Any] = dict(getattr(changed, "token", {}))
        held["scope"] = " ".join(getattr(changed, "new_scope", []))
        return held
    except (MissingTokenError, RequestException, ValueError):  # no answer, or one that is none
        raise GoogleSilent from None
    except OAuth2Error as error:
        raise _refusal(str(error.error), CodeRefused()) from None
    scope = token.get("scope", "")
    return {**token, "scope": scope if isinstance(scope, str) else " ".join(scope)}


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
