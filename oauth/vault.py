"""The vault: secrets sealed to a key pair per migration, and its private half destroyed at the end.

A migration's pair is made once. The private half is sealed to the workers' public key, and lies in a key store: a Redis
that never persists (`oauth.keystores` says in which one). Deleting it there makes every sealed value unreadable at
once, in every dump, log and backup of the state store. The public half lies beside it, and is all that sealing needs.

    key:{<id>}      the private half, sealed to the workers: they alone open what is sealed for the import
    sealto:{<id>}   the public half   } wrapped by the master key: for pages and commands, and nobody who writes
    shown:{<id>}    a key for pages   } into the store alone can put another in its place

They are made and destroyed together. Which class a process has says what it can do: `Vault` makes and destroys keys,
and opens nothing; `WorkersVault` hands out private halves. `Sealer` seals for one migration; `Safe`, for the
short-lived child that works on it, opens as well, and knows no other.
"""

import hashlib
import hmac
from contextlib import suppress
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.keystores import TTL, Keys, KeyStores, key_name, names_of, seal_to_name, shown_name
from oauth.sealing import KEY_BYTES, closed_to, fresh_key, opened, opened_by, public_half
from oauth.workerskeys import WorkersKeys, WorkersPublicKey


class Vault:
    """The keys of all migrations, for whoever seals, asks and destroys.

    Args:
        keys: the key stores, or the one there is; must not persist.
        ring: the master keys.
        workers: the workers' public key.
    """

    def __init__(self, keys: Keys, ring: KeyRing, workers: WorkersPublicKey) -> None:
        self._keys = keys if isinstance(keys, KeyStores) else KeyStores({"": keys})
        self._ring = ring
        self._workers = workers

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def make(self, migration: str, private: bytes = b"") -> bytes:
        """Return the public half of the migration's pair, 32 bytes; the first call makes it.

        `private`: a fresh private half, for a caller who keeps it himself while what it opens is used and ended in his
        own process. Without it nobody but the workers has one.
        """
        store, names = self._keys.holding(migration), names_of(migration)
        found = store.exists(*names) if store is not None else 0
        if store is not None and 0 < found < len(names):  # of before there were pairs; nothing can be sealed for it
            store.delete(*names)
        if found < len(names):
            store = self._keys.assign(migration)
            self._put(store, migration, private or fresh_key())
        return self.seal_to(migration)

    def seal_to(self, migration: str) -> bytes:
        """Return the public half of the migration's pair, and put off its end.

        Raises:
            SealBroken: the pair is destroyed, or lost with its key store, or was made before there were pairs.
            redis.RedisError: that store is away, or this process has not been told of it yet.
        """
        return self._used(migration, seal_to_name(migration))[:KEY_BYTES]

    def make_again(self, migration: str) -> bytes:
        """Return the public half of a pair for a migration whose key a worker could not open.

        A new pair, unless somebody has made one since for the workers as they are now.
        """
        try:
            told = self._used(migration, seal_to_name(migration))
        except SealBroken:  # there is none, or the master key that wrapped it is gone
            told = b""
        if told[KEY_BYTES:] != self._workers.id.encode():
            self.destroy(migration)
        return self.make(migration)

    def shown_key(self, migration: str) -> bytes:
        """Return the key of what pages show of a migration, which opens nothing else; errors as of `seal_to`."""
        return self._used(migration, shown_name(migration))

    def is_usable(self, migration: str) -> bool:
        """True if secrets can be sealed for the migration."""
        store = self._keys.holding(migration)
        return store is not None and store.exists(*names_of(migration)) == len(names_of(migration))

    def holds(self, migration: str) -> bool:
        """Tell whether the migration's key still exists."""
        store = self._keys.holding(migration)
        return store is not None and bool(store.exists(key_name(migration)))

    def destroy(self, migration: str) -> None:
        """Destroy the migration's keys; twice is harmless. No other store has any, but each that answers is asked."""
        named = self._keys.holding(migration)
        if named is not None:
            named.delete(*names_of(migration))
        for store in self._keys.every:
            with suppress(RedisError):
                store.delete(*names_of(migration))

    def seal_for_workers(self, label: str, secret: bytes) -> bytes:
        """Seal something small that a worker alone can open, for this label only."""
        return self._workers.seal(label, secret)

    def wrap(self, label: str, secret: bytes) -> bytes:
        """Seal something small under the master key, for this label only."""
        return self._ring.wrap(label, secret)

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """Return what `wrap` sealed for this label; raise `SealBroken` otherwise."""
        return self._ring.unwrap(label, wrapped)

    def pseudonyms(self, name: str) -> tuple[str, ...]:
        """Return an address's opaque names, one per master key, the newest's first: for look-ups across a rotation."""
        return self._ring.pseudonyms(name)

    def _put(self, store: Redis, migration: str, private: bytes) -> None:
        """Put all keys of a migration into a store at once, unless somebody was quicker."""
        key, seal_to, shown = names_of(migration)
        kept = {
            key: self._workers.seal(key, private),
            seal_to: self._ring.wrap(seal_to, self._told(private)),
            shown: self._ring.wrap(shown, fresh_key()),
        }
        with store.pipeline(transaction=True) as together:
            together.msetnx(kept)
            _put_off(together, migration)
            together.execute()

    def _told(self, private: bytes) -> bytes:
        """Return the public half, and for which of the workers' keys the private one is sealed."""
        return public_half(private) + self._workers.id.encode()

    def _used(self, migration: str, name: str) -> bytes:
        store = self._store(migration)
        secret = self._unwrapped(store, name)
        _put_off(store, migration)
        return secret

    def _unwrapped(self, store: Redis, name: str) -> bytes:
        """Return what the master key wrapped, and have the newest one wrap it."""
        wrapped = _value(store, name)
        secret = self._ring.unwrap(name, wrapped)
        if self._ring.is_stale(wrapped):  # XX: never bring back a key that was destroyed meanwhile
            store.set(name, self._ring.wrap(name, secret), ex=TTL, xx=True)
        return secret

    def _store(self, migration: str) -> Redis:
        store = self._keys.holding(migration)
        if store is None:
            raise SealBroken
        return store


class WorkersVault(Vault):
    """The same with the workers' private keys: hands out what opens a migration's secrets."""

    def __init__(self, keys: Keys, ring: KeyRing, private: WorkersKeys) -> None:
        super().__init__(keys, ring, private.public)
        self._private = private

    def key(self, migration: str) -> bytes:
        """Return the private half of the migration's pair, 32 bytes, and put off its end; errors as of `seal_to`.

        The newest keys of the workers and of the service seal and wrap what older ones did: those can go then.
        """
        name, *others = names_of(migration)
        store = self._store(migration)
        sealed = _value(store, name)
        private = self._opened(name, sealed)
        if self._workers.is_stale(sealed):
            self._seal_anew(store, migration, private)
        for other in others:
            self._unwrapped(store, other)
        _put_off(store, migration)
        return private

    def open_from_web(self, label: str, sealed: bytes) -> bytes:
        """Return what `seal_for_workers` sealed for this label; raise `SealBroken` otherwise."""
        return self._private.open(label, sealed)

    def _seal_anew(self, store: Redis, migration: str, private: bytes) -> None:
        """Seal it to the newest of the workers' keys; one of the version before is given the rest as well."""
        key, seal_to, shown = names_of(migration)
        store.set(seal_to, self._ring.wrap(seal_to, self._told(private)), ex=TTL)
        store.set(shown, self._ring.wrap(shown, fresh_key()), ex=TTL, nx=True)
        if not store.set(key, self._workers.seal(key, private), ex=TTL, xx=True):  # destroyed meanwhile
            store.delete(*names_of(migration))

    def _opened(self, name: str, sealed: bytes) -> bytes:
        try:
            return self._private.open(name, sealed)
        except SealBroken:  # by the version before, which had a key in the place of a pair, wrapped by the master key
            return self._ring.unwrap(name, sealed)


def _value(store: Redis, name: str) -> bytes:
    value = cast("bytes | None", store.get(name))
    if value is None:
        raise SealBroken
    return value


def _put_off(store: Redis, migration: str) -> None:
    for name in names_of(migration):
        store.expire(name, TTL)


class Sealer:
    """Seals secrets of one migration, in the state store's hash `mig:{<id>}:sealed`, and opens none.

    Args:
        store: the state store.
        migration: its id.
        public: the public half of its pair, from the vault.
    """

    def __init__(self, store: Redis, migration: str, public: bytes) -> None:
        self._store = store
        self._migration = migration
        self._public = public

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def seal(self, **secrets: bytes) -> None:
        """Seal secrets by field; a field that is there already is replaced."""
        put(self._store, self._migration, {name: self._closed(name, secret) for name, secret in secrets.items()})

    def _closed(self, field: str, secret: bytes) -> bytes:
        return closed_to(self._public, secret, label_of(self._migration, field))


class Safe(Sealer):
    """The secrets of one migration, for who may open them.

    Args:
        store: the state store.
        migration: its id.
        key: the private half of its pair, from the vault of a worker.
    """

    def __init__(self, store: Redis, migration: str, key: bytes) -> None:
        super().__init__(store, migration, public_half(key))
        self._key = key

    def open(self, field: str) -> bytes:
        """Return one secret.

        Raises:
            SealBroken: there is none, or it was not sealed to this key for this migration and field.
        """
        sealed, label = sealed_in(self._store, self._migration, field), label_of(self._migration, field)
        try:
            return opened_by(self._key, sealed, label)
        except SealBroken:  # by the version before, under the key itself
            return opened(self._key, sealed, label)

    @property
    def digest_key(self) -> bytes:
        """The key of the migration's message digests: they cannot be compared with anybody else's."""
        return hmac.digest(self._key, b"digest", hashlib.sha256)


def put(store: Redis, migration: str, sealed: dict[str, bytes]) -> None:
    """Put sealed values by field into a migration's hash, which never is without an end date."""
    with store.pipeline(transaction=True) as both:
        for field, value in sealed.items():
            both.hset(_hash(migration), field, value)
        both.expire(_hash(migration), TTL)
        both.execute()


def sealed_in(store: Redis, migration: str, field: str) -> bytes:
    """Return a sealed value of a migration as it lies there; raise `SealBroken` where there is none."""
    sealed = cast("bytes | None", store.hget(_hash(migration), field))
    if sealed is None:
        raise SealBroken
    return sealed


def label_of(migration: str, field: str) -> str:
    """Return the label that a field's value is sealed for."""
    return f"{migration}/{field}"


def _hash(migration: str) -> str:
    return f"mig:{{{migration}}}:sealed"
