"""How many imports have their keys in which key store, and so when one may be stopped."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from jobs import exchanges, requests
from oauth.keystores import KeyStores, key_name, names_of, place_in, whereabouts

_AT_ONCE = 1000
_NO_KEY = -2
"""Redis' answer to TTL."""


@dataclass(frozen=True, slots=True)
class Drain:
    """How one key store stands.

    Attributes:
        name: its address, without a password.
        known: it is in the configuration; of any other only the state store tells.
        first: it takes new keys.
        imports: the imports (and accounts being connected) whose keys it holds; None where it does not answer.
        others: what else it holds for minutes: consents, passwords before their import; None where it does not tell.
    """

    name: str
    known: bool = True
    first: bool = False
    imports: int | None = None
    others: int | None = None

    @property
    def may_be_stopped(self) -> bool:
        """True if nobody needs it any more."""
        return self.known and not self.first and (self.imports, self.others) == (0, 0)


def drains(state: Redis, stores: KeyStores) -> tuple[Drain, ...]:
    """Return how each key store stands, the first one first, then those that imports name and nobody is told of.

    Raises:
        redis.RedisError: the state store is away.
    """
    ids = (*requests.migration_ids(state), *(one.id for one in exchanges.every(state)))
    found = [_looked(name, store, ids, first=place == 0) for place, (name, store) in enumerate(stores.items())]
    named = Counter(name for some in _pages(ids) for name in _named(state, some))
    unknown = (name for name in named if name not in {one.name for one in found})
    return (*found, *(Drain(name, known=False, imports=named[name]) for name in sorted(unknown)))


def _looked(name: str, store: Redis, ids: Sequence[str], *, first: bool) -> Drain:
    try:
        held = [_held(store, some) for some in _pages(ids)]
        imports, keys = (sum(counts) for counts in zip(*held, strict=True)) if held else (0, 0)
        return Drain(name, first=first, imports=imports, others=_others(store, keys))
    except RedisError:
        return Drain(name, first=first)


def _held(store: Redis, ids: Sequence[str]) -> tuple[int, int]:
    """Return how many of these imports have keys there, and how many keys."""
    names = [name for one in ids for name in names_of(one)]
    with store.pipeline(transaction=False) as asked:
        for name in names:
            asked.ttl(name)  # what the console's user may ask of every key
        there = {name for name, seconds in zip(names, asked.execute(), strict=True) if seconds != _NO_KEY}
    return sum(key_name(one) in there for one in ids), len(there)


def _others(store: Redis, keys: int) -> int | None:
    try:
        return max(0, int(store.dbsize()) - keys)
    except NoPermissionError:
        return None


def _named(state: Redis, ids: Sequence[str]) -> list[str]:
    rows = cast("list[bytes | None]", state.mget([whereabouts(one) for one in ids]))
    return [place_in(row)[0] for row in rows if row]


def _pages(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE)]
