"""The vault: secrets sealed under a key per migration, and that key destroyed at the end.

A migration's data key is random, wrapped by the master key, and lies in a key store: a Redis that never persists
(`oauth.keystores` says in which one). Deleting it there makes every sealed value unreadable at once, in every dump, log
and backup of the state store.

Two classes for two processes. `Vault` is for the long-lived ones: it hands out and destroys keys and never opens a
secret. `Safe` is for the short-lived child that works on one migration: it has that one key and knows no other.
"""

import hashlib
import hmac
from contextlib import suppress
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.keystores import TTL, Keys, KeyStores, key_name
from oauth.sealing import closed, fresh_key, opened


class Vault:
    """The keys of all migrations.

    Args:
        keys: the key stores, or the one there is; must not persist.
        ring: the master keys, which wrap every data key.
    """

    def __init__(self, keys: Keys, ring: KeyRing) -> None:
        self._keys = keys if isinstance(keys, KeyStores) else KeyStores({"": keys})
        self._ring = ring

    def __repr__(self) -> str:
        return "Vault()"

    def make(self, migration: str) -> bytes:
        """Return the migration's data key, 32 bytes; the first call makes it."""
        name, store = key_name(migration), self._keys.holding(migration)
        if store is None or not store.exists(name):
            store = self._keys.assign(migration)
            store.set(name, self._ring.wrap(name, fresh_key()), ex=TTL, nx=True)
        return self.key(migration)

    def key(self, migration: str) -> bytes:
        """Return the migration's data key and put off its end.

        Raises:
            SealBroken: it is destroyed, or lost with its key store.
            redis.RedisError: that store is away, or this process has not been told of it yet.
        """
        name, store = key_name(migration), self._keys.holding(migration)
        wrapped = cast("bytes | None", store.get(name)) if store is not None else None
        if store is None or wrapped is None:
            raise SealBroken
        key = self._ring.unwrap(name, wrapped)
        if self._ring.is_stale(wrapped):  # XX: never bring back a key that was destroyed meanwhile
            store.set(name, self._ring.wrap(name, key), ex=TTL, xx=True)
        store.expire(name, TTL)
        return key

    def holds(self, migration: str) -> bool:
        """Tell whether the migration's key still exists."""
        store = self._keys.holding(migration)
        return store is not None and bool(store.exists(key_name(migration)))

    def destroy(self, migration: str) -> None:
        """Destroy the migration's key; twice is harmless. No other store has one, but each that answers is asked."""
        named = self._keys.holding(migration)
        if named is not None:
            named.delete(key_name(migration))
        for store in self._keys.every:
            with suppress(RedisError):
                store.delete(key_name(migration))

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
            both.expire(_sealed(self._migration), TTL)
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
