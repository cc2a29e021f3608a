"""Consent at Google: the authorization-code flow with PKCE, for exactly one read-only scope.

Source: Google, "Using OAuth 2.0 for Web Server Applications"; RFC 7636. `include_granted_scopes` is never sent: it
would add whatever the account once granted to the same Google project.
"""

import http.client
import logging
import os
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from google_auth_oauthlib.flow import Flow
from requests import RequestException, Response
from requests.exceptions import ConnectTimeout, ProxyError, SSLError
from urllib3.exceptions import NewConnectionError

from oauth.bounded import post
from oauth.errors import (
    AccessForbidden,
    AnswerLost,
    AnswerPending,
    ClientUnusable,
    CodeRefused,
    ConsentDenied,
    ConsentNotOurs,
    GoogleSilent,
    GrantError,
    NoRefreshToken,
    ScopeMismatch,
)
from oauth.grant import SCOPE, Client, Grant, is_plain_loopback
from oauth.token_errors import Kind, declined, json_object, refusal

# Their debug messages hold codes, verifiers and tokens.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_ERRORS: dict[Kind, type[GrantError]] = {
    Kind.CLIENT: ClientUnusable,
    Kind.ACCOUNT: AccessForbidden,
    Kind.DECLINED: ConsentDenied,
    Kind.LATER: GoogleSilent,
}

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 20.0
"""Seconds to connect, and for the answer: a customer waits for two tries and what follows them."""

_PAUSE = 0.5
"""Seconds between two tries."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What Google gave for a code; either token may be empty. `fault`: the code of why it must not be kept, or empty.

    What is not kept is to be given back, by whoever knows whether the account is free (`app.connecting`).
    """

    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    fault: str = ""

    @property
    def grant(self) -> Grant:
        """What stands for all of it: revoking one token ends the others."""
        return Grant(self.refresh_token or self.access_token)


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


def code_of(consent: Consent, answer_url: str) -> str:
    """Return the authorization code in the URL Google sent the customer back to; nothing is sent to Google.

    Raises:
        ConsentNotOurs: it is the answer to another consent, or no answer at all.
        ConsentDenied: there is no code in it, for the customer declined.
        AccessForbidden, ClientUnusable, GoogleSilent: the same, and it is not the customer who declined.
    """
    if not is_for(answer_url, consent.state):
        raise ConsentNotOurs
    parameters = _parameters(answer_url)
    if "code" not in parameters:
        said = declined(*(parameters.get(name, "") for name in ("error", "error_subtype", "error_description")))
        raise _ERRORS.get(said.kind, GoogleSilent)(said.word)
    return parameters["code"]


def exchange(client: Client, consent: Consent, code: str) -> Tokens:
    """Exchange a code for tokens; where no usable answer comes, ask once more with the same code.

    A code works once (RFC 6749 §4.1.2): where the first answer was lost and the second says that the code is used, the
    first may have granted something.

    Raises:
        CodeRefused, AccessForbidden, ClientUnusable, GoogleSilent: nothing was granted.
        AnswerLost: the code is used up, and nobody knows whether anything was granted.
        AnswerPending: the same, but the code may still be good.
    """
    first = _tried(client, consent, code)
    if not isinstance(first, GoogleSilent | AnswerPending):
        return _or_raise(first)
    time.sleep(_PAUSE)
    second = _tried(client, consent, code)
    if isinstance(first, AnswerPending) and isinstance(second, CodeRefused):
        raise AnswerLost
    if isinstance(first, AnswerPending) and isinstance(second, GoogleSilent):
        raise first
    return _or_raise(second)


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


def _or_raise(outcome: Tokens | GrantError) -> Tokens:
    if isinstance(outcome, GrantError):
        raise outcome
    return outcome


def _tried(client: Client, consent: Consent, code: str) -> Tokens | GrantError:
    """Ask the token endpoint once (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": consent.redirect_uri,
        "code_verifier": consent.verifier,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    try:
        answer = post(client.token_uri, form, _ANSWER_SECONDS, _CONNECT_SECONDS)
    except (ConnectTimeout, ProxyError, SSLError):  # no request was sent
        return GoogleSilent()
    except RequestException as error:
        return GoogleSilent() if _is_unsent(error) else AnswerPending()
    return _tokens_in(answer)


def _is_unsent(error: RequestException) -> bool:
    """Tell whether no connection came about; one that broke off may have carried the code to Google."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError)


def _tokens_in(answer: Response) -> Tokens | GrantError:
    said = json_object(answer.content)
    refresh, access = (_text(said.get(name)) for name in ("refresh_token", "access_token"))
    if refresh or access:
        return Tokens(refresh, access, _fault(said.get("scope"), refresh))
    if said.get("error") or http.client.BAD_REQUEST <= answer.status_code < http.client.INTERNAL_SERVER_ERROR:
        found = refusal(answer.status_code, answer.content)
        return _ERRORS.get(found.kind, CodeRefused)(found.word)
    return AnswerPending()  # of no token endpoint: what stands between may have lost Google's


def _fault(scope: object, refresh_token: str) -> str:
    """Return why tokens must not be kept. A scope that is left out is the one asked for (RFC 6749 §5.1)."""
    if scope is not None and set(_text(scope).split()) != {SCOPE}:
        return ScopeMismatch.code
    return "" if refresh_token else NoRefreshToken.code


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


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
