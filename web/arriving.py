"""Requests that come under a session's old id: handed on under the new one, which the answer tells the browser.

The answer that told it first was lost: the person pressed twice, reloaded, or has a second tab (`web.session`). So
every route meets the ids of now alone.
"""

from redis import Redis
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import Message, Scope, Send

from web import session as sessions
from web.answers import session_cookie
from web.browsers import MARK
from web.session import COOKIE, Session


def arriving(state: Redis, scope: Scope) -> tuple[Session | None, Scope]:
    """Return the session of a request, and the request as its route is to see it: the same, or under the new id."""
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    brought = cookies.get(COOKIE, "")
    session = sessions.arrived(state, brought, cookies.get(MARK, "")) if brought else None
    if session is None or session.id == brought:
        return session, scope
    old, new = f"{COOKIE}={brought}".encode(), f"{COOKIE}={session.id}".encode()
    headers = [(name, value.replace(old, new) if name == b"cookie" else value) for name, value in scope["headers"]]
    return session, {**scope, "headers": headers}


def telling(send: Send, session: Session) -> Send:
    """Return how to send an answer that gives the browser the session's id of now, unless it gives one already."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if not any(cookie.startswith(f"{COOKIE}=") for cookie in headers.getlist("set-cookie")):
                headers.append("set-cookie", session_cookie(session))
        await send(message)

    return tell
