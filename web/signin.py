"""The way in without a panel: the mailbox's own address and password, tried at the mailbox itself.

The mail server is the host's choice, by the address's domain; a customer names none. Wrong password, unknown user and
unknown domain give the same answer. Tries are counted by address and by client, successful ones too, so that counting
tells nothing about what exists.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Request, Response
from starlette.responses import HTMLResponse

from migrator.mailbox import Password
from web import entrusted
from web import session as sessions
from web.entrance import Entrance, client_of, let_in, too_often
from web.limits import Limit
from web.pages import page, see
from web.session import COOKIE

SIGN_IN = "/signin"
BY_ADDRESS = Limit("signin-address", 10, 900)
BY_CLIENT = Limit("signin-client", 30, 900)

_Address = Annotated[str, Form(max_length=320)]
_Secret = Annotated[str, Form(max_length=1024)]
_FORM = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title><h1>Sign in to your new mailbox</h1>'
    '<p role="alert">{alert}</p><form method="post" action="/signin">'
    '<p><label>Address <input name="address" type="email" autocomplete="username" required></label>'
    '<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
    "<p><button>Sign in</button></form></html>\n"
)
_REFUSED = "Address and password don't belong together, or the mailbox is none of ours. Look at both and try again."


class MailboxSilent(Exception):
    """The mailbox's server did not answer, so nobody knows whether the password is right."""


Check = Callable[[str, str], Password | None]
"""Tries an address and a password at the mailbox; returns what it is entered with, or None when it refuses them.

Raises `MailboxSilent`."""


def signin_routes(entrance: Entrance, check: Check) -> APIRouter:
    """Return the routes of sign-in and sign-out."""
    routes = APIRouter()

    @routes.get(SIGN_IN)
    def form() -> Response:
        return _form("", HTTPStatus.OK)

    @routes.post(SIGN_IN)
    def sign_in(
        request: Request,
        address: _Address = "",
        password: _Secret = "",
        cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
    ) -> Response:
        mailbox = address.strip()
        wait = _wait(entrance, request, mailbox)
        if wait:
            return too_often(wait)
        try:
            credentials = check(mailbox, password)
        except MailboxSilent:
            return page("Try again later", "The mail server does not answer just now.", HTTPStatus.SERVICE_UNAVAILABLE)
        if credentials is None:
            return _form(_REFUSED, HTTPStatus.FORBIDDEN)
        return let_in(entrance, cookie, customers_of(entrance, mailbox), mailbox, credentials)

    @routes.post("/signout")
    def sign_out(cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Response:
        session = sessions.find(entrance.state, cookie)
        if session:
            entrusted.forget(entrance.keys, session.entered.entrusted)
            sessions.end(entrance.state, cookie)
        return see(SIGN_IN)

    return routes


def customers_of(entrance: Entrance, mailbox: str) -> tuple[str, ...]:
    """Return the ids a mailbox's owner has as a customer: one per master key, the newest key's first."""
    return tuple(f"mailbox-{name}" for name in entrance.vault.pseudonyms(mailbox))


def _wait(entrance: Entrance, request: Request, mailbox: str) -> int:
    """Count the try; the client first, so that one who tries too often can't keep a customer out."""
    by_client = entrance.seconds_to_wait(BY_CLIENT, client_of(entrance, request))
    return by_client or entrance.seconds_to_wait(BY_ADDRESS, mailbox)


def _form(alert: str, status: HTTPStatus) -> Response:
    return HTMLResponse(_FORM.format(alert=alert), status)
