"""The key of the audit log: what only the log's keeper can write, and only who has the key can check.

HMAC-SHA256 (RFC 2104) under a key of its own for each kind of text, derived from the one in the file (HKDF-Expand,
RFC 5869 §2.3, one block), so that none passes for another kind.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

KEY_BYTES = 32
_MAC = re.compile(r"[0-9a-f]{64}")


class Purpose(StrEnum):
    """What a MAC is for."""

    ENTRY = "audit entry"
    SEAL = "audit day"
    MARK = "audit mark"


class AuditKeyUnusable(Exception):
    """The file of the audit log's key holds something else; the text names the file and what is expected."""


class AuditKey:
    """The key; shows nothing of itself."""

    def __init__(self, key: bytes) -> None:
        self._keys = {use: hmac.digest(key, use.encode() + b"\x01", hashlib.sha256) for use in Purpose}

    def __repr__(self) -> str:
        return "AuditKey()"

    @classmethod
    def read(cls, path: Path) -> "AuditKey":
        """Read the file: 32 bytes in base64 (`openssl rand -base64 32`).

        Raises:
            AuditKeyUnusable: it holds something else.
            OSError: it cannot be read.
        """
        try:
            key = base64.b64decode(path.read_bytes().strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise AuditKeyUnusable(f"{path} holds no key of 32 bytes in base64: openssl rand -base64 32")
        return cls(key)

    @classmethod
    def read_or_make(cls, path: Path) -> "AuditKey":
        """Read the file; where there is none, make it (0600) with a new key.

        Raises:
            AuditKeyUnusable, OSError: as of `read`; or it cannot be written.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):  # another process of ours was quicker
                _make(path)
        return cls.read(path)

    def mac(self, use: Purpose, text: str) -> str:
        """Return the MAC of a text, 64 hex digits."""
        return hmac.digest(self._keys[use], text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()

    def signed(self, use: Purpose, text: str) -> str:
        """Return a text with its MAC in front, and a blank between."""
        return f"{self.mac(use, text)} {text}"

    def has_signed(self, use: Purpose, line: str) -> bool:
        """True for what `signed` returned for this purpose."""
        mac, _, text = line.partition(" ")
        return bool(_MAC.fullmatch(mac)) and hmac.compare_digest(mac, self.mac(use, text))


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)  # unlike a renaming, it never replaces
    finally:
        draft.unlink()
