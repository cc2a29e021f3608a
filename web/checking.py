"""The third screen: both addresses in full, confirmed by the customer before anything can be started."""

from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Response

from jobs import audit, requests
from jobs.audit import CUSTOMER, Act
from jobs.migration import State
from web import session as sessions
from web.answers import see
from web.askedfirst import AskedFirst
from web.doors import Doors
from web.notices import notice_page, shown
from web.session import COOKIE
from web.views.check import check
from web.views.notices import words_for
from web.visitor import Owned, owned_import

_Cookie = Annotated[str, Cookie(alias=COOKIE)]


def checking_routes(doors: Doors) -> APIRouter:
    """Return the routes of the screen Check."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)

    @routes.get("/check")
    def look(migration: str, cookie: _Cookie = "", *, again: bool = False) -> Response:
        owned = owned_import(doors.state, cookie, migration)
        return _check_page(doors, migration, again=again) if waits(owned) else see(f"/imports/{migration}")

    @routes.post("/confirm")
    def confirm(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        if not waits(owned):
            return see(f"/imports/{migration}")
        sessions.confirm(doors.state, owned.session, migration)
        return see(f"/imports/{migration}/choices")

    @routes.post("/start-over")
    def start_over(migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        if owned.migration.phase is State.FINISHING:  # pressed twice, or once more after an answer that was lost
            return see("/")
        if not waits(owned):
            return notice_page(doors.host, "already-started", place=f"/imports/{migration}")
        audit.append(doors.state, CUSTOMER, Act.CANCELLED, migration)
        requests.cancel(doors.state, migration)
        return see("/")

    return routes


def waits(owned: Owned) -> bool:
    """Tell whether the import is connected and was never started."""
    return owned.migration.reason == "not-started"


def is_found(found: Any) -> bool:
    """Tell whether the look-over has ended well."""
    return found is not None and not _failure(found)


def _failure(found: Any) -> str:
    """Return the code of a look-over that failed; empty for any other."""
    return str(getattr(found, "code", ""))


def _check_page(doors: Doors, migration: str, *, again: bool) -> Response:
    addresses = doors.addresses(migration)
    if addresses is None:  # the key is lost: there is nothing to be confirmed any more
        return see(f"/imports/{migration}")
    found = doors.look_over.found(migration)
    if found is None or (again and _failure(found)):
        doors.look_over.begin(migration)
        found = None
    failed = words_for(_failure(found), doors.host) if _failure(found) else ""
    counted = doors.look_over.counted(found) if is_found(found) else None
    account, mailbox = addresses.account, addresses.mailbox
    return shown("check.html", check(doors.host, migration, account, mailbox, counted, doors.profile, failed))
