"""Whether a server lives, and whether it can serve: for whoever watches or balances it, under any host name.

Both are answered before the site's guard: what asks is a machine beside the server and knows no host name of it. The
answers are a word.
"""

from collections.abc import Callable
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LIVES = "/healthz"
SERVES = "/readyz"

_AT_ONCE = 2
"""Threads that wait for the stores: they are not those of the pages, which a store that hangs may hold up."""

_NOT_KEPT = {"cache-control": "no-store"}


def with_health(app: ASGIApp, ready: Callable[[], bool]) -> ASGIApp:
    """Return the site with `/healthz`, for which no store is asked, and `/readyz`, 503 while it cannot serve.

    Args:
        app: the site behind its guard.
        ready: tells within a second or so whether it can, as far as stores and processes go; called in a thread.
    """
    few = CapacityLimiter(_AT_ONCE)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in {LIVES, SERVES}:
            await app(scope, receive, send)
        elif scope["path"] == LIVES or await to_thread.run_sync(ready, limiter=few):
            await PlainTextResponse("ok\n", headers=_NOT_KEPT)(scope, receive, send)
        else:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            await PlainTextResponse("cannot serve now\n", status, _NOT_KEPT)(scope, receive, send)

    return answer
