"""What is held right now, by row of the retention table: keys and memory, never a name or content."""

from fastapi import APIRouter, Response

from jobs.overview import Held, Overview, overview
from web.operator.doors import Console
from web.operator.models import time_of
from web.operator.records import DataPage, DataRow
from web.operator.rights import Viewer, Watcher
from web.operator.slow import Slow
from web.operator.telling import told

LOOK_SECONDS = 60
_PATIENCE_SECONDS = 1.0
_MEGABYTE = 1_000_000


def data_routes(console: Console) -> APIRouter:
    """Return the routes of what is held, and of its live part."""
    routes = APIRouter()
    rooms = console.rooms
    held = Slow("data", lambda: overview(rooms.stores), LOOK_SECONDS)

    def now() -> DataPage:
        held.look()
        held.wait(_PATIENCE_SECONDS)
        return data_page(held)

    @routes.get("/data")
    def page(member: Viewer) -> Response:
        return told(console, "data.html", member, "data", now())

    @routes.get("/data/live")
    def live(member: Watcher) -> Response:
        return told(console, "_data.html", member, "data", now())

    return routes


def data_page(held: Slow[Overview]) -> DataPage:
    """Return what was found last."""
    found = held.last
    if found is None:
        return DataPage(at=None, seconds=0, looking=held.is_looking, rows=(), outside=0, endless=0)
    return DataPage(
        at=time_of(found.at),
        seconds=round(found.seconds, 1),
        looking=held.is_looking,
        rows=tuple(map(_row, found.what.rows)),
        outside=found.what.outside,
        endless=found.what.endless,
    )


def _row(held: Held) -> DataRow:
    """Return a row; memory in megabytes, rounded up, so that no value's length can be told from it."""
    row = held.row
    return DataRow(
        pattern=row.pattern,
        where=row.where,
        holds=row.holds,
        sight=row.sight,
        until=row.until,
        keys=held.keys,
        megabytes=-(-held.bytes // _MEGABYTE),
    )
