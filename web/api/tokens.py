"""Service tokens: 256 random bits each, of which the configuration holds the SHA-256, and what each one may do.

A plain hash is enough: nobody guesses 256 bits, so there is nothing to slow down.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

_PREFIX = "gmt_"
"""By which scanners of source code find a token that went astray."""


class Scope(StrEnum):
    """What a token may do."""

    READ = "migrations:read"
    WRITE = "migrations:write"
    LAUNCH = "launches:create"


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token as the configuration has it: its name, its SHA-256 in hex, its scopes."""

    name: str
    sha256: str = field(repr=False)
    scopes: frozenset[Scope]


def new_token() -> tuple[str, str]:
    """Return a new token, to be shown once, and its SHA-256 in hex, to be configured."""
    token = _PREFIX + secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of(token: str) -> str:
    """Return a token's SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_for(given: str, known: Iterable[ServiceToken]) -> ServiceToken | None:
    """Return the configured token that was given, if any; all are compared, each in constant time."""
    digest = digest_of(given)
    found = [token for token in known if hmac.compare_digest(token.sha256, digest)]
    return found[0] if found else None
