"""A secret handed over by the web server to the workers: sealed, in the key store, until a date.

    web server   hand_over ──► handed:<label> ──► take   worker, as often as the work is begun anew
                                             └──► destroy   when it has ended

The web server puts one there and never reads it back: its user of the key store may set these keys and no more.
"""

from typing import cast

from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.vault import Vault


def hand_over(keys: Keys, vault: Vault, label: str, secret: bytes, seconds: int) -> None:
    """Seal a secret for a piece of work; what was handed over for it before is replaced.

    Args:
        keys: the key stores.
        vault: seals it.
        label: which work it is for.
        secret: some hundred bytes.
        seconds: it ends by itself after so long.
    """
    keys.set(_name(label), vault.wrap(_name(label), secret), ex=seconds)


def take(keys: Keys, vault: Vault, label: str) -> bytes:
    """Return what was handed over for a piece of work; it stays until it is destroyed or its time is over.

    Raises:
        SealBroken: there is nothing, or it was sealed for another label.
    """
    sealed = cast("bytes | None", keys.get(_name(label)))
    if sealed is None:
        raise SealBroken
    return vault.unwrap(_name(label), sealed)


def destroy(keys: Keys, label: str) -> None:
    """Destroy what was handed over for a piece of work; twice is harmless."""
    keys.delete(_name(label))


def _name(label: str) -> str:
    return f"handed:{label}"
