"""In which language each request is answered: the one chosen in the session, else the one the browser asks for."""

import re
from collections.abc import Callable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Cookie, Form, Response
from redis import Redis
from redis.exceptions import RedisError
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from web import session as sessions
from web.answers import see, telling
from web.askedfirst import AskedFirst
from web.browsers import MARK, bringing
from web.languages import LANGUAGES, language_for
from web.rendering import STATIC_PLACE
from web.session import COOKIE
from web.views.language import speaking
from web.visit import Visit, visiting
from web.visitor import visitor

LANGUAGE = "/language"

_SILENT = (f"{STATIC_PLACE}/", "/api/")
"""Places at which no language is spoken."""

_OURS = re.compile(r"/[A-Za-z0-9/_-]*")
_BY_POST_ALONE = re.compile(r"/(consent(/return)?|launch|signout|language)|/imports/[^/]*/(?!check$|choices$|data$).+")
"""Places that answer a form or Google; who chooses a language there is led to what can be shown again."""


def speaking_to(app: ASGIApp, state: Redis, refuse: Callable[[RedisError], Response]) -> ASGIApp:
    """Return the site speaking the visitor's language.

    Args:
        app: the site.
        state: where the visitor's choice lies.
        refuse: what is answered, in the browser's language, where that cannot be read; may raise the error again.
    """

    async def speak(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_SILENT):
            await app(scope, receive, send)
            return
        headers, place = Headers(scope=scope), _place(scope["path"])
        cookies, accepted = cookie_parser(headers.get("cookie", "")), headers.get("accept-language", "")
        cookie, mark = cookies.get(COOKIE, ""), cookies.get(MARK, "")
        try:
            session = await to_thread.run_sync(sessions.arrived, state, cookie, mark) if cookie else None
        except RedisError as error:
            with speaking(language_for(accepted)), visiting(Visit(place)):
                await refuse(error)(scope, receive, send)
            return
        language = language_for(accepted, session.language if session else "")
        with bringing(mark), speaking(language), visiting(Visit(place, session=session is not None)):
            await app(scope, receive, telling(send, session) if session and session.id != cookie else send)

    return speak


def language_routes(state: Redis) -> APIRouter:
    """Return the route by which a visitor chooses a language."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.post(LANGUAGE)
    def choose(
        language: Annotated[str, Form(max_length=35)],
        place: Annotated[str, Form(max_length=200)] = "/",
        cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
    ) -> Response:
        session = visitor(state, cookie)
        if language in LANGUAGES:
            sessions.speak(state, session, language)
        return see(place if _OURS.fullmatch(place) and not place.startswith("//") else "/")

    return routes


def _place(path: str) -> str:
    """Return where the visitor is led back to: the page itself, or the import or start it belongs to."""
    if not _BY_POST_ALONE.fullmatch(path):
        return path if _OURS.fullmatch(path) else "/"
    return "/".join(path.split("/")[:3]) if path.startswith("/imports/") else "/"
