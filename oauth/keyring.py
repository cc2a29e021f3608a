"""The master keys: what the service keeps for itself is wrapped by them. One file, rotated by a line at its top.

Sessions, consents, staff accounts, and of each import what may be sealed for it and how its pages show addresses; they
open nothing that is sealed for an import. The first key wraps; all of them open, so that what an older one wrapped can
still be read, and is wrapped anew when it is next used.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Self

from oauth.errors import MasterKeyUnusable
from oauth.keyfile import add_line, fresh_id, key_of, read_keys
from oauth.sealing import closed, fresh_key, opened


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
            return cls(read_keys(path))
        except (OSError, ValueError):
            raise MasterKeyUnusable from None

    def wrap(self, label: str, secret: bytes) -> bytes:
        """Seal a small secret under the newest key, for this label only."""
        sealed = closed(self._keys[self._newest], secret, f"{self._newest}/{label}")
        return self._newest.encode() + b":" + sealed

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """Return what `wrap` sealed for this label, under whichever key; raise `SealBroken` otherwise."""
        name, key, sealed = key_of(self._keys, wrapped)
        return opened(key, sealed, f"{name}/{label}")

    def is_stale(self, wrapped: bytes) -> bool:
        """Tell whether an older key than the newest wrapped this."""
        return not wrapped.startswith(self._newest.encode() + b":")

    def pseudonyms(self, name: str) -> tuple[str, ...]:
        """Return an address's opaque names, 32 hex digits each: one per master key, the newest key's first."""
        text = b"pseudonym:" + name.lower().encode()
        return tuple(hmac.digest(key, text, hashlib.sha256).hex()[:32] for key in self._keys.values())


def add_key(path: Path) -> str:
    """Write a new master key at the top of the file, which is made (0600) if it is missing; return the key's id."""
    key_id = fresh_id("k")
    add_line(path, key_id, fresh_key())
    return key_id
