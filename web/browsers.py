"""By what a browser is known again: a mark of its own, in a cookie beside the session's.

The mark is 256 random bits, the same through all sessions of a browser until that is closed. It signs nobody in and is
never looked up: it is compared, beside something else that must be right, to tell the person who pressed twice from
somebody else who got hold of the same launch or the same old id. So whoever plants a mark wins nothing by it.

Other sites' forms bring it along (`SameSite=None`): a launch comes from the host's panel, and a session's cookie does
not come with it. Before the first answer a browser has no mark; then it is compared by how it asks (`traits_of`).
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated

from fastapi import Cookie
from starlette.requests import Request
from starlette.responses import Response

from web.sealed import new_id

MARK = "__Host-migrator-browser"
"""The cookie's name; for the prefix see `web.session.COOKIE`."""

Mark = Annotated[str, Cookie(alias=MARK)]
"""A route's parameter: the mark that the browser brings, empty where it brings none."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")
_TRAITS = ("user-agent", "accept-language", "accept-encoding", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")


_brought: ContextVar[str] = ContextVar("mark", default="")


@contextmanager
def bringing(mark: str) -> Iterator[None]:
    """Let a mark be the one that the present request brings, until the block ends, in this thread or task alone."""
    token = _brought.set(mark)
    try:
        yield
    finally:
        _brought.reset(token)


def brought_mark() -> str:
    """Return the mark that the present request brings; empty where it brings none, and outside a request."""
    return _brought.get()


def mark_for(brought: str) -> str:
    """Return the mark a browser brings, or a new one where it brings none."""
    return brought if _WELL_FORMED.fullmatch(brought) else new_id()


def marking(answer: Response, mark: str) -> Response:
    """Return an answer that gives the browser its mark."""
    answer.set_cookie(MARK, mark, secure=True, httponly=True, samesite="none", path="/")
    return answer


def traits_of(request: Request, client: str) -> str:
    """Return a digest of how a browser asks; empty for what does not say what it is.

    Args:
        request: the browser's.
        client: the part of its address by which it is counted.
    """
    told = [request.headers.get(name, "") for name in _TRAITS]
    return hashlib.sha256("\n".join((client, *told)).encode()).hexdigest() if told[0] else ""
