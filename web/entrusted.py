"""A mailbox's credentials between the way in and the connected import: sealed, in a store that never persists.

Who types a password, or whose panel sends one along, has no import yet whose key could seal it. So it is wrapped by
the master key, in the key store, for half an hour, and moves under the import's own key when that is connected.
"""

import json
import secrets
from dataclasses import asdict
from typing import cast

from migrator.mailbox import Password
from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.vault import Vault
from web.session import IDLE_SECONDS


def entrust(keys: Keys, vault: Vault, credentials: Password) -> str:
    """Seal credentials and return the name they lie under, 128 random bits.

    Args:
        keys: the key stores.
        vault: wraps them.
        credentials: of the mailbox that was entered.
    """
    reference = secrets.token_hex(16)
    row = json.dumps(asdict(credentials)).encode()
    keys.set(_name(reference), vault.wrap(_name(reference), row), ex=IDLE_SECONDS)
    return reference


def entrusted(keys: Keys, vault: Vault, reference: str) -> Password | None:
    """Return what was sealed under a name; None when its half hour is over, or the key store was restarted."""
    wrapped = cast("bytes | None", keys.get(_name(reference)))
    if wrapped is None:
        return None
    try:
        return Password(**json.loads(vault.unwrap(_name(reference), wrapped)))
    except SealBroken:  # the master key it was wrapped by is gone
        return None


def prolong(keys: Keys, reference: str) -> None:
    """Keep what lies under a name for another half hour; harmless when nothing does."""
    keys.expire(_name(reference), IDLE_SECONDS)


def forget(keys: Keys, reference: str) -> None:
    """Delete what was sealed under a name; twice is harmless."""
    keys.delete(_name(reference))


def _name(reference: str) -> str:
    return f"entrusted:{reference}"
