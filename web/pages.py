"""The few pages there are: fixed words, and nothing in them that a customer or Google has sent."""

from http import HTTPStatus

from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.session import COOKIE, Session

_PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><p>{text}</p>{more}</html>\n'
_START = (
    '<form method="post" action="/imports/{id}/start">'
    '<p><label>Mailbox <input name="user" autocomplete="username" required></label>'
    '<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
    "<p><button>Start the import</button></form>"
)


def page(title: str, text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a page of one sentence."""
    return HTMLResponse(_PAGE.format(title=title, text=text, more=""), status)


def start_page(migration: str) -> Response:
    """Return the page from which a connected import is started; its id has been checked before."""
    text = "Your Gmail is connected. Nothing is copied until you start."
    return HTMLResponse(_PAGE.format(title="Connected", text=text, more=_START.format(id=migration)))


def not_found() -> Response:
    """Return the one answer for what does not exist and for what is somebody else's."""
    return page("Not found", "There is no such page.", HTTPStatus.NOT_FOUND)


def see(place: str, session: Session | None = None) -> Response:
    """Send the browser to a place by GET, with the session's cookie where its id is new.

    303, not 307: the browser must not send the form on to the next place (RFC 9700 §4.12).
    """
    answer = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    if session is not None:
        answer.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="lax", path="/")
    return answer
