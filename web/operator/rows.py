"""One import as operators see it in a list: out of its record and the name of its mail server, and nothing else."""

from collections.abc import Iterable

from jobs.migration import Migration, State
from jobs.selecting import hosts_of
from web.operator.models import ImportRow, code_of, megabytes_of, time_of
from web.operator.rooms import Rooms

_HELD_UP = frozenset({State.WAITING, State.PAUSED, State.FAILED})


def rows_of(rooms: Rooms, migrations: Iterable[Migration]) -> tuple[ImportRow, ...]:
    """Return the rows of a list, in its order."""
    listed = tuple(migrations)
    hosts = hosts_of(rooms.state, [one.id for one in listed], rooms.host_of)
    return tuple(row_of(rooms, one, hosts[one.id]) for one in listed)


def row_of(rooms: Rooms, migration: Migration, host: str) -> ImportRow:
    """Return what is told of one import; a reason is told while it holds the import up."""
    code = code_of(migration.reason) if migration.state in _HELD_UP else ""
    return ImportRow(
        id=migration.id,
        customer=migration.customer,
        host=host,
        state=migration.state,
        phase=migration.phase,
        code=code,
        sentence=rooms.sentence(code),
        resumable=migration.resumable,
        running=migration.running,
        wish=migration.wish,
        goes_on_at=time_of(migration.until) if migration.state is State.WAITING else None,
        created_at=time_of(migration.created_at),
        progress_at=time_of(migration.progress_at),
        ended_at=time_of(migration.ended_at),
        megabytes=megabytes_of(migration.shown_bytes),
    )
