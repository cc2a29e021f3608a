"""The hosts that processes working for a migration connected to: noted as it happens, for its receipt.

And which of the mail server's addresses served, so that the next slice begins with it.
"""

from typing import cast

from redis import Redis

from jobs.migration import part_key
from jobs.retention import UNFINISHED_SECONDS


def note_contact(redis: Redis, migration_id: str, place: str) -> None:
    """Note a `host:port` that is being connected to."""
    part = part_key(migration_id, "hosts")
    with redis.pipeline(transaction=True) as both:  # never a set without an end date
        both.sadd(part, place)
        both.expire(part, UNFINISHED_SECONDS)
        both.execute()


def note_served(redis: Redis, migration_id: str, address: str) -> None:
    """Note the mail server's address that let us in."""
    redis.set(part_key(migration_id, "served"), address, ex=UNFINISHED_SECONDS)


def served_by(redis: Redis, migration_id: str) -> str:
    """Return the address that let us in last; empty where none has."""
    held = cast("bytes | None", redis.get(part_key(migration_id, "served")))
    return held.decode() if held else ""
