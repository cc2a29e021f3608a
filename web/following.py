"""The fifth screen: how an import stands, and what the customer may ask of it."""

import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Cookie, Response

from jobs.acts import What, carry_out
from jobs.audit import CUSTOMER
from jobs.migration import ENDS, Migration, State
from jobs.permission import question
from oauth.errors import KeyLost
from web.answers import see
from web.askedfirst import AskedFirst
from web.doors import Doors
from web.notices import notice_page, shown
from web.paces import Paces
from web.session import COOKIE
from web.views.progress import Running, actions_of, running
from web.visitor import owned_import

_Cookie = Annotated[str, Cookie(alias=COOKIE)]
_ACTS: dict[str, What] = {
    "pause": "pause",
    "resume": "resume",
    "retry": "retry",
    "finish": "finish",
    "cancel": "cancel",
}


def following_routes(doors: Doors, paces: Paces) -> APIRouter:
    """Return the routes of the screen Progress, and the one place where an import is found in any state."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)

    @routes.get("")
    def show(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        if owned.migration.state in ENDS:
            return doors.ended(owned)
        if as_shown(doors, owned.migration).reason == "not-started":
            return see(f"/imports/{migration}/check")
        return shown("progress.html", view_of(doors, paces, owned.migration))

    @routes.get("/standing")
    def part(migration: str, cookie: _Cookie = "", key: str = "") -> Response:
        view = view_of(doors, paces, owned_import(doors.state, cookie, migration).migration)
        answer = shown("standing.html", view)
        if view.key != key:  # the page has other buttons now: htmx loads it anew
            answer.headers["hx-refresh"] = "true"
        return answer

    @routes.post("/{what}")
    def ask(migration: str, what: str, cookie: _Cookie = "") -> Response:
        before = owned_import(doors.state, cookie, migration).migration
        if what not in _ACTS:
            return notice_page(doors.host, "not-found")
        if what not in actions_of(before):  # twice pressed, or the import has moved on: the page says how it stands
            return see(f"/imports/{migration}")
        carry_out(doors.state, migration, _ACTS[what], CUSTOMER)
        return see(f"/imports/{migration}")

    return routes


def view_of(doors: Doors, paces: Paces, migration: Migration) -> Running:
    """Return the screen of an import that has not ended, with its pace as far as it was seen."""
    report, progress = paces.look(doors.state, migration)
    signs_in = doors.ways.check is not None
    asked = is_asked(doors, migration)
    shown_as = as_shown(doors, migration)
    return running(doors.host, shown_as, report, progress, time.time(), signs_in=signs_in, asked=asked)


def is_asked(doors: Doors, migration: Migration) -> bool:
    """Tell whether the support asks the customer to see more of an import."""
    return question(doors.state, migration.id) is not None


def as_shown(doors: Doors, migration: Migration) -> Migration:
    """Return the import as it is shown: one that waits for its start, but has lost its key, can only be cancelled."""
    if migration.reason != "not-started" or doors.addresses(migration.id):
        return migration
    return replace(migration, state=State.FAILED, reason=KeyLost.code, resumable=False)
