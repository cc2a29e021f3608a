"""What is sealed to a public key is HPKE as RFC 9180 has it: an implementation of its own opens it."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from oauth.errors import SealBroken
from oauth.sealing import closed_to, fresh_key, opened_by, public_half

KEM_SUITE = b"KEM\x00\x20"
SUITE = b"HPKE\x00\x20\x00\x01\x00\x02"
"""RFC 9180 §7: X25519 with HKDF-SHA256 is 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002."""


def extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    mac = HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite + label + key)
    return mac.finalize()


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, labelled).derive(key)


def opened_by_the_book(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Open what was sealed, step by step as RFC 9180 §4.1, §5.1 and §6.1 have it, in base mode."""
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(encapsulated))
    pseudorandom = extract(KEM_SUITE, b"", b"eae_prk", shared)
    secret = expand(KEM_SUITE, pseudorandom, b"shared_secret", encapsulated + public_half(private), 32)
    context = b"\x00" + extract(SUITE, b"", b"psk_id_hash", b"") + extract(SUITE, b"", b"info_hash", info)
    schedule = extract(SUITE, secret, b"secret", b"")
    key = expand(SUITE, schedule, b"key", context, 32)
    nonce = expand(SUITE, schedule, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_another_implementation_of_the_standard_opens_what_was_sealed() -> None:
    private = fresh_key()
    sealed = closed_to(public_half(private), b"secret", "m1/grant")
    assert opened_by_the_book(private, sealed, b"m1/grant") == b"secret"


def test_who_sealed_it_cannot_open_it() -> None:
    private = fresh_key()
    public = public_half(private)
    sealed = closed_to(public, b"secret", "label")
    for key in (public, fresh_key()):
        with pytest.raises(SealBroken):
            opened_by(key, sealed, "label")
    assert opened_by(private, sealed, "label") == b"secret"


def test_nothing_is_sealed_to_a_key_that_anybody_could_open() -> None:
    """A public key of small order makes the shared secret known to all (RFC 7748 §6.1)."""
    for public in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(ValueError, match="shared"):
            closed_to(public, b"secret", "label")
