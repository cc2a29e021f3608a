"""A store in trouble while somebody asks: 503, and when to come again. Any other error of a store is a fault of ours.

So is answered, too, who asks for work of which as much is under way as there is room for (`web.pools`).

One line of the log for each such answer: the code of the trouble and no text. What the browser or the panel sends once
more later finds everything as it left it, or done: whatever a form does is one step, or may be done twice.
"""

from collections.abc import Callable
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from redis.exceptions import RedisError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.storetrouble import trouble_of

_log = structlog.get_logger()

AGAIN_SECONDS = 10
"""Retry-After: a store that was restarted, or a replica that takes over, is there by then (RFC 9110 §10.2.3)."""

Say = Callable[[], Response]
"""Makes what a site says while a store is in trouble; must not ask a store."""


def answer_busy(site: FastAPI, say: Say, place: str) -> None:
    """Have a site answer every request that met a store in trouble; `place` is what the log calls it."""
    site.add_middleware(_Busy, say=say, place=place)


def busy(error: RedisError, say: Say, place: str) -> Response:
    """Return the answer to a request that met this error of a store; raise it again where no trouble explains it."""
    if not is_trouble(error, place):
        raise error
    return come_later(say)


def come_later(say: Say, seconds: int = AGAIN_SECONDS) -> Response:
    """Return what a site says to somebody who is to come again after so many seconds."""
    answer = say()
    answer.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    answer.headers["retry-after"] = str(seconds)
    return answer


def is_trouble(error: Exception, place: str) -> bool:
    """Tell whether a store in trouble explains an error; then the log is told, and nobody needs to look at the code."""
    code = trouble_of(error)
    if code:
        _log.warning("store-trouble", place=place, code=code)
    return bool(code)


class _Busy:
    """Lies around the handlers of a site's own errors: they ask a store, too."""

    def __init__(self, app: ASGIApp, say: Say, place: str) -> None:
        self._app = app
        self._say = say
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except RedisError as error:
            if begun:
                raise
            await busy(error, self._say, self._place)(scope, receive, send)
