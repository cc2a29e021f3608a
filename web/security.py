"""What every request must be and every answer must say, before and after any page has a word.

Requests that change something come from our own pages: browsers say so in Sec-Fetch-Site (Fetch Metadata), older ones
by Origin, which must be the host that was asked. Whoever says neither is refused.

What a browser loads beforehand, in case somebody might go there, it is told to ask for when somebody does: no answer of
Google's is used up and no look-over begun by a guess.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.origins import is_at, is_origin_of

_log = structlog.get_logger()

Site = ASGIApp
"""A site as it is served."""

_SAFE = frozenset({"GET", "HEAD"})
_GUESSES = ("prefetch", "prerender", "preview")
_LONGEST_BODY = 64 * 1024
_LONGEST_CHOICE = 1024 * 1024
"""The form of all labels: Gmail allows 10,000 of them; and that of the imports of one act, which are as many."""

_KEPT_FOR_EVER = "public, max-age=31536000, immutable"
"""For static files, whose names change with their content."""

_NO_DEVICES = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media"),
        *("fullscreen", "geolocation", "gyroscope", "hid", "identity-credentials-get", "local-fonts", "magnetometer"),
        *("microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock"),
        *("serial", "storage-access", "usb", "web-share", "xr-spatial-tracking"),
    )
)
"""Permissions-Policy: nothing that a browser could lend a page is asked for."""


def guarded(app: ASGIApp, host: str, form_targets: Iterable[str], open_to: tuple[str, ...] = ()) -> ASGIApp:
    """Return the site behind its guard.

    Args:
        app: the site.
        host: the host (and port) it is reached by, as `web.origins` spells it; requests for another are turned away.
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
                MutableHeaders(scope=message).update(headers | _caching(scope, message))
            await send(message)

        anyone, longest = scope["path"].startswith(open_to), _longest(scope["path"])
        refusal = refusal_of(scope["method"], Headers(scope=scope), host, anyone=anyone, longest=longest)
        try:
            await (_plain(refusal) if refusal else app)(scope, receive, sent)
        except ClientDisconnect:  # hung up amid his own request, or was hung up on for sending slowly
            return
        except Exception as error:  # noqa: BLE001 - its text may hold what the customer sent; the server would print it
            _log.critical("unhandled", place="page", error=error)
            if not begun:
                await _plain(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, sent)

    return guard


def headers_for(form_targets: Iterable[str]) -> dict[str, str]:
    """Return the headers of every answer: nothing is framed, cached, told to another site, or loaded from one."""
    policy = (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        " ".join(("form-action", "'self'", *form_targets)),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",  # with "no-referrer", browsers say that the Origin of our own forms is `null`
        "strict-transport-security": "max-age=63072000",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "origin-agent-cluster": "?1",
        "permissions-policy": _NO_DEVICES,
        "x-frame-options": "DENY",
    }


def refusal_of(
    method: str, headers: Mapping[str, str], host: str, *, anyone: bool = False, longest: int = _LONGEST_BODY
) -> HTTPStatus | None:
    """Return why a request gets no further, or None.

    Args:
        method: of the request.
        headers: of the request, names in lower case.
        host: the host it must be for.
        anyone: see `open_to`.
        longest: bytes its body may have.
    """
    if not is_at(headers.get("host", ""), host):
        return HTTPStatus.MISDIRECTED_REQUEST
    if _is_a_guess(headers):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if method in _SAFE:
        return None
    if not (anyone or _is_from_us(headers, host)):
        return HTTPStatus.FORBIDDEN
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return HTTPStatus.LENGTH_REQUIRED
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if int(length) > longest else None


def _caching(scope: Scope, message: Message) -> dict[str, str]:
    """Let a static file be kept that was asked for by the digest of its content."""
    named = scope["path"].startswith("/static/") and scope["query_string"].startswith(b"v=")
    return {"cache-control": _KEPT_FOR_EVER} if named and message["status"] == HTTPStatus.OK else {}


def _longest(path: str) -> int:
    return _LONGEST_CHOICE if path.endswith(("/choices", "/imports/bulk")) else _LONGEST_BODY


def _is_from_us(headers: Mapping[str, str], host: str) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return is_origin_of(headers.get("origin", ""), host)


def _is_a_guess(headers: Mapping[str, str]) -> bool:
    """Tell a prefetch or prerender from a request of somebody's (Fetch Standard §4.6; older browsers say `Purpose`)."""
    said = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz", "x-purpose"))
    return any(word in purpose.lower() for purpose in said for word in _GUESSES)


def _plain(status: HTTPStatus) -> ASGIApp:
    return PlainTextResponse(f"{status.phrase}\n", status)
