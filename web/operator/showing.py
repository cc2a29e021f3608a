"""The console's pages put into HTML, and answers that lead to another page.

The console is for the host's own people and speaks English alone.
"""

import time
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.operator.doors import Console
from web.operator.rights import Member, Role
from web.operator.session import COOKIE, Session
from web.operator.vocabulary import FILTERS, GLOBALS
from web.rendering import static

NAVIGATION = (
    ("overview", "Overview", "/", Role.VIEWER),
    ("imports", "Imports", "/imports", Role.VIEWER),
    ("audit", "Audit", "/audit", Role.VIEWER),
    ("data", "Data", "/data", Role.VIEWER),
    ("people", "People", "/people", Role.ADMIN),
)
"""Key, words and place of each part, and the least role that may go there."""


def shown(
    console: Console,
    template: str,
    member: Member | None = None,
    here: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    **view: Any,
) -> Response:
    """Return a page.

    Args:
        console: whose page it is.
        template: its file in `web/operator/templates`.
        member: who looks at it; None where nobody has signed in.
        here: the key of the part of `NAVIGATION` it belongs to.
        status: of the answer.
        view: what the template is given beside that.
    """
    ways = [way for way in NAVIGATION if member and member.role.reaches(way[3])]
    frame = {"console": console.name, "member": member, "here": here, "ways": ways}
    return HTMLResponse(_environment().get_template(template).render(**frame, **view), status)


def notice(
    console: Console,
    title: str,
    words: str,
    member: Member | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    way: tuple[str, str] = ("/", "To the overview"),
) -> Response:
    """Return a page of one message, and a way on: a place and its words."""
    return shown(console, "notice.html", member, "", status, title=title, words=words, way=way)


def see(place: str, session: Session | None = None) -> Response:
    """Send the browser to a place by GET, with the session's cookie where its id is new."""
    return with_session(RedirectResponse(place, HTTPStatus.SEE_OTHER), session)


def with_session(answer: Response, session: Session | None) -> Response:
    """Return an answer that gives the browser a session."""
    if session is not None:
        answer.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="lax", path="/")
    return answer


def day(at: float) -> str:
    """Return a time as a day, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def moment(at: float) -> str:
    """Return a time to the minute, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static, **GLOBALS}
    environment.filters |= {"day": day, "moment": moment, **FILTERS}
    return environment
