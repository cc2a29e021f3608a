"""The provider of a single sign-on as a value, and what its tokens say: pure (OpenID Connect Core 1.0, §2, §3.1.3.7).

A token is taken whose signature, issuer, audience, end and nonce are right; whoever it names is let in with a second
factor and a role, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from web.operator.rights import Role

LEEWAY_SECONDS = 60
"""What the clocks of provider and console may differ by."""

_LONGEST = 16 * 1024
_NAME = 64
_KEYS: Mapping[str, tuple[str, type[ECKey | OKPKey | RSAKey]]] = {
    "RS256": ("RSA", RSAKey),
    "ES256": ("EC", ECKey),
    "Ed25519": ("OKP", OKPKey),
    "EdDSA": ("OKP", OKPKey),
}
"""The algorithms that are taken, whatever a token asks for (RFC 8725 §3.1), each with the one kind of key it works
with. EdDSA is what Ed25519 was called before RFC 9864."""


_PUBLIC = frozenset({"kty", "n", "e", "crv", "x", "y"})
"""What is read of a key: never more than its public half."""


class _Taken(JWSRegistry):
    max_payload_length = _LONGEST

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms["Ed25519" if name == "EdDSA" else name]


_REGISTRY = _Taken(strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """Who signs members in, and how what he says is read.

    Attributes:
        issuer: his address, to the letter.
        client_id, client_secret: those of the console at the provider.
        return_to: where he sends the browser back to.
        amr: a token whose `amr` has one of these was signed in for by two factors (RFC 8176).
        acr: so was one of this `acr`; empty where `amr` alone counts.
        role_claim: which claim says what the member may do; `a.b` is `b` inside `a`.
        roles: which role which of its values gives.
        scope: what is asked for.
        ca_file: authorities to trust instead of the system's (PEM).
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    return_to: str
    amr: frozenset[str]
    acr: str
    role_claim: str
    roles: Mapping[str, Role]
    scope: str = "openid profile"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a token names: what he is known by for ever, what pages call him, what he may do, since when he is there.

    `signed_in_at` is when he proved who he is, in seconds since the epoch; 0 where the token does not say.
    """

    subject: str
    name: str
    role: Role
    signed_in_at: float


class SsoRefused(Exception):
    """The provider's answer lets nobody in; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyUnknown(SsoRefused):
    """The token names a key that is not in the set; the provider may have a new one."""


def read_token(token: str, jwks: Mapping[str, Any], provider: Provider, nonce: str, now: float) -> Mapping[str, Any]:
    """Return the claims of an ID token that was made for us, in answer to what we asked just now.

    Raises:
        KeyUnknown: as it says.
        SsoRefused: it is not good.
    """
    try:
        header = jws.extract_compact(token.encode()).headers() if len(token) <= _LONGEST else {}
        key = _key(jwks, header)
        found = jwt.decode(token, key, registry=_REGISTRY)
        options: Any = {"iss": _exactly(provider.issuer), "aud": _exactly(provider.client_id)}
        asked = {"nonce": nonce, "client_id": provider.client_id}
        CodeIDToken(found.claims, found.header, options, asked).validate(int(now), LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise SsoRefused("sso-token") from None
    return found.claims


def vouched_by(claims: Mapping[str, Any], provider: Provider) -> Vouched:
    """Return whom the claims name.

    Raises:
        SsoRefused: he has used one factor alone, or none of the roles is for him.
    """
    methods = claims.get("amr")
    used = frozenset(map(str, methods)) if isinstance(methods, list) else frozenset()
    if not (used & provider.amr or (provider.acr and claims.get("acr") == provider.acr)):
        raise SsoRefused("sso-one-factor")
    named = _texts(_claim(claims, provider.role_claim))
    roles = [provider.roles[one] for one in named if one in provider.roles]
    if not roles:
        raise SsoRefused("sso-no-role")
    at = claims.get("auth_time")
    return Vouched(
        str(claims["sub"]),
        str(claims.get("preferred_username") or claims.get("name") or claims["sub"])[:_NAME],
        max(roles, key=list(Role).index),
        float(at) if isinstance(at, int | float) and not isinstance(at, bool) else 0.0,
    )


def _exactly(value: str) -> dict[str, Any]:
    return {"essential": True, "value": value}


def _key(jwks: Mapping[str, Any], header: Mapping[str, Any]) -> ECKey | OKPKey | RSAKey:
    """Return the provider's key that a token names; where it names none, the only one of its kind."""
    kind = _KEYS.get(str(header.get("alg")))
    if kind is None:
        raise SsoRefused("sso-algorithm")
    rows = [row for row in jwks.get("keys") or () if row.get("kty") == kind[0] and row.get("use") != "enc"]
    named = [row for row in rows if row.get("kid") == header["kid"]] if "kid" in header else rows
    if len(named) != 1:
        raise KeyUnknown("sso-key")
    return kind[1].import_key({name: value for name, value in named[0].items() if name in _PUBLIC})


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by a path into others."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> list[str]:
    """Return the texts of a claim that has one or many."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else [str(value)]
