"""The first two screens, and what somebody sees who has not come in."""

import time
from typing import Annotated

from fastapi import APIRouter, Cookie, Response

from web.answers import see
from web.doors import Doors
from web.notices import notice_page, shown, signin_page
from web.session import COOKIE, Session
from web.views.start import before, start
from web.visitor import SignedOut, imports_of, visitor

_Cookie = Annotated[str, Cookie(alias=COOKIE)]


def beginning_routes(doors: Doors) -> APIRouter:
    """Return the routes of the screens Start and Before Google."""
    routes = APIRouter()

    @routes.get("/")
    def begin(cookie: _Cookie = "") -> Response:
        try:
            session = visitor(doors.state, cookie)
        except SignedOut:
            return way_in(doors)
        return shown("start.html", start(doors.host, doors.profile, imports_of(doors.state, session), time.time()))

    @routes.get("/connect")
    def connect(cookie: _Cookie = "") -> Response:
        session = visitor(doors.state, cookie)
        if not doors.consents.ready(session):
            return lead_on(doors, session)
        return shown("before.html", before(doors.host, session.entered.mailbox))

    return routes


def way_in(doors: Doors) -> Response:
    """Return what says how to come in: the form, or that the host's panel leads here, or that nothing does."""
    if doors.ways.check:
        return signin_page(doors.host)
    return come_again(doors)


def come_again(doors: Doors) -> Response:
    """Return the page for somebody whose session is over, or whose mailbox credentials are."""
    if doors.ways.check:
        return notice_page(doors.host, "session-over")
    return notice_page(doors.host, "launch-needed" if doors.ways.panel else "nobody-comes-in")


def lead_on(doors: Doors, session: Session) -> Response:
    """Lead a customer on whose mailbox credentials are used up: to the import they went to, or to come in again."""
    waiting = [one.id for one in imports_of(doors.state, session) if one.reason == "not-started"]
    if waiting:
        return see(f"/imports/{waiting[0]}")
    if doors.ways.check and session.entered.customer:
        return notice_page(doors.host, "mailbox-forgotten")
    return come_again(doors)
