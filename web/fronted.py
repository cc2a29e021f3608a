"""A request that shows a proxy which nobody has named: said once."""

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.clients import SIGNS, Proxies

_log = structlog.get_logger()


def noticing(app: ASGIApp, proxies: Proxies, place: str) -> ASGIApp:
    """Return a site that logs the first such request: whoever comes that way is counted as one with all the others.

    Args:
        app: the site.
        proxies: those in front of it, as configured.
        place: the site's name in the log.
    """
    told = bool(proxies.header)

    async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal told
        if not told and scope["type"] == "http" and any(name in Headers(scope=scope) for name in SIGNS):
            told = True
            _log.warning("proxy-unnamed", place=place)
        await app(scope, receive, send)

    return noticed
