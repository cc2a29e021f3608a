"""The vault: secrets sealed under a key per migration, and that key destroyed at the end.

A migration's data key is random, wrapped by the master key, and lies in the key store: a Redis that never persists.
Deleting it there makes every sealed value unreadable at once, in every dump, log and backup of the other Redis.

Two classes for two processes. `Vault` is for the long-lived ones: it hands out and destroys keys and never opens a
secret. `Safe` is for the short-lived child that works on one migration: it has that one key and knows no other.
"""

import hashlib
import hmac
from typing import cast

from redis import Redis

from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.sealing import closed, fresh_key, opened

_TTL = 72 * 3600


class Vault:
    """The keys of all migrations.

    Args:
        keys: the key store; must not persist.
        ring: the master keys, which wrap every data key.
    """

    def __init__(self, keys: Redis, ring: KeyRing) -> None:
        self._keys = keys
        self._ring = ring

    def __repr__(self) -> str:
        return "Vault()"

    def make(self, migration: str) -> bytes:
        """Return the migration's data key, 32 bytes; the first call makes it."""
        self._keys.set(_key(migration), self._ring.wrap(_key(migration), fresh_key()), ex=_TTL, nx=True)
        return self.key(migration)

    def key(self, migration: str) -> bytes:
        """Return the migration's data key and put off its end.

        Raises:
            SealBroken: it is destroyed, or lost with the key store.
        """
        wrapped = cast("bytes | None", self._keys.get(_key(migration)))
        if wrapped is None:
            raise SealBroken
        key = self._ring.unwrap(_key(migration), wrapped)
        if self._ring.is_stale(wrapped):  # XX: never bring back a key that was destroyed meanwhile
            self._keys.set(_key(migration), self._ring.wrap(_key(migration), key), ex=_TTL, xx=True)
        self._keys.expire(_key(migration), _TTL)
        return key

    def holds(self, migration: str) -> bool:
        """Tell whether the migration's key still exists."""
        return bool(self._keys.exists(_key(migration)))

    def destroy(self, migration: str) -> None:
        """Destroy the migration's key; twice is harmless."""
        self._keys.delete(_key(migration))

    def wrap(self, label: str, secret: bytes) -> bytes:
        """Seal something small under the master key, for this label only."""
        return self._ring.wrap(label, secret)

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """Return what `wrap` sealed for this label; raise `SealBroken` otherwise."""
        return self._ring.unwrap(label, wrapped)

    def pseudonyms(self, name: str) -> tuple[str, ...]:
        """Return an address's opaque names, one per master key, the newest's first: for look-ups across a rotation."""
        return self._ring.pseudonyms(name)


class Safe:
    """The secrets of one migration, sealed in the state store as the hash `mig:{<id>}:sealed`.

    Args:
        store: the state store.
        migration: its id.
        key: its data key, from the vault.
    """

    def __init__(self, store: Redis, migration: str, key: bytes) -> None:
        self._store = store
        self._migration = migration
        self._key = key

    def __repr__(self) -> str:
        return "Safe()"

    def seal(self, **secrets: bytes) -> None:
        """Seal secrets by field; a field that is there already is replaced."""
        with self._store.pipeline(transaction=True) as both:  # never a sealed value without an end date
            for field, secret in secrets.items():
                both.hset(_sealed(self._migration), field, closed(self._key, secret, self._label(field)))
            both.expire(_sealed(self._migration), _TTL)
            both.execute()

    def open(self, field: str) -> bytes:
        """Return one secret.

        Raises:
            SealBroken: there is none, or it was not sealed under this key for this migration and field.
        """
        sealed = cast("bytes | None", self._store.hget(_sealed(self._migration), field))
        if sealed is None:
            raise SealBroken
        return opened(self._key, sealed, self._label(field))

    @property
    def digest_key(self) -> bytes:
        """The key of the migration's message digests: they cannot be compared with anybody else's."""
        return hmac.digest(self._key, b"digest", hashlib.sha256)

    def _label(self, field: str) -> str:
        return f"{self._migration}/{field}"


def _sealed(migration: str) -> str:
    return f"mig:{{{migration}}}:sealed"


def _key(migration: str) -> str:
    return f"key:{{{migration}}}"
