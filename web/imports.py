"""An import in the browser: seen and started by the session that connected it, and by nobody else."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Response

from jobs import requests
from jobs.errors import IllegalTransition
from oauth.errors import KeyLost, SealBroken
from web import session as sessions
from web.doors import Doors
from web.pages import not_found, page, see, start_page
from web.session import COOKIE

_Field = Annotated[str, Form(max_length=1024)]


def import_routes(doors: Doors) -> APIRouter:
    """Return the routes below `/imports`."""
    routes = APIRouter(prefix="/imports")

    def owns(cookie: str, migration: str) -> bool:
        session = sessions.find(doors.state, cookie)
        return session is not None and session.owns(migration)

    @routes.get("/{migration}")
    def show(migration: str, cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Response:
        if not owns(cookie, migration):
            return not_found()
        if requests.read(doors.state, migration).reason == "not-started":
            return start_page(migration)
        return page("Import", "Your import has been started.")

    @routes.post("/{migration}/start")
    def start(
        migration: str, user: _Field, password: _Field, cookie: Annotated[str, Cookie(alias=COOKIE)] = ""
    ) -> Response:
        if not owns(cookie, migration):
            return not_found()
        try:
            doors.start(migration, user, password)
        except IllegalTransition:
            return page("Import", "This import has been started before.", HTTPStatus.CONFLICT)
        except SealBroken:
            return page("Import", doors.sentence(KeyLost.code), HTTPStatus.CONFLICT)
        return see(f"/imports/{migration}")

    return routes
