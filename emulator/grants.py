"""Grants as values: authorization codes, refresh and access tokens, what they stand for, and their end."""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered application. Loopback redirect URIs are always allowed, others only when listed."""

    id: str
    secret: str = field(repr=False)
    redirect_uris: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """What an authorization code stands for until it is redeemed; `challenge` is the PKCE S256 one, or empty."""

    client_id: str
    redirect_uri: str
    account: str
    scopes: tuple[str, ...]
    challenge: str
    with_refresh: bool
    expires: float


@dataclass(frozen=True, slots=True)
class Grant:
    """One consent: this client may read this account within these scopes."""

    client_id: str
    account: str
    scopes: tuple[str, ...]


@dataclass(slots=True)
class Grants:
    """All codes and tokens alive; a token that is not here is dead. Times are monotonic seconds."""

    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    access_tokens: dict[str, tuple[Grant, float]] = field(default_factory=dict)


class OAuthError(Exception):
    """An OAuth endpoint's refusal: RFC 6749 §5.2 `error`, Google's `error_description`, HTTP status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


def new_code(grants: Grants, code: Code) -> str:
    """Return a fresh authorization code for what `code` says."""
    text = "4/0" + secrets.token_urlsafe(40)
    grants.codes[text] = code
    return text


def redeem(grants: Grants, text: str, client: Client, redirect_uri: str, verifier: str) -> Code:
    """Return what a code stands for; it is used up by that, successful or not (RFC 6749 §4.1.2, RFC 7636 §4.6).

    Raises:
        OAuthError: unknown, used or expired code, another client or redirect URI, wrong or missing verifier.
    """
    code = grants.codes.pop(text, None)
    if code is None or code.client_id != client.id or code.expires < time.monotonic():
        raise OAuthError("invalid_grant", "Malformed auth code.")
    if code.redirect_uri != redirect_uri:
        raise OAuthError("redirect_uri_mismatch", "Bad Request")
    if code.challenge and not verifier:
        raise OAuthError("invalid_grant", "Missing code verifier.")
    if code.challenge and _challenge(verifier) != code.challenge:
        raise OAuthError("invalid_grant", "Invalid code verifier.")
    return code


def new_refresh_token(grants: Grants, grant: Grant) -> str:
    """Return a fresh refresh token."""
    token = "1//0" + secrets.token_urlsafe(48)
    grants.refresh_tokens[token] = grant
    return token


def new_access_token(grants: Grants, grant: Grant, seconds: float) -> str:
    """Return a fresh access token that lives for `seconds`."""
    token = "ya29." + secrets.token_urlsafe(96)
    grants.access_tokens[token] = (grant, time.monotonic() + seconds)
    return token


def granted(grants: Grants, access_token: str) -> Grant | None:
    """Return the grant of an access token that is alive."""
    grant, expires = grants.access_tokens.get(access_token, (None, 0.0))
    return grant if expires > time.monotonic() else None


def refreshed(grants: Grants, refresh_token: str, client: Client) -> Grant:
    """Return the grant of a refresh token. Raises OAuthError invalid_grant when it is dead or another client's."""
    grant = grants.refresh_tokens.get(refresh_token)
    if grant is None or grant.client_id != client.id:
        raise OAuthError("invalid_grant", "Token has been expired or revoked.")
    return grant


def revoke(grants: Grants, token: str) -> Grant:
    """End the whole grant a token belongs to: all tokens of this account and client.

    Raises:
        OAuthError: invalid_token, when the token is unknown or dead already.
    """
    grant = grants.refresh_tokens.get(token) or granted(grants, token)
    if grant is None:
        raise OAuthError("invalid_token", "Token expired or revoked")
    kill(grants, grant.account, grant.client_id)
    return grant


def kill(grants: Grants, account: str, client_id: str = "") -> None:
    """End all grants of an account, or those to one client."""

    def dies(grant: Grant) -> bool:
        return grant.account == account and client_id in {"", grant.client_id}

    grants.refresh_tokens = {token: one for token, one in grants.refresh_tokens.items() if not dies(one)}
    grants.access_tokens = {token: pair for token, pair in grants.access_tokens.items() if not dies(pair[0])}


def has_refresh_token(grants: Grants, client_id: str, account: str) -> bool:
    """Tell whether the client holds a refresh token of the account already."""
    return any(one.client_id == client_id and one.account == account for one in grants.refresh_tokens.values())


def token_answer(access_token: str, refresh_token: str, scopes: Iterable[str], seconds: float) -> dict[str, Any]:
    """Return the token endpoint's JSON (RFC 6749 §5.1)."""
    answer = {
        "access_token": access_token,
        "expires_in": int(seconds),
        "scope": " ".join(scopes),
        "token_type": "Bearer",
    }
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
