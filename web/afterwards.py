"""What a customer may do when his import has ended, and with his data at any time.

    GET  /imports/{id}              the result          GET  /imports/{id}/receipt      the signed receipt, as a file
    POST /imports/{id}/undo         begins an undo      GET  /imports/{id}/undo         how it stands
    POST /imports/{id}/erase   ──303──► GET /goodbye    GET  /imports/{id}/data         what is held right now
    POST /imports/{id}/permission, …/permission/end     GET  /imports/{id}/permission   what the support may see

Each id is checked for its customer first (`web.visitor`); whoever asks for another's gets the one page of "not found".
"""

import time
from typing import Annotated

from fastapi import APIRouter, Cookie, Response

from jobs.audit import AuditBroken, AuditBusy
from jobs.errors import IllegalTransition
from jobs.notcopied import not_copied
from jobs.permission import question
from jobs.report import report_on
from jobs.undoing import UndoUnderWay
from web.afterdoors import Afterwards
from web.answers import see
from web.askedfirst import AskedFirst
from web.mydata import data_routes
from web.notices import notice_page, shown
from web.session import COOKIE
from web.undoing import taking_of, undo_routes
from web.views.done import done
from web.views.goodbye import goodbye
from web.visitor import Owned, forgotten, owned_import

__all__ = ["Afterwards", "afterwards_routes", "ended_page"]

GOODBYE = "/goodbye"

_Cookie = Annotated[str, Cookie(alias=COOKIE)]
_JOSE = "application/jose"
"""Media type of a JWS in compact form (RFC 7515 §9.2.1)."""


def afterwards_routes(doors: Afterwards) -> APIRouter:
    """Return the routes; whoever mounts them answers `UnknownMigration` with the page of "not found"."""
    routes = APIRouter(route_class=AskedFirst)
    routes.include_router(undo_routes(doors))
    routes.include_router(data_routes(doors))

    @routes.get("/imports/{migration}/receipt")
    def receipt(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        signed = doors.signed(owned.migration.id)
        if not signed:
            return notice_page(doors.host, "not-found", place=f"/imports/{migration}")
        name = f'attachment; filename="import-receipt-{migration[:8]}.jws"'
        return Response(f"{signed}\n", media_type=_JOSE, headers={"content-disposition": name})

    @routes.post("/imports/{migration}/erase")
    def erase(migration: str, cookie: _Cookie = "") -> Response:
        return _erased(doors, owned_import(doors.state, cookie, migration))

    @routes.get(GOODBYE)
    def said_goodbye() -> Response:
        return shown("goodbye.html", goodbye(doors.host))

    return routes


def ended_page(doors: Afterwards, owned: Owned, account: str = "") -> Response:
    """Return the page of an import that has ended.

    Args:
        doors: the rooms behind it.
        owned: the import and its session.
        account: the Gmail address, where it is still known: links to messages then open in that account.
    """
    migration = owned.migration
    report = report_on(doors.state, migration.id)
    left = not_copied(doors.state, migration.id)
    undo = taking_of(doors, owned) if report.copied else None
    receipt = doors.receipt(migration.id)
    asked = question(doors.state, migration.id) is not None
    view = done(doors.host, migration, report, receipt, left, time.time(), account=account, undo=undo, asked=asked)
    return shown("done.html", view)


def _erased(doors: Afterwards, owned: Owned) -> Response:
    place = f"/imports/{owned.migration.id}"
    try:
        doors.erase(owned.migration.id)
    except IllegalTransition:
        return notice_page(doors.host, "not-ended", place=place)
    except UndoUnderWay:
        return notice_page(doors.host, UndoUnderWay.code, place=f"{place}/undo")
    except (AuditBroken, AuditBusy) as error:
        return notice_page(doors.host, error.code, place=place)
    return see(GOODBYE, forgotten(doors.state, owned.session, owned.migration.id))
