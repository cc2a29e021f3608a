"""Signing in by name, password and second factor; signing out."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Cookie, Form, Request, Response

from web.askedfirst import AskedFirst
from web.busy import come_later
from web.limits import Limit
from web.operator import passwords
from web.operator import session as sessions
from web.operator.counting import remembered, sign_in_attempt
from web.operator.doors import Console
from web.operator.identity import account_of, identify
from web.operator.rights import HALFWAY, OPEN
from web.operator.session import COOKIE, Stage
from web.operator.showing import notice, see, shown, with_session
from web.operator.trying import account_named, factor_given, let_halfway, let_in

_log = structlog.get_logger()

SIGN_IN = "/signin"
CODE = "/signin/code"
WRONG = Limit("console-wrong", 60, 60)
"""Wrong names or passwords, whoever tries them wherever."""

Given = Annotated[str, Cookie(alias=COOKIE)]
GivenCode = Annotated[str, Form(max_length=64)]
_Name = Annotated[str, Form(max_length=64)]
_Secret = Annotated[str, Form(max_length=passwords.LONGEST)]


def signin_routes(console: Console) -> APIRouter:
    """Return the routes of the first step, name and password, and of signing out."""
    routes = APIRouter(dependencies=[OPEN])

    @routes.get(SIGN_IN)
    def form(request: Request) -> Response:
        return see("/") if identify(console.roster, request).member else signin_page(console)

    @routes.post(SIGN_IN)
    @console.pools.password.serves
    def password_given(request: Request, name: _Name = "", password: _Secret = "", cookie: Given = "") -> Response:
        named = name.strip()
        attempt = sign_in_attempt(console, request, named, account_named(console.roster, named))
        if attempt.wait:
            return too_often(console, attempt.wait)
        wait = 0 if attempt.apart else console.seconds_for_everybody(WRONG, count=False)
        if wait:
            return come_later(partial(busy, console), wait)
        account = let_halfway(console.roster, named, password, attempt)
        if account is None:
            console.seconds_for_everybody(WRONG, count=True)
            return signin_page(console, name, refused=True)
        return see(CODE, sessions.begin(console.state, cookie, Stage.HALFWAY, account))

    @routes.post("/signout")
    def sign_out(cookie: Given = "") -> Response:
        sessions.end(console.state, cookie)
        return see(SIGN_IN)

    return routes


def second_step_routes(console: Console) -> APIRouter:
    """Return the routes of the second step, the second factor."""
    routes = APIRouter(dependencies=[HALFWAY], route_class=AskedFirst)

    @routes.get(CODE)
    def form() -> Response:
        return shown(console, "code.html", refused=False)

    @routes.post(CODE)
    def code_given(request: Request, code: GivenCode = "", cookie: Given = "") -> Response:
        session = sessions.find(console.state, cookie)
        account = account_of(console.roster, session) if session else None
        if account is None:
            return see(SIGN_IN)
        attempt = sign_in_attempt(console, request, account.name, account)
        if attempt.wait:
            return too_often(console, attempt.wait)
        if not factor_given(console.roster, account, code, attempt):
            return shown(console, "code.html", status=HTTPStatus.FORBIDDEN, refused=True)
        return with_session(remembered(console, see("/"), account), let_in(console.roster, account, cookie))

    return routes


def signin_page(console: Console, name: str = "", *, refused: bool = False) -> Response:
    """Return the page to sign in on; `refused` after a try that failed, with the name that was typed."""
    status = HTTPStatus.FORBIDDEN if refused else HTTPStatus.OK
    return shown(console, "signin.html", status=status, refused=refused, name=name, sso=console.sso is not None)


def busy(console: Console) -> Response:
    """Return the page for whoever has to wait for others: for their sign-ins, or for somebody who guesses."""
    words = "Too many people are signing in right now. Nothing was changed. Try again in a moment."
    return notice(console, "The console is busy", words, way=(SIGN_IN, "Sign in"))


def too_often(console: Console, seconds: int) -> Response:
    """Return the page for somebody who tried too often (RFC 6585 §4)."""
    _log.warning("signin-refused", code="too-often")
    minutes = -(-seconds // 60)
    words = f"Too many tries from where you are. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
    answer = notice(console, "Too many tries", words, None, HTTPStatus.TOO_MANY_REQUESTS, (SIGN_IN, "Sign in"))
    answer.headers["retry-after"] = str(seconds)
    return answer
