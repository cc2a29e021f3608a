"""One act for many imports: a page says what would happen to how many, a second press does it and says how it went.

The ids stand in the form: what is confirmed is what was counted, though the list has moved on meanwhile.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from jobs import bulk
from jobs.acts import What, helps
from jobs.migration import Migration, State
from jobs.requests import read_all
from web.askedfirst import AskedFirst
from web.operator.acts import MEANINGS, why_not
from web.operator.doors import Console
from web.operator.fresh import Fresh
from web.operator.imports import Filtered, found_by
from web.operator.models import Confirmation, MigrationId, Refused, Result, StateCount
from web.operator.places import ours
from web.operator.rights import Acting, Operator
from web.operator.telling import told
from web.operator.words import ACTS, imports

MOST = 10_000
"""Imports that one act is for."""

_Ids = Annotated[list[MigrationId] | None, Query(alias="id", max_length=1000)]


def bulk_routes(console: Console, fresh: Fresh) -> APIRouter:
    """Return the routes of the confirmation, and of the act itself."""
    routes = APIRouter(route_class=AskedFirst)
    rooms = console.rooms

    @routes.get("/imports/bulk")
    def confirm(
        request: Request,
        member: Operator,
        what: What,
        query: Filtered,
        ids: _Ids = None,
        which: Literal["ticked", "all"] = "ticked",
    ) -> Response:
        if which == "all":
            meant: Iterable[Migration] = found_by(rooms, fresh, query)[:MOST]
        else:
            meant = read_all(rooms.state, tuple(dict.fromkeys(ids or ())))
        here = ours(f"{request.url.path}?{request.url.query}")
        page, back = confirmation_of(what, meant), here if here != "/" else "/imports"
        return told(console, "bulk.html", member, "imports", page, back=back)

    @routes.post("/imports/bulk")
    def act(member: Acting, what: Annotated[What, Form()], ids: Annotated[str, Form()]) -> Response:
        asked = bulk.ask_all(rooms.state, tuple(dict.fromkeys(ids.split()))[:MOST], what, member.actor)
        fresh.forget()
        return told(console, "bulkdone.html", member, "imports", result_of(what, asked))

    return routes


def confirmation_of(what: What, meant: Iterable[Migration]) -> Confirmation:
    """Return what an act would do: only imports that it changes are touched."""
    listed = tuple(meant)
    touched = [one for one in listed if helps(one, what)]
    ids = {one.id for one in touched}
    untouched = [one for one in listed if one.id not in ids]
    return Confirmation(
        what=what,
        ids=tuple(one.id for one in touched),
        touched=_by_state(touched),
        untouched=_by_state(untouched),
        words=f"{ACTS[what]} {imports(len(touched))}",
        sentence=MEANINGS[what],
    )


def result_of(what: What, asked: bulk.Asked) -> Result:
    """Return what became of it, import by import where it was not done."""
    left_out = tuple(Refused(id=one, why=why, sentence=why_not(why)) for one, why in asked.refused.items())
    return Result(what=what, done=len(asked.done), refused=left_out)


def _by_state(some: Iterable[Migration]) -> tuple[StateCount, ...]:
    counts = Counter(one.state for one in some)
    return tuple(StateCount(state=state, count=counts[state]) for state in State if counts[state])
