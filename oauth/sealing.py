"""AES-256-GCM, as everything sealed uses it (NIST SP 800-38D): a random nonce before the ciphertext, bound to a label.

The label is associated data: what was sealed for one migration and field opens for no other.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oauth.errors import SealBroken

KEY_BYTES = 32
_NONCE = 12


def fresh_key() -> bytes:
    """Return 32 random bytes."""
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
