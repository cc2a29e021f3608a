"""What the API is given, and who calls it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis import Redis

from jobs.audit import Actor
from oauth.keystores import Keys
from oauth.vault import Vault
from web.api.problems import Refused
from web.api.tokens import Scope, ServiceToken, token_for
from web.launch import Panel
from web.limits import Limit, seconds_to_wait

CALLS = Limit("api", 1200, 60)
"""Requests by one service token: a panel with many customers asks for many cards."""


@dataclass(frozen=True, slots=True)
class ApiDoors:
    """What the API may do.

    Attributes:
        state: the state store.
        keys: the key stores: launches minted, answers kept for idempotency keys.
        vault: wraps those.
        tokens: the configured service tokens.
        panel: what launches must be.
        launch_url: where launches are posted to.
        actor: who the audit log says has acted.
        sentence: what a code means to people.
    """

    state: Redis
    keys: Keys
    vault: Vault = field(repr=False)
    tokens: tuple[ServiceToken, ...] = field(repr=False)
    panel: Panel
    launch_url: str
    actor: Actor
    sentence: Callable[[str], str]


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="The same key within an hour, the same answer; nothing is done twice.",
    ),
]

_BEARER = HTTPBearer(auto_error=False, scheme_name="ServiceToken", description="A service token (RFC 6750 §2.1).")
_Given = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def ask_token(doors: ApiDoors, request: Request) -> None:
    """Let a body be read that a caller with a service token sends; raises `Refused` for anybody else's."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or token_for(given.strip(), doors.tokens) is None:
        raise _no_token()


def caller(doors: ApiDoors, scope: Scope) -> Callable[..., ServiceToken]:
    """Return the dependency that lets only tokens with this scope through."""

    def checked(given: _Given) -> ServiceToken:
        token = token_for(given.credentials, doors.tokens) if given else None
        if token is None:
            raise _no_token()
        wait = seconds_to_wait(doors.state, CALLS, token.sha256[:32])
        if wait:
            raise Refused("too-often", {"retry-after": str(wait)})
        if scope not in token.scopes:
            raise Refused("scope-missing")
        return token

    return checked


def _no_token() -> Refused:
    return Refused("token-missing", {"www-authenticate": "Bearer"})
