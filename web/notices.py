"""Answers that are a page of one message, and the page on which one signs in."""

from http import HTTPStatus
from typing import Any

from starlette.responses import HTMLResponse, Response

from web.rendering import render
from web.views.host import Host
from web.views.notices import notice_of, said_of, words_for
from web.views.signin import signin
from web.visit import present_visit


def notice_page(
    host: Host,
    code: str,
    status: HTTPStatus | None = None,
    *,
    place: str = "",
    place_words: str = "",
    seconds: int = 0,
) -> Response:
    """Return the page for a code of `web.views.notices`, with the status that belongs to it.

    Args:
        host: who offers the import.
        code: what happened; an unknown one is told as an error of ours.
        status: another one than usually belongs to the code.
        place: where the page's button leads, instead of where it usually does.
        place_words: what it says instead, translated.
        seconds: after how long to try again (RFC 9110 §10.2.3); 0 says nothing.
    """
    answer = shown("notice.html", notice_of(host, code, place, place_words), status or said_of(code).status)
    if seconds:
        answer.headers["retry-after"] = str(seconds)
    return answer


def busy_page(host: Host) -> Response:
    """Return the page for whoever met a store in trouble; its button leads to the page that was asked for."""
    return notice_page(host, "store-trouble", place=present_visit().place)


def signin_page(host: Host, *, refused: bool = False, address: str = "") -> Response:
    """Return the page for signing in; `refused` after a try that failed, with the address that was typed."""
    status = HTTPStatus.FORBIDDEN if refused else HTTPStatus.OK
    return shown("signin.html", signin(host, words_for("login-refused", host) if refused else "", address), status)


def shown(template: str, view: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return the page of a view, in the language spoken now."""
    return HTMLResponse(render(template, view), status)
