"""The way in through the host's panel: a form on the panel's page posts a launch, which is good once.

    panel's page ──POST /launch──► Origin ─► how often ─► signed by the host, for us, now ─► not used before ─► session

Whoever follows a link gets nothing: a GET makes no session. A page that is not the panel's cannot post one: its Origin
is not in the list (login CSRF, RFC 9700 §4.7). So nobody can put a customer into a session that ends in somebody
else's mailbox, though he holds a good launch of his own. Every refusal is the same page; the log has its code, and
in test mode the page, too (`web.refused`).
"""

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Cookie, Form, Request, Response
from redis import Redis
from starlette.datastructures import Headers

from migrator.hostnames import host_key
from migrator.mailbox import Password
from web import launched, minted
from web.browsers import Mark, mark_for, traits_of
from web.entrance import Entrance, client_of, entered_answer, let_in, too_often
from web.launch_token import LEEWAY_SECONDS, Launch, LaunchRefused, Terms, read_launch
from web.launched import Asking
from web.limits import Limit
from web.notices import notice_page
from web.origins import comparable
from web.refused import developers_page
from web.sealed import new_id
from web.session import COOKIE
from web.views.host import Host

LAUNCH = "/launch"
FIELD = "launch"
"""The one field of the form."""

TRIES = Limit("launch", 30, 60)
"""Launches by one client. A whole office may share an address."""

Login = Literal["address", "local-part"]
"""What a mail server calls a mailbox's user: the whole address, or its part before the @."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Panel:
    """The host's panel.

    Attributes:
        origins: where its pages live: scheme, host, and port unless it is the scheme's own (RFC 6454 §6.2).
        terms: what a signed launch must be; None where launches are minted over the API alone.
        master_user: the host's configuration has credentials for every mailbox; else each launch must bring a secret.
        login: what the mail server calls a mailbox's user.
        test_mode: a refused launch tells its developer why, instead of showing the plain notice.
    """

    origins: frozenset[str]
    terms: Terms | None = None
    master_user: bool = False
    login: Login = "address"
    test_mode: bool = False


def launch_routes(entrance: Entrance, panel: Panel) -> APIRouter:
    """Return the one route of a launch. The guard of the site must let posts from other sites through to it."""
    routes = APIRouter()

    @routes.post(LAUNCH)
    def launch(
        request: Request,
        cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
        mark: Mark = "",
        launch: Annotated[str, Form(max_length=16_384)] = "",
    ) -> Response:
        client = client_of(entrance, request)
        wait = entrance.seconds_to_wait(TRIES, client)
        if wait:
            return too_often(entrance.host, wait)
        try:
            check_origin(request.headers, panel.origins)
            return _entered(entrance, panel, launch, cookie, Asking(mark, traits_of(request, client)))
        except LaunchRefused as refused:
            _log.warning("launch-refused", code=refused.code, place=refused.claim)
            told = developers_page if panel.test_mode else _notice
            return told(entrance.host, refused)

    return routes


def _notice(host: Host, _refused: LaunchRefused) -> Response:
    return notice_page(host, "launch-refused")


def _entered(entrance: Entrance, panel: Panel, given: str, cookie: str, asking: Asking) -> Response:
    """Let in whom a launch vouches for: into a new session, or into the one that it has just begun in this browser."""
    session_id, mark = new_id(), mark_for(asking.mark)
    if not launched.first(entrance.state, given, session_id, replace(asking, mark=mark)):
        session = launched.again(entrance.state, given, asking)
        if session is None:
            raise LaunchRefused("used-before")
        return entered_answer(session)
    try:
        accepted = _accepted(entrance, panel, given)
    except LaunchRefused:
        launched.never(entrance.state, given)
        raise
    user = login_name(accepted.mailbox, panel.login)
    password = Password(user, accepted.password) if accepted.password else None
    customers = (accepted.customer,)
    return let_in(entrance, cookie, customers, accepted.mailbox, password, mark=mark, session_id=session_id)


def login_name(mailbox: str, login: Login) -> str:
    """Return what the mail server calls the user of a mailbox, by its address; its domain in the form of the DNS."""
    local, at, domain = mailbox.rpartition("@")
    return local if login == "local-part" else f"{local}@{host_key(domain)}" if at else mailbox


def check_origin(headers: Headers, origins: frozenset[str]) -> None:
    """Raise `LaunchRefused` unless a page of the panel's is being left for ours by a form.

    Fetch Metadata, where a browser sends it, must tell of a navigation of the whole tab: scripts and frames don't
    launch. A missing Origin, or `null`, is nobody's (RFC 6454 §7.3).
    """
    said = headers.getlist("origin")
    if len(said) != 1 or comparable(said[0]) not in origins:
        raise LaunchRefused("origin-foreign")
    how, where = headers.get("sec-fetch-mode", "navigate"), headers.get("sec-fetch-dest", "document")
    if (how, where) != ("navigate", "document"):
        raise LaunchRefused("no-navigation")


def _accepted(entrance: Entrance, panel: Panel, given: str) -> Launch:
    """Return the launch, used up; one that would leave us without credentials for the mailbox is refused, too."""
    launch = _read(entrance, panel.terms, given)
    if not (launch.password or panel.master_user):
        raise LaunchRefused("secret-missing")
    return launch


def _read(entrance: Entrance, terms: Terms | None, given: str) -> Launch:
    if "." not in given:  # base64url has no dot, a JWT has two
        return minted.take(entrance.keys, entrance.vault, given)
    if terms is None:
        raise LaunchRefused("token-unexpected")
    launch = read_launch(given, terms, time.time())
    _use_up(entrance.state, terms.issuer, launch)
    return launch


def _use_up(state: Redis, issuer: str, launch: Launch) -> None:
    """Note that a launch was used, until it has run out by any clock; raise `LaunchRefused` if it was before.

    In the store that persists: a launch must not be good again because a server was restarted.
    """
    name = hashlib.sha256(f"{issuer}\n{launch.jti}".encode()).hexdigest()
    seconds = max(1, int(launch.ends + 2 * LEEWAY_SECONDS - time.time()))
    if not state.set(f"launched:{name}", 1, nx=True, ex=seconds):
        raise LaunchRefused("used-before")
