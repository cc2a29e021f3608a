"""The signature on a receipt: JWS in compact form (RFC 7515) by Ed25519 (RFC 8037).

    ReceiptError
    ├── ReceiptUnreadable     not a receipt, or cut short, or of a format this version does not know
    ├── ReceiptForged         made by somebody else, or changed after it was signed
    └── KeyUnknown            signed with a key that is not among the public keys given

Their texts are sentences for people and quote nothing of what was read.
"""

import base64
import json
from collections.abc import Mapping

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry

from migrator.receipt import Receipt
from migrator.signingkeys import ALGORITHM, SigningKey, keys_in

TYPE = "migration-receipt+json"
"""Header `typ` (RFC 7515 §4.1.9): no other text signed with the same key passes for a receipt (RFC 8725 §3.11)."""

MAX_BYTES = 8 * 1024 * 1024
"""No receipt is longer: 10,000 folders, Gmail's limit of labels, take 2 MB."""

_PARTS = 3


class ReceiptError(Exception):
    """Root of the tree."""


class ReceiptUnreadable(ReceiptError):
    """It is not a receipt, or not one this version can read."""


class ReceiptForged(ReceiptError):
    """It was not signed, as it stands here, by the key it names."""


class KeyUnknown(ReceiptError):
    """The key it names is not among those given."""


class _OnlyEdDSA(JWSRegistry):
    """One algorithm, whatever a header asks for (RFC 8725 §3.1)."""

    max_payload_length = MAX_BYTES

    def get_alg(self, name: str) -> JWSAlgModel:  # noqa: ARG002 - what it asks for does not matter
        """Return the one algorithm; without joserfc's warning of its old name, which is meant here."""
        return self.algorithms[ALGORITHM]


_REGISTRY = _OnlyEdDSA()


def sign(receipt: Receipt, key: SigningKey) -> str:
    """Return the receipt signed: three parts in base64url, joined by dots. Ed25519 gives the same text each time."""
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
    return jws.serialize_compact(header, receipt.to_bytes(), key.private, registry=_REGISTRY)


def verify(text: str, jwks: Mapping[str, object]) -> Receipt:
    """Return what a signed receipt says, if one of the public keys in `jwks` (RFC 7517 §5) made it, as it stands.

    Raises:
        ReceiptUnreadable: it is cut short, no receipt at all, or of an unknown format.
        ReceiptForged: the signature, the algorithm or the type is wrong.
        KeyUnknown: it names a key that is not in the set.
        KeyUnusable: the set is none.
    """
    text = text.strip()
    kid = _kid_of(text)
    key = keys_in(jwks).get(kid)
    if key is None:
        raise KeyUnknown("It names a key that is not among these public keys.")
    try:
        signed = jws.deserialize_compact(text, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise ReceiptForged("The signature does not belong to this text: forged, or changed after signing.") from None
    try:
        return Receipt.from_bytes(signed.payload or b"")
    except ValueError:
        raise ReceiptUnreadable("It is of a format that this version of the program does not know.") from None


def _kid_of(text: str) -> str:
    """Return the key's name from the header of a text that looks like a receipt in every way but its signature."""
    header = _header_of(text)
    if header.get("alg") != ALGORITHM:
        raise ReceiptForged("It asks for another algorithm than receipts are signed with.")
    if header.get("typ") != TYPE or set(header) != {"alg", "typ", "kid"}:
        raise ReceiptForged("It is signed as something else than a receipt.")
    return str(header["kid"])


def _header_of(text: str) -> dict[str, object]:
    parts = text.split(".")
    if len(text) > MAX_BYTES or len(parts) != _PARTS or not all(map(_is_base64url, parts)):
        raise ReceiptUnreadable("It is no whole receipt: three parts in base64url, joined by dots, were expected.")
    try:
        header = json.loads(_decoded(parts[0]))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ReceiptUnreadable("It is no receipt: its header cannot be read.")
    return header


def _is_base64url(part: str) -> bool:
    """Tell whether a part is written in the one way it can be (RFC 4648 §3.5): no padding, no stray bits."""
    try:
        return base64.urlsafe_b64encode(_decoded(part)).decode().rstrip("=") == part
    except ValueError:
        return False


def _decoded(part: str) -> bytes:
    return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
