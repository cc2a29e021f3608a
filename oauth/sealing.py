"""The two ways in which anything is sealed here, each bound to a label: what was sealed for one opens for no other.

Under a key that who seals has, too: AES-256-GCM (NIST SP 800-38D), a random nonce before the ciphertext, the label as
associated data. To a public key, whose private half opens: HPKE (RFC 9180) in base mode with DHKEM(X25519,
HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, the encapsulated key before the ciphertext, the label as `info`.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from oauth.errors import SealBroken

KEY_BYTES = 32
"""The length of every key, either half of a pair included."""

_NONCE = 12
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def fresh_key() -> bytes:
    """Return 32 random bytes: a key, or the private half of a pair (RFC 7748 §6.1)."""
    return os.urandom(KEY_BYTES)


def closed(key: bytes, secret: bytes, label: str) -> bytes:
    """Seal a secret under a key, for this label only."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret, label.encode())


def opened(key: bytes, sealed: bytes, label: str) -> bytes:
    """Return what was sealed under this key for this label; raise `SealBroken` otherwise."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], label.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken from None


def public_half(private: bytes) -> bytes:
    """Return the public half of a pair, 32 bytes."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def closed_to(public: bytes, secret: bytes, label: str) -> bytes:
    """Seal a secret to a public key, for this label only; whoever seals cannot open it again."""
    return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public), info=label.encode())


def opened_by(private: bytes, sealed: bytes, label: str) -> bytes:
    """Return what was sealed to the public half of this key for this label; raise `SealBroken` otherwise."""
    try:
        return _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info=label.encode())
    except (InvalidTag, ValueError):
        raise SealBroken from None
