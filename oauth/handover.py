"""A secret handed over by the web server to a worker's process: sealed, in the key store, until a date.

    web server   hand_over ──► handed:<label> ──► take      worker, each time the work is begun anew: has the key,
                                   │                        and hands it on with what is sealed
                                   │              open      the process that does the work
                                   └────────────► destroy   worker, when it has ended

The web server puts one there and never reads it back: its user of the key store may write these keys and no more. A
worker never opens one.
"""

from dataclasses import dataclass, field
from typing import cast

from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.sealing import closed, fresh_key, opened
from oauth.vault import Vault, WorkersVault

_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class Handed:
    """A secret on its way: sealed under a key of its own, for one label."""

    label: str
    key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    def open(self) -> bytes:
        """Return the secret; raises `SealBroken` where it was sealed for another label."""
        return opened(self.key, self.sealed, self.label)


def sealed_for(label: str, secret: bytes) -> Handed:
    """Seal a secret for a label, under a fresh key."""
    key = fresh_key()
    return Handed(label, key, closed(key, secret, label))


def hand_over(keys: Keys, vault: Vault, label: str, secret: bytes, seconds: int) -> None:
    """Hand a secret over for a piece of work; what was handed over for it before is replaced.

    Args:
        keys: the key stores.
        vault: seals the key that the secret is sealed under to the workers.
        label: which work it is for.
        secret: some hundred bytes.
        seconds: it ends by itself after so long.
    """
    handed = sealed_for(label, secret)
    wrapped = vault.seal_for_workers(_name(label), handed.key)
    length = len(wrapped).to_bytes(_LENGTH_BYTES, "big")
    keys.set(_name(label), length + wrapped + handed.sealed, ex=seconds)


def take(keys: Keys, vault: WorkersVault, label: str) -> Handed:
    """Return what was handed over for a piece of work; it stays until it is destroyed or its time is over.

    Raises:
        SealBroken: there is nothing, or it was sealed for another label.
    """
    held = cast("bytes | None", keys.get(_name(label)))
    if held is None:
        raise SealBroken
    length, rest = int.from_bytes(held[:_LENGTH_BYTES], "big"), held[_LENGTH_BYTES:]
    return Handed(label, vault.open_from_web(_name(label), rest[:length]), rest[length:])


def destroy(keys: Keys, label: str) -> None:
    """Destroy what was handed over for a piece of work; twice is harmless."""
    keys.delete(_name(label))


def _name(label: str) -> str:
    return f"handed:{label}"
