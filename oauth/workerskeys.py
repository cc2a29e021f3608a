"""The workers' key pairs: every import's private half is sealed to the public key, and workers alone open it.

Two files in the form of `oauth.keyfile`. The private one is for workers: the first key is the one in use, all of them
open. The public one is for whoever seals: one line, the public half of that first key, under the same id.
"""

from pathlib import Path
from typing import Self

from oauth.errors import WorkersKeyUnusable
from oauth.keyfile import add_line, fresh_id, key_of, read_keys
from oauth.sealing import closed_to, fresh_key, opened_by, public_half


class WorkersPublicKey:
    """What seals something that workers alone can open."""

    def __init__(self, key_id: str, public: bytes) -> None:
        self.id = key_id
        self._public = public

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of the public key; raises `WorkersKeyUnusable`."""
        return cls(*next(iter(_read(path).items())))

    def seal(self, label: str, secret: bytes) -> bytes:
        """Seal a secret to the workers, for this label only."""
        return self.id.encode() + b":" + closed_to(self._public, secret, f"{self.id}/{label}")

    def is_stale(self, sealed: bytes) -> bool:
        """True if this is not sealed to this key: to an older one, or to none."""
        return not sealed.startswith(self.id.encode() + b":")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkersPublicKey) and (self.id, self._public) == (other.id, other._public)

    def __hash__(self) -> int:
        return hash((self.id, self._public))


class WorkersKeys:
    """The private halves, the newest first. Shows nothing of them."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        return "WorkersKeys()"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of the private keys; raises `WorkersKeyUnusable`."""
        return cls(_read(path))

    @property
    def public(self) -> WorkersPublicKey:
        """The public half of the newest."""
        key_id, private = next(iter(self._keys.items()))
        return WorkersPublicKey(key_id, public_half(private))

    def open(self, label: str, sealed: bytes) -> bytes:
        """Return what was sealed to one of these keys for this label; raise `SealBroken` otherwise."""
        name, key, rest = key_of(self._keys, sealed)
        return opened_by(key, rest, f"{name}/{label}")


def add_pair(private_file: Path, public_file: Path) -> str:
    """Write a new pair: the private half at the top of its file, the public half alone in its own; return its id.

    Both files are made (0600) if they are missing. Older private halves stay, and open what was sealed to them.
    """
    key_id, private = fresh_id("w"), fresh_key()
    add_line(private_file, key_id, private)
    add_line(public_file, key_id, public_half(private), keep=False)
    return key_id


def _read(path: Path) -> dict[str, bytes]:
    try:
        return read_keys(path)
    except (OSError, ValueError):
        raise WorkersKeyUnusable from None
