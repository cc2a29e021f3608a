"""Answers that lead to another page, or carry a session's new id."""

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Send

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


def telling(send: Send, session: Session) -> Send:
    """Return how to send an answer to a request that came under an old id: with the new one, unless it gives one.

    The answer that gave it first was lost: the person pressed twice, reloaded, or has a second tab (`web.session`).
    """

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if not any(cookie.startswith(f"{COOKIE}=") for cookie in headers.getlist("set-cookie")):
                headers.append("set-cookie", carrying(Response(), session).headers["set-cookie"])
        await send(message)

    return tell
