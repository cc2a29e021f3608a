"""The signed launch: a JWT (RFC 7519) by which the host's panel vouches for its customer, and the secret inside it.

    header   {"alg": "Ed25519", "typ": "launch+jwt", "kid": "..."}
    claims   iss, aud, sub (customer's id), jti, iat, exp, mailbox (address), secret (optional)

One algorithm, whatever the header asks for (RFC 8725 §3.1), a type of its own (§3.11), keys from the configured set
alone: a header that brings a key or an address of one along is refused. What protects nobody is taken as libraries
write it: times with a fraction (RFC 7519 §2), an audience among others (§4.1.3), a type in capitals (RFC 7515 §4.1.9).

`secret` is the mailbox's password, encrypted to our key as a compact JWE (RFC 7516; ECDH-ES+A256KW on X25519, A256GCM):
browsers carry it and cannot read it.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard, cast

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from web.origins import comparable

ALGORITHMS = ("Ed25519", "EdDSA")
"""One algorithm by its two names: RFC 9864's, and the older one of RFC 8037 that many libraries still write."""

TYPE = "launch+jwt"
LONGEST_SECONDS = 60
LEEWAY_SECONDS = 180
"""What the clocks of panel and pages may differ by: a few minutes (RFC 7519 §4.1.4)."""

MAX_CHARACTERS = 8192
SECRET_ALGORITHMS = ("ECDH-ES+A256KW", "A256GCM")

_CUSTOMER = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_JTI = re.compile(r"[\x21-\x7e]{16,128}")
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f]{1,64}@[^\s@\x00-\x1f\x7f-\x9f]{1,255}")
_PARTS = 3


class LaunchRefused(Exception):
    """The launch is not good; `code`, and the `claim` it is about where one of many is, are for the service's log."""

    def __init__(self, code: str, claim: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Terms:
    """What a launch must be.

    Attributes:
        issuer: claim `iss`.
        audience: claim `aud`: the address of these pages.
        keys: the host's public keys (Ed25519) by `kid`.
        secret_key: our private key (X25519) that secrets are encrypted to; None where launches bring none.
    """

    issuer: str
    audience: str
    keys: Mapping[str, OKPKey] = field(repr=False)
    secret_key: OKPKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """Whom the panel vouches for. `ends` is in seconds since the epoch; `password` is None where none was sent."""

    customer: str
    mailbox: str = field(repr=False)
    jti: str = field(repr=False)
    ends: float
    password: str | None = field(default=None, repr=False)


class _OnlyEd25519(JWSRegistry):
    max_payload_length = MAX_CHARACTERS

    def get_alg(self, name: str) -> JWSAlgModel:  # noqa: ARG002 - what it asks for does not matter
        return self.algorithms[ALGORITHMS[0]]


_REGISTRY = _OnlyEd25519()


def host_keys(jwks: Mapping[str, object]) -> dict[str, OKPKey]:
    """Return the Ed25519 keys of a JWK set (RFC 7517 §5) by the `kid` that each must have.

    Raises:
        ValueError: a key is of another kind, cannot be read, or has no name or another's.
    """
    rows = jwks.get("keys")
    found: dict[str, OKPKey] = {}
    for row in rows if isinstance(rows, list) else []:
        kid = row.get("kid") if isinstance(row, dict) else None
        if not isinstance(kid, str) or not kid or kid in found:
            raise ValueError("each key of the set needs a kid of its own")
        found[kid] = _public(row)
    return found


def secret_key(jwk: Mapping[str, object]) -> OKPKey:
    """Return the private key (X25519, RFC 8037 §2) that launches encrypt a mailbox's password to.

    Raises:
        ValueError: it is of another kind, or cannot be read.
    """
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "X25519" or not isinstance(jwk.get("d"), str):
        raise ValueError("the key that secrets are encrypted to is no private one of X25519")
    try:
        return OKPKey.import_key({"kty": "OKP", "crv": "X25519", "x": str(jwk.get("x")), "d": str(jwk["d"])})
    except (JoseError, ValueError):
        raise ValueError("the key that secrets are encrypted to cannot be read") from None


def read_launch(token: str, terms: Terms, now: float) -> Launch:
    """Return what a launch says, if one of the host's keys signed it, for us, less than a minute ago.

    It may have been used before: that is the caller's to know.

    Args:
        token: compact form (RFC 7515 §7.1).
        terms: what it must be.
        now: seconds since the epoch.

    Raises:
        LaunchRefused: it is not good.
    """
    claims = _claims(_signed(token, terms))
    _check_parties(claims, terms)
    ends = _checked_end(claims, now)
    customer, mailbox, jti = _customer(claims), _text(claims, "mailbox"), _text(claims, "jti")
    for claim, value, form in (("sub", customer, _CUSTOMER), ("mailbox", mailbox, _ADDRESS), ("jti", jti, _JTI)):
        if not form.fullmatch(value):
            raise LaunchRefused("claim-malformed", claim)
    return Launch(customer, mailbox, jti, ends, _password(claims, terms))


def _signed(token: str, terms: Terms) -> bytes:
    key = terms.keys.get(_kid(token))
    if key is None:
        raise LaunchRefused("key-unknown")
    try:
        return jws.deserialize_compact(token, key, registry=_REGISTRY).payload or b""
    except (JoseError, ValueError):
        raise LaunchRefused("signature-wrong") from None


def _kid(token: str) -> str:
    parts = token.split(".")
    if len(token) > MAX_CHARACTERS or len(parts) != _PARTS or not token.isascii():
        raise LaunchRefused("token-unreadable")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, RecursionError):
        raise LaunchRefused("token-unreadable") from None
    if header.get("alg") not in ALGORITHMS:
        raise LaunchRefused("algorithm-wrong")
    if _media_type(header.get("typ")) != TYPE or set(header) != {"alg", "typ", "kid"}:
        raise LaunchRefused("header-wrong")
    return str(header["kid"])


def _media_type(value: object) -> str:
    """Return a type as it compares: in lower case, without an `application/` before it (RFC 7515 §4.1.9)."""
    return value.lower().removeprefix("application/") if isinstance(value, str) else ""


def _claims(payload: bytes) -> dict[str, object]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise LaunchRefused("token-unreadable")
    return claims


def _check_parties(claims: Mapping[str, object], terms: Terms) -> None:
    if comparable(claims.get("iss")) != comparable(terms.issuer):
        raise LaunchRefused("issuer-wrong")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if comparable(terms.audience) not in map(comparable, named):
        raise LaunchRefused("audience-wrong")


def _checked_end(claims: Mapping[str, object], now: float) -> float:
    begins, ends = claims.get("iat"), claims.get("exp")
    if not (_is_time(begins) and _is_time(ends)):
        raise LaunchRefused("claim-malformed", "exp" if _is_time(begins) else "iat")
    if not begins < ends <= begins + LONGEST_SECONDS:
        raise LaunchRefused("lifetime-wrong")
    if not begins - LEEWAY_SECONDS <= now < ends + LEEWAY_SECONDS:
        raise LaunchRefused("expired")
    return float(ends)


def _is_time(value: object) -> TypeGuard[float]:
    """Tell a NumericDate, which may have a fraction (RFC 7519 §2), from anything else."""
    return type(value) in {int, float} and math.isfinite(cast("float", value))


def _customer(claims: Mapping[str, object]) -> str:
    """Return the customer's id; in many a panel it is a number, and written as one."""
    sub = claims.get("sub")
    return str(sub) if type(sub) is int else _text(claims, "sub")


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise LaunchRefused("claim-malformed", name)
    return value


def _password(claims: Mapping[str, object], terms: Terms) -> str | None:
    if "secret" not in claims:
        return None
    if terms.secret_key is None:
        raise LaunchRefused("secret-unexpected")
    try:
        found = jwe.decrypt_compact(_text(claims, "secret"), terms.secret_key, algorithms=SECRET_ALGORITHMS)
        password = json.loads(found.plaintext or b"")["password"]
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise LaunchRefused("secret-unreadable") from None
    if not isinstance(password, str) or not password:
        raise LaunchRefused("secret-unreadable")
    return password


def _public(row: Mapping[str, object]) -> OKPKey:
    if row.get("kty") != "OKP" or row.get("crv") != "Ed25519":
        raise ValueError("a key of the set is none of Ed25519")
    try:
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": str(row.get("x"))})
    except (JoseError, ValueError):
        raise ValueError("a key of the set cannot be read") from None
