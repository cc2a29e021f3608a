"""Whose migrations are whose: by the customer's id in each record, the one place where a customer meets an id."""

from collections.abc import Iterator
from typing import cast

from redis import Redis

from jobs import requests
from jobs.errors import UnknownMigration
from jobs.migration import Migration, record_key

_AT_ONCE = 1000


def migration_of(redis: Redis, customer: str, migration_id: str) -> Migration:
    """Return a customer's migration.

    Raises:
        UnknownMigration: there is none with this id, or it is another customer's; nobody can tell which.
    """
    found = requests.read(redis, migration_id)
    if found.customer != customer:
        raise UnknownMigration
    return found


def migrations_of(redis: Redis, *customers: str) -> tuple[Migration, ...]:
    """Return the migrations of one customer (under each of his ids), the newest first.

    It asks every record for its customer, a thousand at a time: there is no index.
    """
    ids = requests.migration_ids(redis)
    found = filter(None, (_read(redis, migration_id) for migration_id in _ids_of(redis, ids, frozenset(customers))))
    return tuple(sorted(found, key=lambda migration: (-migration.created_at, migration.id)))


def _ids_of(redis: Redis, ids: tuple[str, ...], customers: frozenset[str]) -> Iterator[str]:
    wanted = {customer.encode() for customer in customers}
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        with redis.pipeline(transaction=False) as asked:
            for migration_id in some:
                asked.hget(record_key(migration_id), "customer")
            answers = cast("list[bytes | None]", asked.execute())
        yield from (migration_id for migration_id, customer in zip(some, answers, strict=True) if customer in wanted)


def _read(redis: Redis, migration_id: str) -> Migration | None:
    try:
        return requests.read(redis, migration_id)
    except UnknownMigration:  # purged just now
        return None
