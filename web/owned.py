"""Whose migrations are whose: by the customer's id in each record, the one place where a customer meets an id."""

from redis import Redis

from jobs import requests
from jobs.errors import UnknownMigration
from jobs.migration import Migration


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

    The list says where to look; whose a migration is, its record says.
    """
    found = requests.read_all(redis, requests.ids_of(redis, *customers))
    theirs = (migration for migration in found if migration.customer in customers)
    return tuple(sorted(theirs, key=lambda migration: (-migration.created_at, migration.id)))
