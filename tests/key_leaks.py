"""A search for keys that nobody would ever remove, or that the retention table does not know."""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from jobs.kept import Until, Where
from jobs.retention import row_for


def leaks(redis: Redis, where: Where | None = None) -> list[str]:
    """Name every key of the database that has no row in the retention table or no end date.

    `where` says which store of an installation it is: then only its own rows will do, and no end may be later than the
    row allows. (Tests of single steps give them a time of their own, in the future.)
    """
    client: Any = redis
    names = [name.decode() if isinstance(name, bytes) else name for name in client.scan_iter(count=1000)]
    return sorted(f"{name}: {fault}" for name in names for fault in _faults(client, name, where))


def _faults(client: Any, name: str, where: Where | None) -> Iterator[str]:
    row, seconds = row_for(name, where), client.ttl(name)
    if row is None:
        yield "not in the table"
    if seconds == -1 and not (row and row.until is Until.TAKEN):
        yield "no end date"
    if where and row is not None and row.until.longest is not None and seconds > row.until.longest:
        yield f"ends later than {row.until}"
