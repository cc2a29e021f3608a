"""What is held about a customer's import, and what he lets the support see of it."""

import time
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Response

from jobs import permission as permissions
from jobs.audit import AuditBroken, AuditBusy
from jobs.permission import Field
from web.afterdoors import Afterwards
from web.answers import see
from web.askedfirst import AskedFirst
from web.notices import notice_page, shown
from web.session import COOKIE
from web.views.mydata import mydata
from web.views.permission import permission
from web.visitor import Owned, owned_import

_Cookie = Annotated[str, Cookie(alias=COOKIE)]
_Fields = Annotated[list[Field], Form(default_factory=list, alias="field")]


def data_routes(doors: Afterwards) -> APIRouter:
    """Return the routes of `/imports/{id}/data` and `/imports/{id}/permission`."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)

    @routes.get("/data")
    def data(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        try:
            holdings = doors.held(migration)
        except AuditBroken as error:
            return _unwritten(doors, error)
        return shown("overview.html", mydata(doors.host, owned.migration, holdings, time.time()))

    @routes.get("/permission")
    def look(migration: str, cookie: _Cookie = "") -> Response:
        return _page(doors, owned_import(doors.state, cookie, migration))

    @routes.post("/permission")
    def give(migration: str, fields: _Fields, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        if not fields:
            return _page(doors, owned, empty=True)
        try:
            permissions.give(doors.state, migration, fields)
        except (AuditBroken, AuditBusy) as error:
            return _unwritten(doors, error)
        return see(f"/imports/{migration}/permission")

    @routes.post("/permission/end")
    def end(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        try:
            permissions.end(doors.state, owned.migration.id)
        except (AuditBroken, AuditBusy) as error:
            return _unwritten(doors, error)
        return see(f"/imports/{migration}/permission")

    return routes


def _page(doors: Afterwards, owned: Owned, *, empty: bool = False) -> Response:
    migration = owned.migration
    try:
        uses = permissions.uses(doors.state, migration.id)
    except AuditBroken as error:
        return _unwritten(doors, error)
    held, question = permissions.held(doors.state, migration.id), permissions.question(doors.state, migration.id)
    view = permission(doors.host, migration, held, uses, time.time(), empty=empty, question=question)
    return shown("permission.html", view)


def _unwritten(doors: Afterwards, error: AuditBroken | AuditBusy) -> Response:
    return notice_page(doors.host, error.code)
