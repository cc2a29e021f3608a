"""What every request must be and every answer must say, before and after any page has a word.

Requests that change something come from our own pages: browsers say so in Sec-Fetch-Site (Fetch Metadata), older ones
by Origin, which must be the host that was asked. Whoever says neither is refused.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()

_SAFE = frozenset({"GET", "HEAD"})
_LONGEST_BODY = 64 * 1024


def guarded(app: ASGIApp, host: str, form_targets: Iterable[str], open_to: tuple[str, ...] = ()) -> ASGIApp:
    """Return the site behind its guard.

    Args:
        app: the site.
        host: the host (and port) it is reached by; requests for another one are turned away.
        form_targets: origins that forms may lead to by a redirect; browsers count those as targets of the form.
        open_to: beginnings of paths that others than our own pages may post to. Whatever answers there checks for
            itself who asks, and trusts no cookie.
    """
    headers = headers_for(form_targets)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(headers)
            await send(message)

        refusal = refusal_of(scope["method"], Headers(scope=scope), host, anyone=scope["path"].startswith(open_to))
        try:
            await (_plain(refusal) if refusal else app)(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - its text may hold what the customer sent; the server would print it
            _log.critical("unhandled", place="page", error=error)
            if not begun:
                await _plain(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, sent)

    return guard


def headers_for(form_targets: Iterable[str]) -> Mapping[str, str]:
    """Return the headers of every answer: nothing is loaded, framed, cached, or told to another site."""
    policy = (
        "default-src 'none'",
        " ".join(("form-action", "'self'", *form_targets)),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=63072000",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }


def refusal_of(method: str, headers: Mapping[str, str], host: str, *, anyone: bool = False) -> HTTPStatus | None:
    """Return why a request gets no further, or None; header names are in lower case. `anyone`: see `open_to`."""
    if headers.get("host") != host:
        return HTTPStatus.MISDIRECTED_REQUEST
    if method in _SAFE:
        return None
    if not (anyone or _is_from_us(headers, host)):
        return HTTPStatus.FORBIDDEN
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return HTTPStatus.LENGTH_REQUIRED
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if int(length) > _LONGEST_BODY else None


def _is_from_us(headers: Mapping[str, str], host: str) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(headers.get("origin", "")).netloc == host


def _plain(status: HTTPStatus) -> ASGIApp:
    return PlainTextResponse(f"{status.phrase}\n", status)
