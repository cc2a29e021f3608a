"""The site put together: every page, and the answers for what is none.

    / ─► /connect ─► POST /consent ─303─► Google ─► /consent/return ─303─► /imports/{id}/check ─► POST confirm
      a session of a customer who came in              its id is renewed          └─► choices ─► POST: now it starts

No GET makes a session or begins anything: a link that somebody else sent can do neither.
"""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from jobs.audit import AuditBroken, AuditBusy
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.spawning import CannotStart
from oauth.errors import SealBroken
from web import session as sessions
from web.askedfirst import let_ask_first
from web.beginning import beginning_routes, come_again
from web.busy import answer_busy, come_later
from web.checking import checking_routes
from web.choosing import choosing_routes
from web.consent import consent_routes
from web.doors import Doors
from web.events import event_routes
from web.following import following_routes
from web.launch import launch_routes
from web.notices import busy_page, notice_page
from web.paces import Paces
from web.pools import PoolFull
from web.rendering import STATIC, STATIC_PLACE
from web.session import COOKIE
from web.signin import signin_routes, signout_routes
from web.speech import language_routes
from web.visitor import SignedOut, ask_visitor

RECEIPT_KEYS = "/.well-known/migrator-receipt-keys.json"


def make_site(doors: Doors, further: Sequence[APIRouter] = ()) -> FastAPI:
    """Return the site, to be put behind `web.security.guarded`; `further` routes come before the site's own."""
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for routes in (*further, *_ways_in(doors), beginning_routes(doors), consent_routes(doors)):
        site.include_router(routes)
    for routes in (language_routes(doors.state), checking_routes(doors), choosing_routes(doors)):
        site.include_router(routes)
    paces = Paces()
    for routes in (event_routes(doors, paces), following_routes(doors, paces)):
        site.include_router(routes)
    site.mount(STATIC_PLACE, StaticFiles(directory=STATIC))

    @site.get(RECEIPT_KEYS)
    def receipt_keys() -> Response:
        return JSONResponse(dict(doors.receipt_keys), media_type="application/jwk-set+json")

    let_ask_first(site, partial(ask_visitor, doors.state))
    _answer_the_rest(site, doors)
    answer_busy(site, lambda: busy_page(doors.host), "page")
    return site


def _ways_in(doors: Doors) -> list[APIRouter]:
    ways = doors.ways
    signing = (
        signin_routes(ways.entrance, ways.check, doors.pools.sign_in) if ways.check else signout_routes(ways.entrance)
    )
    return [signing, *([launch_routes(ways.entrance, ways.panel)] if ways.panel else [])]


def _answer_the_rest(site: FastAPI, doors: Doors) -> None:
    """Have the site answer what no route does."""

    @site.exception_handler(UnknownMigration)
    @site.exception_handler(HTTPStatus.NOT_FOUND)
    def unknown(request: Request, _error: Exception) -> Response:
        answer = notice_page(doors.host, "import-gone" if _was_theirs(doors, request) else "not-found")
        if "hx-request" in request.headers:  # a part of a page whose import, or whose session, is over
            answer.headers["hx-refresh"] = "true"
        return answer

    @site.exception_handler(SignedOut)
    def signed_out(_request: Request, _error: Exception) -> Response:
        return come_again(doors)

    @site.exception_handler(HTTPStatus.METHOD_NOT_ALLOWED)
    def not_so(_request: Request, _error: Exception) -> Response:
        return notice_page(doors.host, "not-found", HTTPStatus.METHOD_NOT_ALLOWED)

    def told(code: str, *errors: type[Exception]) -> None:
        for error in errors:
            site.add_exception_handler(error, lambda _request, _error: notice_page(doors.host, code))

    # FastAPI's own answer repeats what was sent, a password too.
    told("unreadable-form", RequestValidationError)
    told("not-possible", IllegalTransition)
    told("key-lost", SealBroken)
    told("audit-broken", AuditBroken, AuditBusy)
    told("busy", CannotStart)
    told("error", Exception)

    @site.exception_handler(PoolFull)
    def full(_request: Request, _error: Exception) -> Response:
        return come_later(lambda: busy_page(doors.host))


def _was_theirs(doors: Doors, request: Request) -> bool:
    """Tell whether the page is of an import that the session had, and that was purged or erased meanwhile."""
    session = sessions.find(doors.state, request.cookies.get(COOKIE, ""))
    return session is not None and session.owns(request.path_params.get("migration", ""))
