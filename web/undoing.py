"""An undo on the pages: asked for by a form, done by the workers, watched until it is done."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Response

from jobs import undowish
from jobs.migration import ENDS
from jobs.report import report_on
from web.afterdoors import Afterwards
from web.answers import see
from web.askedfirst import AskedFirst
from web.limits import Limit
from web.notices import notice_page, shown
from web.session import COOKIE
from web.views.done import Taking, taking
from web.views.undo import undo
from web.visitor import Owned, owned_import

TRIES = Limit("undo", 10, 900)
"""Passwords typed for the undo of one import."""

_Cookie = Annotated[str, Cookie(alias=COOKIE)]
_Address = Annotated[str, Form(max_length=320)]
_Secret = Annotated[str, Form(max_length=1024)]


def undo_routes(doors: Afterwards) -> APIRouter:
    """Return the routes of `/imports/{id}/undo`."""
    routes = APIRouter(prefix="/imports/{migration}/undo", route_class=AskedFirst)

    @routes.get("")
    def look(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        return _page(doors, owned) if owned.migration.state in ENDS else _too_early(doors, migration)

    @routes.post("")
    def begin(migration: str, user: _Address = "", password: _Secret = "", cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        if owned.migration.state not in ENDS:
            return _too_early(doors, migration)
        return _begun(doors, owned, user.strip(), password)

    return routes


def taking_of(doors: Afterwards, owned: Owned) -> Taking:
    """Return how the undo of an import is asked for in this session."""
    asked = undowish.standing(doors.state, owned.migration.id).kind != "none"
    asks = doors.enter(owned, "", "") is None
    return taking(asked=asked, asks=asks, mailbox=owned.session.entered.mailbox)


def _page(doors: Afterwards, owned: Owned) -> Response:
    standing = undowish.standing(doors.state, owned.migration.id)
    copies = sum(report_on(doors.state, owned.migration.id).folders.values())
    return shown("undo.html", undo(doors.host, owned.migration.id, standing, copies, taking_of(doors, owned)))


def _begun(doors: Afterwards, owned: Owned, user: str, password: str) -> Response:
    """Ask for the undo unless it runs or is done already; the page it leads to says how it stands."""
    migration, place = owned.migration.id, f"/imports/{owned.migration.id}/undo"
    if undowish.standing(doors.state, migration).kind in {"none", "stopped"}:
        wait = doors.seconds_to_wait(TRIES, f"undo {migration}") if password else 0
        if wait:
            return notice_page(doors.host, "too-often", seconds=wait)
        credentials = doors.enter(owned, user, password)
        if credentials:
            doors.undo(migration, credentials)
    return see(place)


def _too_early(doors: Afterwards, migration: str) -> Response:
    return notice_page(doors.host, "not-ended", place=f"/imports/{migration}")
