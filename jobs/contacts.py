"""The hosts that processes working for a migration connected to: noted as it happens, for its receipt."""

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
