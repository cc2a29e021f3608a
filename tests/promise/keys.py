"""Keys as an intruder would look for them: 32 bytes, in whichever of the usual ways they are written."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from promise.encodings import inside_base64


def forms_of(key: bytes) -> tuple[bytes, ...]:
    """Return the ways a key may stand in memory or in a file."""
    texts = [inside_base64(key, shift, last_two) for shift in range(3) for last_two in (b"+/", b"-_")]
    return (key, key.hex().encode(), key.hex().upper().encode(), *dict.fromkeys(texts))


def is_in(key: bytes, blob: bytes) -> bool:
    """Tell whether the key stands anywhere there."""
    return any(form in blob for form in forms_of(key))


def master_keys(file: Path) -> tuple[bytes, ...]:
    """Return the master keys of an installation."""
    return tuple(base64.b64decode(line.split()[1]) for line in file.read_text().splitlines())


def signing_key(file: Path) -> bytes:
    """Return the 32 secret bytes of the key that signs receipts, as they stand in its file."""
    key = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key.private_bytes_raw()
