"""The keys of receipts: a private one that signs, and the public ones that check (Ed25519, RFC 8032; JWK, RFC 8037)."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "EdDSA"
"""RFC 9864 renames it to Ed25519, which few verifiers know yet; what it made ambiguous, the kind of key settles."""

_CURVE: Literal["Ed25519"] = "Ed25519"


class KeyUnusable(Exception):
    """A file of keys holds something else; the text names the file and what is expected."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key that receipts are signed with; it has no `repr`."""

    private: OKPKey = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "SigningKey":
        """Read a PEM file with an Ed25519 private key (PKCS #8, RFC 8410 §7); `openssl genpkey -algorithm ed25519`.

        Raises:
            KeyUnusable: it holds something else.
            OSError: it cannot be read.
        """
        key = _imported(path)
        if key is None or not key.is_private or key.curve_name != _CURVE:
            raise KeyUnusable(f"{path} holds no private key of Ed25519 in PEM: openssl genpkey -algorithm ed25519")
        return cls(key)

    @classmethod
    def make(cls, path: Path) -> "SigningKey":
        """Make a key and write it (0600), as a whole or not at all.

        Raises:
            FileExistsError: there is one; it is not replaced.
            OSError: it cannot be written.
        """
        key = OKPKey.generate_key(_CURVE, private=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.as_pem(private=True))
            path.hardlink_to(draft)  # unlike a renaming, it never replaces
        finally:
            draft.unlink()
        return cls(key)

    @property
    def kid(self) -> str:
        """The key's name: its thumbprint (RFC 7638, SHA-256), 43 letters of base64url."""
        return self.private.thumbprint()

    @property
    def public(self) -> dict[str, str]:
        """The public key as a JWK (RFC 8037 §2)."""
        return _published(self.private)


def public_keys(current: SigningKey, retired: Path | None = None) -> dict[str, object]:
    """Return the JWKS to publish: the key in use, then the retired ones of a JWKS file; public parts alone.

    Raises:
        KeyUnusable: the file is no JWKS.
        OSError: it cannot be read.
    """
    rows = [current.public]
    if retired is not None:
        rows += [_published(key) for key in keys_in(read_keys(retired)).values()]
    return {"keys": list({row["kid"]: row for row in rows}.values())}


def read_keys(path: Path) -> dict[str, object]:
    """Read a JWKS file (RFC 7517 §5).

    Raises:
        KeyUnusable: it is none.
        OSError: it cannot be read.
    """
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise KeyUnusable(f'{path} is no set of public keys: JSON with a list "keys" (RFC 7517 §5).')
    return found


def keys_in(jwks: Mapping[str, object]) -> dict[str, OKPKey]:
    """Return a set's public keys of Ed25519 by thumbprint. Other keys may be there too, and names of their own.

    Raises:
        KeyUnusable: one of them cannot be read.
    """
    rows = jwks.get("keys")
    ours = [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict) and _is_ours(row)]
    return {key.thumbprint(): key for key in map(_public, ours)}


def _imported(path: Path) -> OKPKey | None:
    try:
        return OKPKey.import_key(path.read_bytes())
    except (JoseError, ValueError, TypeError):  # TypeError: it is locked with a password
        return None


def _is_ours(row: Mapping[str, object]) -> bool:
    return row.get("kty") == "OKP" and row.get("crv") == _CURVE


def _public(row: Mapping[str, object]) -> OKPKey:
    try:
        return OKPKey.import_key({"kty": "OKP", "crv": _CURVE, "x": str(row.get("x"))})
    except (JoseError, ValueError):
        raise KeyUnusable("A key of the set cannot be read.") from None


def _published(key: OKPKey) -> dict[str, str]:
    x = str(key.as_dict(private=False)["x"])
    return {"kty": "OKP", "crv": _CURVE, "x": x, "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
