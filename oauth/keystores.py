"""The key stores: new keys go into the first, and each stays where it was made until it is destroyed.

A key store never writes to disk and has no copy, so it cannot be restarted while anybody needs what it holds. Where it
has to be, a second one is named before it: imports that begin from then on use that one, and the old one drains.

    state store   mig:{<id>}:keystore = "keys-b.lan:6380/0 1795990000"        where this import's key is, since when
    keys-b.lan    key:{<id>}, sealto:{<id>}, shown:{<id>}                     the first of the list: new keys
    keys-a.lan    key:{<other>}                                               asked, and never written to any more

What is kept for minutes and has no import yet (consents, passwords before their import, launches) begins in the first
and is found in each.
"""

import time
from collections.abc import Iterator, Mapping
from typing import cast

from redis import Redis
from redis.exceptions import ConnectionError as StoreAway

TTL = 72 * 3600
"""Seconds a migration's key lives after its last use."""

_NEWS_SECONDS = 3600
"""Whoever does not know a store that others began to use less than this ago has not been told of it yet."""


class KeyStoreUnknown(StoreAway):
    """An import that began just now has its key in a store that this process is not configured with.

    It is waited for, as one that is away; later the key is lost.
    """

    def __init__(self) -> None:
        super().__init__("a key store that is not in store.keys_url")


class KeyStores:
    """All of them, the one for new keys first.

    Args:
        stores: clients by name; the names hold no password, and stay the same in whatever order the stores are.
        state: the state store, where is written down which one holds a migration's key; None: each is asked.
    """

    def __init__(self, stores: Mapping[str, Redis], state: Redis | None = None) -> None:
        self._stores = dict(stores)
        self._state = state

    def __repr__(self) -> str:
        return "KeyStores()"

    def items(self) -> Iterator[tuple[str, Redis]]:
        """Yield names and clients, the first store's first."""
        yield from self._stores.items()

    @property
    def every(self) -> tuple[Redis, ...]:
        """Their clients, the first store's first."""
        return tuple(self._stores.values())

    def close(self) -> None:
        """Close all connections."""
        for store in self.every:
            store.close()

    def assign(self, migration: str) -> Redis:
        """Write down that a migration's key will be in the first store, and return that one."""
        name, first = next(self.items())
        if self._state is not None:
            self._state.set(whereabouts(migration), f"{name} {time.time():.0f}", ex=TTL)
        return first

    def holding(self, migration: str) -> Redis | None:
        """Return the store that a migration's key was put into; None where it is none of ours, or nobody has made one.

        Raises:
            KeyStoreUnknown: it is in a store that this process has not been told of yet.
        """
        told = None if self._state is None else cast("bytes | None", self._state.get(whereabouts(migration)))
        if told is None:  # nobody wrote it down: it began before stores had names
            return self._found(key_name(migration))
        name, since = place_in(told)
        if name not in self._stores and time.time() - since < _NEWS_SECONDS:
            raise KeyStoreUnknown
        return self._stores.get(name)

    def set(self, name: str, value: str | bytes, *, ex: int, nx: bool = False) -> object:
        """Put something into the first store; with `nx` unless one of them holds it, as redis-py has it."""
        if nx and self._found(name) is not None:
            return None
        return self.every[0].set(name, value, ex=ex, nx=nx)

    def get(self, name: str) -> bytes | None:
        """Return what one of them holds under a name."""
        return next((held for store in self.every if (held := cast("bytes | None", store.get(name))) is not None), None)

    def getdel(self, name: str) -> bytes | None:
        """Take what one of them holds under a name out of it."""
        taken = (cast("bytes | None", store.getdel(name)) for store in self.every)
        return next((held for held in taken if held is not None), None)

    def expire(self, name: str, seconds: int) -> None:
        """Put off the end of what is held under a name."""
        for store in self.every:
            store.expire(name, seconds)

    def delete(self, name: str) -> None:
        """Delete what is held under a name."""
        for store in self.every:
            store.delete(name)

    def _found(self, name: str) -> Redis | None:
        return next((store for store in self.every if store.exists(name)), None)


Keys = Redis | KeyStores
"""One key store, or all of them."""


def key_name(migration: str) -> str:
    """Return the name under which the private half of a migration's pair lies, its key."""
    return f"key:{{{migration}}}"


def seal_to_name(migration: str) -> str:
    """Return the name under which the public half of a migration's pair lies."""
    return f"sealto:{{{migration}}}"


def shown_name(migration: str) -> str:
    """Return the name under which the key lies of what pages show of a migration."""
    return f"shown:{{{migration}}}"


def names_of(migration: str) -> tuple[str, str, str]:
    """Return the names of all that a key store holds for a migration: key, public half, key of what is shown."""
    return key_name(migration), seal_to_name(migration), shown_name(migration)


def whereabouts(migration: str) -> str:
    """Return the name under which the state store says where a migration's key lies."""
    return f"mig:{{{migration}}}:keystore"


def place_in(told: bytes) -> tuple[str, float]:
    """Read that: the store's name, and since when (seconds since the epoch)."""
    name, _, since = told.decode().rpartition(" ")
    return name, float(since)
