"""The master keys: what wraps every migration's key. One file, rotated by adding a line at its top.

Each line is `<id> <base64 of 32 bytes>`. The first key wraps; all of them open, so that what an older one wrapped
can still be read, and is wrapped anew when it is next used.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Self

from oauth.errors import MasterKeyUnusable, SealBroken
from oauth.sealing import KEY_BYTES, closed, fresh_key, opened

_ID = re.compile(r"[a-z0-9-]{1,32}")


class KeyRing:
    """The master keys of an installation, the newest first. Shows nothing of them."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self._newest = next(iter(keys))

    def __repr__(self) -> str:
        return "KeyRing()"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of master keys.

        Raises:
            MasterKeyUnusable: not readable, empty, a line of another shape, or an id that occurs twice.
        """
        try:
            rows = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
            keys = {key_id: _decoded(text) for key_id, text in rows if _ID.fullmatch(key_id)}
        except (OSError, ValueError):  # UnicodeDecodeError and binascii.Error are ValueErrors
            raise MasterKeyUnusable from None
        if not keys or len(keys) != len(rows):
            raise MasterKeyUnusable
        return cls(keys)

    def wrap(self, label: str, secret: bytes) -> bytes:
        """Seal a small secret under the newest key, for this label only."""
        sealed = closed(self._keys[self._newest], secret, f"{self._newest}/{label}")
        return self._newest.encode() + b":" + sealed

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """Return what `wrap` sealed for this label, under whichever key; raise `SealBroken` otherwise."""
        key_id, _, sealed = wrapped.partition(b":")
        name = key_id.decode("ascii", "replace")
        if name not in self._keys:
            raise SealBroken
        return opened(self._keys[name], sealed, f"{name}/{label}")

    def is_stale(self, wrapped: bytes) -> bool:
        """Tell whether an older key than the newest wrapped this."""
        return not wrapped.startswith(self._newest.encode() + b":")

    def pseudonyms(self, name: str) -> tuple[str, ...]:
        """Return an address's opaque names, 32 hex digits each: one per master key, the newest key's first."""
        text = b"pseudonym:" + name.lower().encode()
        return tuple(hmac.digest(key, text, hashlib.sha256).hex()[:32] for key in self._keys.values())


def add_key(path: Path) -> str:
    """Write a new master key at the top of the file, which is made (0600) if it is missing; return the key's id.

    The file is replaced in one step: a reader sees the old one or the new one.
    """
    before = path.read_text("ascii") if path.exists() else ""
    key_id = f"k{secrets.token_hex(4)}"
    beside = path.with_name(f".{path.name}.{key_id}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key_id} {base64.b64encode(fresh_key()).decode()}\n{before}")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return key_id


def _decoded(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise binascii.Error
    return key
