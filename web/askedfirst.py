"""Routes that ask who somebody is, and whether it is his, before they read what he has sent.

FastAPI reads and parses a form before it calls anything of a route's. So a site says in its `state.ask_first` what is
asked of each request, and the routes that must not read a stranger's form are of this class:

    APIRouter(route_class=AskedFirst)
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

Ask = Callable[[Request], object]
"""Raises what the route itself would raise for who must not come in."""


def let_ask_first(site: FastAPI, ask: Ask) -> None:
    """Have the site's routes of this class ask this first."""
    site.state.ask_first = ask


class AskedFirst(APIRoute):
    """A route that reads no body before its question is answered; see above."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def asked(request: Request) -> Response:
            ask: Ask | None = getattr(request.app.state, "ask_first", None)
            if ask and request.method == "POST":
                await run_in_threadpool(ask, request)
            return await answer(request)

        return asked
