"""The way in without a panel: the mailbox's own address and password, tried at the mailbox itself.

The mail server is the host's choice, by the address's domain; a customer names none. Wrong password, unknown user and
unknown domain give the same answer. Tries are counted, successful ones too, so that counting tells nothing about what
exists; and so that nobody elsewhere keeps a mailbox's owner out:

    a browser from which he signed in before    by itself (`web.known`)
    any other                                   by its network; by address and network; by address, with more patience
"""

from collections.abc import Callable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Cookie, Form, Request, Response

from migrator.addresses import domain_of, mailbox_key
from migrator.mailbox import Password
from web import entrusted
from web import session as sessions
from web.answers import see
from web.browsers import Mark
from web.busy import come_later
from web.clients import site_of
from web.entrance import Entrance, client_of, let_in, too_often
from web.limits import EVERYBODY, Limit
from web.notices import busy_page, notice_page, signin_page
from web.pools import Pool
from web.session import COOKIE

SIGN_IN = "/signin"
SIGNED_OUT = "/signed-out"
BY_BROWSER = Limit("signin-known", 10, 900)
BY_CLIENT = Limit("signin-client", 30, 900)
BY_SITE = Limit("signin-site", 120, 900)
BY_PLACE = Limit("signin-address", 10, 900)
BY_ADDRESS = Limit("signin-everywhere", 100, 3600)
"""Strangers everywhere together, at one mailbox: many networks guess no faster than that."""
WRONG = Limit("signin-wrong", 120, 60)
"""Wrong passwords, whoever tries them wherever: so many are guessed in a minute, from however many networks."""

_Address = Annotated[str, Form(max_length=320)]
_Secret = Annotated[str, Form(max_length=1024)]


class MailboxSilent(Exception):
    """The mailbox's server did not answer, so nobody knows whether the password is right."""


Check = Callable[[str, str], Password | None]
"""Tries an address and a password at the mailbox; returns what it is entered with, or None when it refuses them.

Raises `MailboxSilent`."""


def signin_routes(entrance: Entrance, check: Check, pool: Pool) -> APIRouter:
    """Return the routes of sign-in and sign-out; passwords are tried in the threads of a pool."""
    routes = signout_routes(entrance)

    @routes.get(SIGN_IN)
    def form() -> Response:
        return signin_page(entrance.host)

    @routes.post(SIGN_IN)
    async def sign_in(
        request: Request,
        address: _Address = "",
        password: _Secret = "",
        cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
        mark: Mark = "",
    ) -> Response:
        mailbox = address.strip()
        refusal = await to_thread.run_sync(_refusal, entrance, request, mailbox)
        if refusal:
            return refusal
        return await pool.run(tried, mailbox, password, cookie, mark)

    def tried(mailbox: str, password: str, cookie: str, mark: str) -> Response:
        try:
            credentials = check(mailbox, password)
        except MailboxSilent:
            return notice_page(entrance.host, "mailbox-silent")
        if credentials is None:
            entrance.seconds_to_wait(WRONG, EVERYBODY)
            return signin_page(entrance.host, refused=True, address=mailbox)
        customers, domain = customers_of(entrance, mailbox), domain_of(mailbox)
        answer = let_in(entrance, cookie, customers, mailbox, credentials, domain, mark)
        return entrance.known.remember(answer, mailbox_key(mailbox))

    return routes


def signout_routes(entrance: Entrance) -> APIRouter:
    """Return the routes of sign-out, whichever way the customer came in."""
    routes = APIRouter()

    @routes.post("/signout")
    def sign_out(cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Response:
        session = sessions.find(entrance.state, cookie)
        if session:
            entrusted.forget(entrance.keys, session.entered.entrusted)
            sessions.end(entrance.state, session.id)
        return see(SIGNED_OUT)

    @routes.get(SIGNED_OUT)
    def signed_out() -> Response:
        return notice_page(entrance.host, "signed-out", place="/")

    return routes


def customers_of(entrance: Entrance, mailbox: str) -> tuple[str, ...]:
    """Return the ids a mailbox's owner has as a customer: one per master key, the newest key's first."""
    return tuple(f"mailbox-{name}" for name in entrance.vault.pseudonyms(mailbox_key(mailbox)))


def _refusal(entrance: Entrance, request: Request, mailbox: str) -> Response | None:
    """Return why a password is not tried now, or None; a known browser has nothing to do with strangers' tries."""
    address = mailbox_key(mailbox)
    browser = entrance.known.name_of(request, address)
    if browser:
        wait = entrance.seconds_to_wait(BY_BROWSER, browser)
        return too_often(entrance.host, wait) if wait else None
    wait = _strangers_wait(entrance, client_of(entrance, request), address)
    if wait:
        return too_often(entrance.host, wait)
    wait = entrance.seconds_to_wait(WRONG, EVERYBODY, count=False)
    return come_later(lambda: busy_page(entrance.host), wait) if wait else None


def _strangers_wait(entrance: Entrance, client: str, address: str) -> int:
    """Count the try; the client first, so that one who tries too often can't keep a customer out."""
    site = site_of(client)
    return (
        entrance.seconds_to_wait(BY_CLIENT, client)
        or (entrance.seconds_to_wait(BY_SITE, site) if site else 0)
        or entrance.seconds_to_wait(BY_PLACE, f"{address} {client}")
        or entrance.seconds_to_wait(BY_ADDRESS, address)
    )
