"""Signing in, and stepping up, by single sign-on: out to the provider and back."""

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request, Response

from jobs import audit
from jobs.audit import Act, staff
from web.askedfirst import AskedFirst
from web.operator import accounts
from web.operator import session as sessions
from web.operator.account import Account
from web.operator.asked import Asked, NotAsked, ask, take
from web.operator.counting import BY_CLIENT
from web.operator.doors import Console
from web.operator.identity import account_of, member_of
from web.operator.places import ours
from web.operator.provider import SsoRefused, Vouched
from web.operator.rights import OPEN, STEP_UP_SECONDS, Viewer
from web.operator.session import Session, Stage
from web.operator.showing import notice, see, shown, with_session
from web.operator.signin import SIGN_IN, Given, too_often
from web.operator.sso import SingleSignOn, SsoAway
from web.operator.stepping_up import stepped_up

_log = structlog.get_logger()

RETURN = "/signin/sso/return"

_AWAY = "The single sign-on does not answer. Try again later."
_SENTENCES = {
    "sso-one-factor": "You signed in there with one factor alone. Sign in with a second factor, and try again.",
    "sso-no-role": "You are known there, but no role here is meant for you. Ask whoever runs the single sign-on.",
    "sso-stale": "You were to prove there anew who you are, and that did not happen. Try again.",
    "sso-another": "There you are signed in as somebody else than here. Sign in there as yourself, or sign out here.",
    "sso-denied": "It was refused there, or ended by you. Try again.",
    "sso-not-ours": "This sign-in was not begun here, took too long, or was used before. Begin it anew.",
}
_ELSE = "What came back from there is not as it should be. Try again; if it stays so, look at the service's log."


def signing_on_routes(console: Console, sso: SingleSignOn) -> APIRouter:
    """Return the routes out to the provider, and back."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.post("/signin/sso", dependencies=[OPEN])
    @console.pools.sso.serves
    def out(request: Request, cookie: Given = "") -> Response:
        wait = console.seconds_to_wait(BY_CLIENT, request)
        if wait:
            return too_often(console, wait)
        session = sessions.begin(console.state, cookie, Stage.AWAY)
        return with_session(_out(console, sso, session, "/", stepping_up=False), session)

    @routes.post("/step-up/sso")
    @console.pools.sso.serves
    def out_again(_: Viewer, back: Annotated[str, Form(max_length=1000)] = "/", cookie: Given = "") -> Response:
        session = sessions.find(console.state, cookie)
        return _out(console, sso, session, ours(back), stepping_up=True) if session else see(SIGN_IN)

    @routes.get(RETURN, dependencies=[OPEN])
    @console.pools.sso.serves
    def back(code: str = "", state: str = "", error: str = "", iss: str = "", cookie: Given = "") -> Response:
        session = sessions.find(console.state, cookie)
        denied = bool(error) or iss not in {"", sso.provider.issuer}  # RFC 9207 §2.4
        try:
            asked = take(console.roster, session, state)
            vouched = sso.vouched(asked, "" if denied else code)
            return see(asked.back, _let_on(console, sso, session, asked, vouched))
        except NotAsked:
            return _told(console, "sso-not-ours")
        except SsoRefused as refusal:
            return _told(console, refusal.code)
        except SsoAway:
            return _refused(console, _AWAY, HTTPStatus.BAD_GATEWAY)

    return routes


def _out(console: Console, sso: SingleSignOn, session: Session, back: str, *, stepping_up: bool) -> Response:
    """Return the page that hands over to the provider: a form may lead to no place but ours by a redirect."""
    asked = ask(console.roster, session, back, stepping_up=stepping_up)
    try:
        return shown(console, "hand_over.html", address=sso.address(asked))
    except SsoAway:
        return _refused(console, _AWAY, HTTPStatus.BAD_GATEWAY)


def _let_on(console: Console, sso: SingleSignOn, session: Session | None, asked: Asked, vouched: Vouched) -> Session:
    """Return the session of whom the provider vouched for: a new one, or his own with a fresh second factor."""
    now = time.time()
    at = min(vouched.signed_in_at, now)
    sign = accounts.foreign(sso.provider.issuer, vouched.subject)
    if session is None or not asked.stepping_up:
        account = _account(console, sign, vouched)
        audit.append(console.state, staff(account.id), Act.SIGNED_IN, code="sso")
        accounts.used(console.roster, account, sign, now)
        return sessions.begin(console.state, session.id if session else "", Stage.IN, account, stepped_up_at=at)
    known, mine = accounts.by_sign(console.roster, sign), account_of(console.roster, session)
    if mine is None or known is None or known.id != mine.id:
        raise SsoRefused("sso-another")
    if now - at > STEP_UP_SECONDS:
        raise SsoRefused("sso-stale")
    account = _account(console, sign, vouched)
    return stepped_up(console, replace(session, epoch=account.epoch), member_of(account, at), at)


def _account(console: Console, sign: str, vouched: Vouched) -> Account:
    """Return the account of whom the provider vouched for, made or brought up to date; a new role, a new epoch."""
    known = accounts.by_sign(console.roster, sign)
    if known is None:
        made = accounts.new(vouched.name, vouched.role, "sso")
        audit.append(console.state, staff(made.id), Act.MEMBER_ADDED, made.id, vouched.role.value)
        accounts.add(console.roster, made, sign)
        return made
    if known.role is not vouched.role:
        audit.append(console.state, staff(known.id), Act.MEMBER_ROLE_CHANGED, known.id, vouched.role.value)

    def rule(one: Account) -> tuple[Account, Account]:
        epoch = one.epoch if one.role is vouched.role else accounts.new_epoch()
        after = replace(one, name=vouched.name, role=vouched.role, epoch=epoch)
        return after, after

    return accounts.change(console.roster, known.id, rule) or known


def _told(console: Console, code: str) -> Response:
    _log.warning("signin-refused", code=code)
    return _refused(console, _SENTENCES.get(code, _ELSE), HTTPStatus.FORBIDDEN)


def _refused(console: Console, words: str, status: HTTPStatus) -> Response:
    return notice(console, "Not signed in", words, None, status, (SIGN_IN, "Sign in"))
