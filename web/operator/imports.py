"""The list of imports: filtered, in pages, the oldest first."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from jobs.migration import Migration, State
from jobs.selecting import Filter, select
from web.operator.doors import Console
from web.operator.fresh import Fresh
from web.operator.models import ImportList, Wanted, moment_of
from web.operator.overview import overview_now
from web.operator.rights import Viewer, Watcher
from web.operator.rooms import Rooms
from web.operator.rows import rows_of
from web.operator.telling import told

PAGE = 50
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter as the query of an address has it, and what it means; `problem` where a part can't be understood."""

    wanted: Wanted
    filter: Filter


def asked(
    state: Annotated[list[str] | None, Query()] = None,
    older: Annotated[str, Query()] = "",
    code: Annotated[str, Query()] = "",
    host: Annotated[str, Query()] = "",
) -> Asked:
    """Read a filter from an address; what can't be understood finds nothing and is said."""
    values = {"older": older.strip(), "code": code.strip(), "host": host.strip()}
    states = ",".join(word for word in state or () if word)
    problem, found = "", Filter()
    try:
        found = Filter.read(
            " ".join(f"{name}={value}" for name, value in ({"state": states} | values).items() if value)
        )
    except ValueError as error:
        problem = str(error)
    return Asked(
        Wanted(
            states=tuple(one for one in State if one in found.states),
            older=values["older"][:_LONGEST],
            code=values["code"][:_LONGEST],
            host=values["host"][:_LONGEST],
            problem=problem,
        ),
        found,
    )


Filtered = Annotated[Asked, Depends(asked)]
"""The filter in the address of a request."""

PageNumber = Annotated[int, Query(ge=1, le=10_000)]


def imports_routes(console: Console, fresh: Fresh) -> APIRouter:
    """Return the routes of the list and of its live part."""
    routes = APIRouter()

    @routes.get("/imports")
    def list_page(member: Viewer, query: Filtered, page: PageNumber = 1) -> Response:
        return told(console, "imports.html", member, "imports", list_of(console.rooms, fresh, query, page))

    @routes.get("/imports/live")
    def live(member: Watcher, query: Filtered, page: PageNumber = 1) -> Response:
        return told(console, "_imports.html", member, "imports", list_of(console.rooms, fresh, query, page))

    return routes


def found_by(rooms: Rooms, fresh: Fresh, query: Asked) -> tuple[Migration, ...]:
    """Return the imports that a filter finds, the oldest first; none where it can't be understood."""
    if query.wanted.problem:
        return ()
    return fresh.look(query.filter, lambda: select(rooms.state, query.filter, rooms.host_of))


def list_of(rooms: Rooms, fresh: Fresh, query: Asked, page: int) -> ImportList:
    """Return one page of the list; the last one where there are not so many."""
    found = found_by(rooms, fresh, query)
    pages = max(1, -(-len(found) // PAGE))
    page = min(page, pages)
    return ImportList(
        at=moment_of(time.time()),
        wanted=query.wanted,
        total=len(found),
        page=page,
        pages=pages,
        rows=rows_of(rooms, found[(page - 1) * PAGE : page * PAGE]),
        codes=tuple(sorted(code.code for code in overview_now(rooms, fresh).held_up)),
        hosts=rooms.hosts,
    )
