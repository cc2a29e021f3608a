"""Enrolling: with a code from an admin or the command line, somebody chooses his password and his second factor.

code ─► password ─► second factor ─► recovery codes, shown once; from then on he is signed in
"""

import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from markupsafe import Markup

from jobs import audit
from jobs.audit import Act, staff
from web.operator import accounts, codes, invitations, passwords
from web.operator import session as sessions
from web.operator.account import Account, enrolled
from web.operator.counting import BY_CLIENT, remembered
from web.operator.doors import Console
from web.operator.identity import account_of, member_of
from web.operator.rights import OPEN
from web.operator.session import Enrolment, Session, Stage
from web.operator.showing import see, shown, with_session
from web.operator.signin import Given, GivenCode, too_often
from web.operator.timecodes import address_of, in_fours, new_secret, picture_of, step_of
from web.operator.trying import let_in

ENROL = "/enrol"
PASSWORD = "/enrol/password"  # noqa: S105 - a place
FACTOR = "/enrol/factor"

_Secret = Annotated[str, Form(max_length=2 * passwords.LONGEST)]


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Somebody who enrols: his session, his account, and what he has chosen so far."""

    session: Session
    account: Account
    chosen: Enrolment


class NotEnrolling(Exception):
    """Nobody has given an enrolment code here, or it is good no more."""


def enrolling_routes(console: Console) -> APIRouter:
    """Return the routes of enrolling; each looks for itself whether somebody with a code asks."""
    routes = APIRouter(dependencies=[OPEN])

    @routes.get(ENROL)
    def code_form() -> Response:
        return shown(console, "enrol.html", refused=False)

    @routes.post(ENROL)
    def code_given(request: Request, code: GivenCode = "", cookie: Given = "") -> Response:
        wait = console.seconds_to_wait(BY_CLIENT, request)
        if wait:
            return too_often(console, wait)
        digest = codes.digest_of(code)
        account = invitations.invited(console.roster, digest, time.time())
        if account is None:
            return refused(console)
        enrolment = Enrolment(digest)
        return see(PASSWORD, sessions.begin(console.state, cookie, Stage.ENROLLING, account, enrolment=enrolment))

    return routes


def choosing_routes(console: Console) -> APIRouter:
    """Return the routes of choosing a password and a second factor."""
    routes = APIRouter(dependencies=[OPEN])

    def enrolling(cookie: Given = "") -> Enrolling:
        return _enrolling(console, cookie)

    who = Depends(enrolling)

    @routes.get(PASSWORD)
    def password_form(one: Annotated[Enrolling, who]) -> Response:
        return _password_page(console, one.account, "")

    @routes.post(PASSWORD)
    @console.pools.password.serves
    def password_chosen(one: Annotated[Enrolling, who], password: _Secret = "", again: _Secret = "") -> Response:
        wrong = passwords.problem_with(password, one.account.name)
        if wrong or password != again:
            return _password_page(console, one.account, wrong or "The two are not the same: type the password twice.")
        chosen = Enrolment(one.chosen.code, passwords.hashed(password), new_secret())
        return see(FACTOR, sessions.renewed(console.state, replace(one.session, enrolment=chosen)))

    @routes.get(FACTOR)
    def factor_form(one: Annotated[Enrolling, who]) -> Response:
        return _factor_page(console, one) if one.chosen.secret else see(PASSWORD)

    @routes.post(FACTOR)
    def factor_shown(request: Request, one: Annotated[Enrolling, who], code: GivenCode = "") -> Response:
        wait = console.seconds_to_wait(BY_CLIENT, request)
        if wait:
            return too_often(console, wait)
        if not one.chosen.secret:
            return see(PASSWORD)
        step = step_of(one.chosen.secret, code, time.time(), 0)
        return _factor_page(console, one, refused=True) if step is None else _enrolled(console, one, step)

    return routes


def refused(console: Console) -> Response:
    """Return the page for a code that is not, or no longer, good."""
    return shown(console, "enrol.html", status=HTTPStatus.FORBIDDEN, refused=True)


def _enrolled(console: Console, one: Enrolling, step: int) -> Response:
    """Take over what was chosen, once, and sign the member in; the recovery codes are shown this once."""
    papers, chosen, member = codes.new_recovery_codes(), one.chosen, one.account.id
    audit.append(console.state, staff(member), Act.MEMBER_ENROLLED, member)
    digests = tuple(map(codes.digest_of, papers))
    rule = enrolled(chosen.code, chosen.password, chosen.secret, step, digests, accounts.new_epoch(), time.time())
    after = accounts.change(console.roster, member, rule)
    if after is None:
        return refused(console)
    invitations.uninvite(console.roster, chosen.code)
    session = let_in(console.roster, after, one.session.id)
    page = shown(console, "recovery.html", member_of(after, session.stepped_up_at), papers=papers)
    return with_session(remembered(console, page, after), session)


def _enrolling(console: Console, cookie: str) -> Enrolling:
    session = sessions.find(console.state, cookie)
    account = account_of(console.roster, session) if session and session.stage is Stage.ENROLLING else None
    if session is None or account is None or session.enrolment is None:
        raise NotEnrolling
    if not account.may_enrol(session.enrolment.code, time.time()):
        raise NotEnrolling
    return Enrolling(session, account, session.enrolment)


def _password_page(console: Console, account: Account, problem: str) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    about = {"name": account.name, "shortest": passwords.SHORTEST}
    return shown(console, "enrol_password.html", status=status, problem=problem, about=about)


def _factor_page(console: Console, one: Enrolling, *, refused: bool = False) -> Response:
    status = HTTPStatus.FORBIDDEN if refused else HTTPStatus.OK
    drawn = picture_of(address_of(one.chosen.secret, one.account.name)).decode()
    picture, secret = Markup(drawn), in_fours(one.chosen.secret)  # noqa: S704 - drawn here
    return shown(console, "enrol_factor.html", status=status, picture=picture, secret=secret, refused=refused)
