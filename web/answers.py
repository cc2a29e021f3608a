"""Answers that lead to another page, or carry a session's new id."""

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from web.session import COOKIE, Session


def see(place: str, session: Session | None = None) -> Response:
    """Send the browser to a place by GET, with the session's cookie where its id is new.

    303, not 307: the browser must not send the form on to the next place (RFC 9700 §4.12).
    """
    answer = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    return answer if session is None else carrying(answer, session)


def carrying(answer: Response, session: Session) -> Response:
    """Return an answer with the cookie of a session whose id is new."""
    answer.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="lax", path="/")
    return answer


def session_cookie(session: Session) -> str:
    """Return the same as the header's value (RFC 6265 §4.1)."""
    return carrying(Response(), session).headers["set-cookie"]
