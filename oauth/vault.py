"""The vault: secrets sealed under a key per migration, and that key destroyed at the end.

A migration's data key is random, wrapped by the master key, and lies in the key store: a Redis that never persists.
Deleting it there makes every sealed value unreadable at once, in every dump, log and backup of the other Redis.
AES-256-GCM (NIST SP 800-38D); the associated data binds a value to its migration and field.
"""

import hashlib
import hmac
import os
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis import Redis

from oauth.errors import SealBroken

_NONCE = 12
_TTL = 72 * 3600


class Vault:
    """Seals and opens a migration's secrets.

    Args:
        store: where sealed values lie (`mig:{id}:sealed`).
        keys: the key store; must not persist.
        master: 32 bytes that wrap every data key.
    """

    def __init__(self, store: "Redis", keys: "Redis", master: bytes) -> None:
        self._store = store
        self._keys = keys
        self._master = master

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, migration: str, **secrets: bytes) -> None:
        """Seal secrets under the migration's key, which is made at the first call."""
        key = self._data_key(migration, make=True)
        with self._store.pipeline(transaction=True) as both:  # never a sealed value without an end date
            for field, secret in secrets.items():
                both.hset(_sealed(migration), field, _closed(key, secret, _bound(migration, field)))
            both.expire(_sealed(migration), _TTL)
            both.execute()

    def open(self, migration: str, field: str) -> bytes:
        """Return one secret.

        Raises:
            SealBroken: the key is destroyed, or the value was not sealed for this migration and field.
        """
        sealed = cast("bytes | None", self._store.hget(_sealed(migration), field))
        if sealed is None:
            raise SealBroken
        return _opened(self._data_key(migration), sealed, _bound(migration, field))

    def digest_key(self, migration: str) -> bytes:
        """Return the key of the migration's message digests: they cannot be compared with anybody else's."""
        return hmac.digest(self._data_key(migration), b"digest", hashlib.sha256)

    def pseudonym(self, name: str) -> str:
        """Return a stable opaque name for an address, for keys that several migrations share."""
        return hmac.digest(self._master, b"pseudonym:" + name.lower().encode(), hashlib.sha256).hex()[:32]

    def holds(self, migration: str) -> bool:
        """Tell whether the migration's key still exists."""
        return bool(self._keys.exists(_key(migration)))

    def shred(self, migration: str) -> None:
        """Destroy the migration's key first, then remove what it had sealed."""
        self._keys.delete(_key(migration))
        self._store.unlink(_sealed(migration))

    def _data_key(self, migration: str, *, make: bool = False) -> bytes:
        wrapped = cast("bytes | None", self._keys.get(_key(migration)))
        if wrapped is None and make:
            fresh = _closed(self._master, os.urandom(32), _bound(migration, "key"))
            self._keys.set(_key(migration), fresh, ex=_TTL, nx=True)
            wrapped = cast("bytes | None", self._keys.get(_key(migration)))
        if wrapped is None:
            raise SealBroken
        self._keys.expire(_key(migration), _TTL)
        return _opened(self._master, wrapped, _bound(migration, "key"))


def _closed(key: bytes, secret: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret, bound)


def _opened(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken from None


def _bound(migration: str, field: str) -> bytes:
    return f"{migration}/{field}".encode()


def _sealed(migration: str) -> str:
    return f"mig:{{{migration}}}:sealed"


def _key(migration: str) -> str:
    return f"key:{{{migration}}}"
