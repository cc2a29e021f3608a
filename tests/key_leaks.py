"""A search for keys that nobody would ever remove, or that the retention table does not know."""

from typing import Any

from redis import Redis

from jobs.retention import row_for


def leaks(redis: Redis) -> list[str]:
    """Name every key of the database that has no end date or no row in the retention table."""
    client: Any = redis
    names = [name.decode() if isinstance(name, bytes) else name for name in client.scan_iter(count=1000)]
    return sorted(_faults(client, names))


def _faults(client: Any, names: list[str]) -> list[str]:
    return [
        f"{name}: {fault}"
        for name in names
        for fault, there in (("no end date", client.ttl(name) == -1), ("not in the table", row_for(name) is None))
        if there
    ]
