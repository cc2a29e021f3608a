"""The second factor entered again before an act; then the person presses again: nothing is carried out by itself."""

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Response

from jobs import audit
from jobs.audit import Act
from web.askedfirst import AskedFirst
from web.operator import session as sessions
from web.operator.counting import step_up_attempt
from web.operator.doors import Console
from web.operator.identity import account_of
from web.operator.places import STEP_UP, ours
from web.operator.rights import Member, Viewer
from web.operator.session import Session
from web.operator.showing import see, shown
from web.operator.signin import SIGN_IN, Given, GivenCode, too_often
from web.operator.trying import factor_given

_Back = Annotated[str, Form(max_length=1000)]


def stepping_up_routes(console: Console) -> APIRouter:
    """Return the routes of stepping up."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.get(STEP_UP)
    def form(member: Viewer, back: str = "/") -> Response:
        return shown(console, "step_up.html", member, back=ours(back), refused=False)

    @routes.post(STEP_UP)
    def code_given(member: Viewer, code: GivenCode = "", back: _Back = "/", cookie: Given = "") -> Response:
        session = sessions.find(console.state, cookie)
        account = account_of(console.roster, session) if session else None
        if session is None or account is None:
            return see(SIGN_IN)
        attempt = step_up_attempt(console, session)
        if attempt.wait:
            return too_often(console, attempt.wait)
        if not factor_given(console.roster, account, code, attempt):
            refused = HTTPStatus.FORBIDDEN
            return shown(console, "step_up.html", member, status=refused, back=ours(back), refused=True)
        return see(ours(back), stepped_up(console, session, member, time.time()))

    return routes


def stepped_up(console: Console, session: Session, member: Member, at: float) -> Session:
    """Note in a session, which gets a new id, when its member proved who he is."""
    audit.append(console.state, member.actor, Act.STEPPED_UP)
    return sessions.renewed(console.state, replace(session, stepped_up_at=at))
