"""Consent in the browser: out to Google by a form of ours, back by a redirect of Google's."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Request, Response

from jobs.errors import AccountBusy, IllegalTransition, UnknownMigration
from oauth.errors import ConsentNotOurs, GoogleSilent, GrantError, NotConnected, NotGivenBack
from web import session as sessions
from web.doors import Doors
from web.pages import page, see
from web.session import COOKIE, NOBODY

_STATUS: dict[type[Exception], HTTPStatus] = {
    ConsentNotOurs: HTTPStatus.FORBIDDEN,
    AccountBusy: HTTPStatus.CONFLICT,
    GoogleSilent: HTTPStatus.BAD_GATEWAY,
    NotConnected: HTTPStatus.BAD_GATEWAY,
    NotGivenBack: HTTPStatus.BAD_GATEWAY,
}
"""How a refusal is answered; all others are 400."""


def consent_routes(doors: Doors) -> APIRouter:
    """Return the two routes of a consent."""
    routes = APIRouter()

    @routes.post("/consent")
    def begin(
        cookie: Annotated[str, Cookie(alias=COOKIE)] = "", account: Annotated[str, Form(max_length=320)] = ""
    ) -> Response:
        held = sessions.find(doors.state, cookie)
        session = sessions.renewed(doors.state, held) if held else sessions.make(doors.state)
        return see(doors.begin(session.id, account.strip()), session)

    @routes.get("/consent/return")
    def returned(request: Request, cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Response:
        # Without a session the answer is nobody's, and is used up all the same.
        session = sessions.find(doors.state, cookie) or NOBODY
        try:
            connected = doors.connect(session.id, f"?{request.url.query}")
        except (GrantError, AccountBusy) as error:
            status = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
            return page("Not connected", doors.sentence(error.code), status)
        except (IllegalTransition, UnknownMigration):
            return page("Not connected", "This import does not wait to be connected.", HTTPStatus.CONFLICT)
        return see(f"/imports/{connected}", sessions.renewed(doors.state, session, connected))

    return routes
