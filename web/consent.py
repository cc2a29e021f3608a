"""Consent in the browser: out to Google by a form of ours, back by a redirect of Google's."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Cookie, Form, Request, Response

from jobs.errors import AccountBusy, IllegalTransition, UnknownMigration
from jobs.mailboxes import OtherMailbox
from oauth.errors import ConsentNotOurs, GrantError
from web import answered
from web import session as sessions
from web.answered import Came
from web.answers import see
from web.askedfirst import AskedFirst
from web.beginning import lead_on
from web.busy import come_later
from web.doors import Doors, MailboxForgotten
from web.entrance import client_of, too_often
from web.limits import Limit
from web.notices import busy_page, notice_page, shown
from web.pools import PoolFull
from web.session import COOKIE, NOBODY, Session
from web.views.language import _
from web.views.notices import said_of, words_for
from web.views.start import before
from web.visitor import is_theirs, owned_import, visitor

CONSENTS = Limit("consent", 20, 600)
"""Consents begun by one client; each keeps a row in the key store for ten minutes."""

_LOOK_AGAIN_SECONDS = "2"
"""When a page asks again what became of an answer."""

_Cookie = Annotated[str, Cookie(alias=COOKIE)]


def consent_routes(doors: Doors) -> APIRouter:
    """Return the routes of a consent: begun for a new import or for one that lost its grant, and answered."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.post("/consent")
    def begin(request: Request, cookie: _Cookie = "", account: Annotated[str, Form(max_length=320)] = "") -> Response:
        session = visitor(doors.state, cookie)
        wait = _wait(doors, request)
        if wait:
            return too_often(doors.host, wait)
        if not doors.consents.ready(session):
            return lead_on(doors, session)
        return see(doors.consents.begin(session, account.strip()))

    @routes.post("/imports/{migration}/reconnect")
    def reconnect(request: Request, migration: str, cookie: _Cookie = "") -> Response:
        owned = owned_import(doors.state, cookie, migration)
        wait = _wait(doors, request)
        if wait:
            return too_often(doors.host, wait)
        try:
            return see(doors.consents.reconnect(owned.session, migration))
        except (MailboxForgotten, OtherMailbox) as error:
            return _mailbox_needed(doors, owned.session, error)

    @routes.get("/consent/return")
    async def returned(request: Request, cookie: _Cookie = "") -> Response:
        session, came = await to_thread.run_sync(_came, doors, cookie, f"?{request.url.query}")
        if came.before:
            return _once_more(doors, came)
        try:
            return await doors.pools.exchange.run(_taken, doors, session, came)
        except PoolFull:
            return await to_thread.run_sync(_not_taken, doors, came)

    return routes


def _came(doors: Doors, cookie: str, query: str) -> tuple[Session, Came]:
    # Without a session the answer is nobody's, and is used up all the same.
    session = sessions.find(doors.state, cookie) or NOBODY
    return session, answered.began(doors.ways.entrance.keys, session, query)


def _not_taken(doors: Doors, came: Came) -> Response:
    """Have the browser bring the answer once more in a moment: it is as good then as now."""
    answered.ended(doors.ways.entrance.keys, came)
    answer = come_later(lambda: busy_page(doors.host))
    answer.headers["refresh"] = answer.headers["retry-after"]
    return answer


def _taken(doors: Doors, session: Session, came: Came) -> Response:
    """Take an answer of Google's, and note what it came to."""
    try:
        return _tried(doors, session, came)
    finally:
        answered.ended(doors.ways.entrance.keys, came)


def _tried(doors: Doors, session: Session, came: Came) -> Response:
    try:
        came.migration = doors.consents.connect(session, came.query)
    except (GrantError, AccountBusy) as error:
        came.code = error.code
        return _not_connected(doors, session, error)
    except (MailboxForgotten, OtherMailbox) as error:
        return _mailbox_needed(doors, session, error)
    except (IllegalTransition, UnknownMigration):
        return notice_page(doors.host, "not-waiting")
    return _connected(doors, session, came.migration)


def _connected(doors: Doors, session: Session, migration: str) -> Response:
    """Lead to an import that was connected, under a new id of the session, unless that has ended meanwhile."""
    now = sessions.current(doors.state, session.id, session.browser)
    return see(f"/imports/{migration}", sessions.renewed(doors.state, now, migration) if now else None)


def _once_more(doors: Doors, came: Came) -> Response:
    """Answer what Google has answered before: what it came to, or that it is being taken just now."""
    if came.migration:
        return see(f"/imports/{came.migration}")
    if came.code:
        return notice_page(doors.host, came.code)
    answer = notice_page(doors.host, "connecting")
    answer.headers["refresh"] = _LOOK_AGAIN_SECONDS
    return answer


def _wait(doors: Doors, request: Request) -> int:
    entrance = doors.ways.entrance
    return entrance.seconds_to_wait(CONSENTS, client_of(entrance, request))


def _mailbox_needed(doors: Doors, session: Session, error: MailboxForgotten | OtherMailbox) -> Response:
    if isinstance(error, OtherMailbox):
        return notice_page(doors.host, error.code)
    return lead_on(doors, session)


def _not_connected(doors: Doors, session: Session, error: GrantError | AccountBusy) -> Response:
    """Return the page before Google again, with what went wrong; who has no session here gets that alone."""
    if isinstance(error, AccountBusy):
        return _busy(doors, session, error.holder)
    if isinstance(error, ConsentNotOurs) or not doors.consents.ready(session):
        return notice_page(doors.host, error.code)
    said, words = said_of(error.code), words_for(error.code, doors.host)
    removal = said.place if said.is_away else ""
    return shown(
        "before.html", before(doors.host, session.entered.mailbox, problem=words, removal=removal), said.status
    )


def _busy(doors: Doors, session: Session, holder: str) -> Response:
    """Say that the account is being imported already; whose import that is, is shown it."""
    if not is_theirs(doors.state, session, holder):
        return notice_page(doors.host, AccountBusy.code)
    return notice_page(doors.host, AccountBusy.code, place=f"/imports/{holder}", place_words=_("See that import"))
