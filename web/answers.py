"""Answers that lead to another page."""

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from web.session import COOKIE, Session


def see(place: str, session: Session | None = None) -> Response:
    """Send the browser to a place by GET, with the session's cookie where its id is new.

    303, not 307: the browser must not send the form on to the next place (RFC 9700 §4.12).
    """
    answer = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    if session is not None:
        answer.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="lax", path="/")
    return answer
