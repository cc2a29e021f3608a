"""What is held right now, by row of the retention table: numbers of keys and bytes, never a key's name or content."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from redis import Redis

from jobs import audit
from jobs.audit.places import end_date
from jobs.kept import Kept, Until, Where
from jobs.migration import record_key
from jobs.retention import KEPT, REWRITE_WISH, migration_families, migration_parts, row_for
from jobs.scripts import decoded
from oauth.keystores import KeyStores, names_of

_PAGE = 1000
_NO_END = -1
_BESIDE = frozenset({"account:*", "jobs:of:*"})
"""Rows of keys that tell of a migration and have another name than its own."""

REWRITE_SECONDS = 60
"""A rewrite of the log that was asked for is done within this time, unless the store is away."""

Stores = Mapping[Where, Redis | KeyStores]
"""A client for each store that is looked into, or those of all key stores."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one row of the table stands for at present: keys, and the bytes they take in the store's memory."""

    row: Kept
    keys: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The rows in the table's order; and how many keys are in no row (`outside`) or have no end date (`endless`)."""

    rows: tuple[Held, ...]
    outside: int
    endless: int

    @property
    def keys(self) -> int:
        """All keys of all rows."""
        return sum(held.keys for held in self.rows)


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held about one customer's import, in the table's words; no key has a name here.

    `bytes` is memory in the store; `until` is the latest end, in seconds since the epoch.
    """

    holds: str
    where: str
    sight: str
    why: str
    ends: str
    bytes: int
    until: int


@dataclass(frozen=True, slots=True)
class _Key:
    row: Kept | None
    bytes: int
    seconds: int


def overview(stores: Stores) -> Overview:
    """Look at every key of every store; reads each store page by page and blocks none.

    Raises:
        redis.RedisError: a store is away, or does not allow SCAN, TTL or MEMORY USAGE.
    """
    rows = tuple(row for row in KEPT if row.where is not Where.FILES)
    every = [(where, client) for where in stores for client in clients_of(stores, where)]
    return _summed(rows, *(_keys(client, where, client.scan_iter(count=_PAGE)) for where, client in every))


def overview_of(stores: Stores, migration_id: str) -> Overview:
    """Look at the keys of one migration: its record and parts, its account's hold, its customer's list, its key.

    Raises:
        redis.RedisError: a store is away, or does not allow TTL or MEMORY USAGE.
    """
    rows = tuple(row for row in KEPT if "<id>" in row.pattern or row.pattern in _BESIDE)
    return _summed(rows, _keys_of(stores, migration_id))


def held_of(stores: Stores, migration_id: str, *, now: float | None = None) -> tuple[Holding, ...]:
    """Return what is held about one import right now, for its customer; rows of which nothing is held are left out.

    Beside what the stores hold of it there may be: its entries in the audit log, which hold no personal data, and,
    until the log of the state store is rewritten, what was unlinked a moment ago (a row with 0 bytes).

    Raises:
        redis.RedisError: a store is away, or does not allow TTL or MEMORY USAGE.
        AuditBroken: the audit log cannot be read.
    """
    at = time.time() if now is None else now
    sizes: Counter[Kept] = Counter()
    ends: dict[Kept, int] = {}
    (state,) = clients_of(stores, Where.STATE)
    for key in chain(_keys_of(stores, migration_id), _audited(state, migration_id, at)):
        if key.row:
            sizes[key.row] += key.bytes
            ends[key.row] = max(ends.get(key.row, 0), int(at) + key.seconds)
    if state.exists(REWRITE_WISH):
        log = next(row for row in KEPT if row.until is Until.REWRITE)
        sizes[log], ends[log] = 0, int(at) + REWRITE_SECONDS
    return tuple(_holding(row, sizes[row], ends[row]) for row in KEPT if row in ends)


def _holding(row: Kept, size: int, until: int) -> Holding:
    return Holding(row.holds, str(row.where), str(row.sight), row.why, str(row.until), size, until)


def _audited(state: Redis, migration_id: str, at: float) -> Iterator[_Key]:
    row = next(row for row in KEPT if row.until is Until.AUDIT)
    for entry in audit.entries(state, migration_id):
        yield _Key(row, len(entry.line), end_date(entry.at) - int(at))


def _keys_of(stores: Stores, migration_id: str) -> Iterator[_Key]:
    (state,) = clients_of(stores, Where.STATE)
    wrapped = (_keys(client, Where.KEYS, names_of(migration_id)) for client in clients_of(stores, Where.KEYS))
    return chain(_keys(state, Where.STATE, _names(state, migration_id)), *wrapped)


def clients_of(stores: Stores, where: Where) -> tuple[Redis, ...]:
    """Return the client of a store, or those of all key stores."""
    store = stores[where]
    return store.every if isinstance(store, KeyStores) else (store,)


def _names(state: Redis, migration_id: str) -> Iterator[str]:
    record = record_key(migration_id)
    yield record
    yield from (f"{record}:{part}" for part in migration_parts())
    for family, index in migration_families().items():
        yield from (f"{record}:{family}{decoded(field)}" for field in _any(state).hkeys(f"{record}:{index}"))
    customers = f"jobs:of:{decoded(_any(state).hget(record, 'customer'))}"
    if _any(state).zscore(customers, migration_id) is not None:
        yield customers
    account = _any(state).get(f"{record}:account")
    hold = f"account:{decoded(account)}"
    if account is not None and _any(state).get(hold) == migration_id.encode():
        yield hold


def _keys(store: Redis, where: Where, names: Iterable[object]) -> Iterator[_Key]:
    """Yield what is to be known of each key that is still there."""
    every = map(decoded, names)
    while page := list(islice(every, _PAGE)):
        with store.pipeline(transaction=False) as look:
            for name in page:
                look.memory_usage(name)
                look.ttl(name)
            answers = iter(look.execute())
        for name, (size, seconds) in zip(page, zip(answers, answers, strict=True), strict=True):
            if size is not None:
                yield _Key(row_for(name, where), int(size), int(seconds))


def _summed(rows: tuple[Kept, ...], *found: Iterable[_Key]) -> Overview:
    keys: Counter[Kept | None] = Counter()
    sizes: Counter[Kept | None] = Counter()
    endless = 0
    for key in chain(*found):
        keys[key.row] += 1
        sizes[key.row] += key.bytes
        endless += key.seconds == _NO_END and not (key.row and key.row.until is Until.TAKEN)
    return Overview(tuple(Held(row, keys[row], sizes[row]) for row in rows), outside=keys[None], endless=endless)


def _any(redis: Redis) -> Any:  # redis-py's answers are typed for both its worlds
    return redis
