"""Requests that show a proxy which nobody has named, or one that does not name who asks: said once."""

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.clients import SIGNS, Proxies, is_named

_log = structlog.get_logger()


def noticing(app: ASGIApp, proxies: Proxies, place: str) -> ASGIApp:
    """Return a site that logs the first such request: the tries of whoever comes that way are counted together.

    Args:
        app: the site.
        proxies: those in front of it, as configured.
        place: the site's name in the log.
    """
    told = False

    async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal told
        if not told and scope["type"] == "http":
            told = _tell(proxies, Request(scope), place)
        await app(scope, receive, send)

    return noticed


def _tell(proxies: Proxies, request: Request, place: str) -> bool:
    """Log what a request shows, and tell whether it showed anything."""
    if not proxies.header and any(name in request.headers for name in SIGNS):
        _log.warning("proxy-unnamed", place=place)
        return True
    if proxies.header and not is_named(proxies, request):
        _log.warning("client-unnamed", place=place)
        return True
    return False
