"""The console put together: every page, and the answers for what is none, or not for whoever asks.

/signin ─► /signin/code ─► /        /enrol ─► password ─► second factor ─► /
an act with a stale second factor ─303─► /step-up ─303─► back to the page; the person presses again
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles

from jobs.audit import AuditBroken, AuditBusy
from jobs.errors import IllegalTransition, UnknownMigration
from web.askedfirst import let_ask_first
from web.busy import answer_busy, come_later
from web.operator.accounts import Unreadable
from web.operator.doors import Console
from web.operator.enrolling import ENROL, NotEnrolling, choosing_routes, enrolling_routes
from web.operator.identity import identify
from web.operator.members import NoSuchMember, SignsInElsewhere
from web.operator.people import people_routes, person_routes, unhappy
from web.operator.places import step_up_from
from web.operator.rights import (
    CodeFirst,
    Member,
    NotAllowed,
    SignedInAlready,
    SignInFirst,
    StepUpFirst,
)
from web.operator.routes import ask_needs, check_needs
from web.operator.showing import notice, see
from web.operator.signin import CODE, SIGN_IN, busy, second_step_routes, signin_routes
from web.operator.signing_on import signing_on_routes
from web.operator.stepping_up import stepping_up_routes
from web.operator.watching import watching_routes
from web.pools import PoolFull
from web.rendering import STATIC, STATIC_PLACE

ROOMS: tuple[Callable[[Console], APIRouter], ...] = (
    signin_routes,
    second_step_routes,
    enrolling_routes,
    choosing_routes,
    stepping_up_routes,
    people_routes,
    person_routes,
    watching_routes,
)
"""The routes of the console; each names its need (`web.operator.rights`)."""


def make_console(console: Console) -> FastAPI:
    """Return the console, to be put behind `web.security.guarded`.

    Raises:
        NeedUnclear: a route does not say who may ask it.
    """
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.state.identify = partial(identify, console.roster)
    for room in ROOMS:
        site.include_router(room(console))
    if console.sso:
        site.include_router(signing_on_routes(console, console.sso))
    site.mount(STATIC_PLACE, StaticFiles(directory=STATIC))
    let_ask_first(site, ask_needs)
    _lead_on(site)
    _answer_the_rest(site, console)
    check_needs(site)
    return site


def _lead_on(site: FastAPI) -> None:
    """Lead whoever does not meet a need to where he can; a script is told by status and a sentence."""

    @site.exception_handler(SignInFirst)
    def sign_in(request: Request, _: Exception) -> Response:
        return _signed_out() if _is_scripted(request) else see(SIGN_IN)

    @site.exception_handler(CodeFirst)
    def give_code(request: Request, _: Exception) -> Response:
        return _signed_out() if _is_scripted(request) else see(CODE)

    @site.exception_handler(StepUpFirst)
    async def step_up(request: Request, _: Exception) -> Response:
        if _is_scripted(request):
            return _refused("Enter your second factor again first, at /step-up.", HTTPStatus.FORBIDDEN)
        return see(step_up_from(request, await request.form() if request.method == "POST" else None))

    @site.exception_handler(SignedInAlready)
    def go_in(_request: Request, _: Exception) -> Response:
        return see("/")

    @site.exception_handler(NotEnrolling)
    def enrol(_request: Request, _: Exception) -> Response:
        return see(ENROL)


def _answer_the_rest(site: FastAPI, console: Console) -> None:
    """Have the console answer what no route does."""

    def told(title: str, words: str, status: HTTPStatus, *errors: type[Exception] | int) -> None:
        def answer(request: Request, _: Exception) -> Response:
            return notice(console, title, words, _member(console, request), status)

        for error in errors:
            site.add_exception_handler(error, answer)

    gone = "There is no such page, or what it showed is no longer kept."
    told("Not for you", "Your role does not reach that far.", HTTPStatus.FORBIDDEN, NotAllowed)
    told("Not found", gone, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND, UnknownMigration)
    told("Not found", gone, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.METHOD_NOT_ALLOWED)
    unread = "What was sent could not be read. Go back, and try again."
    told("Not done", unread, HTTPStatus.UNPROCESSABLE_ENTITY, RequestValidationError)
    later = "The state of the import does not allow this now."
    told("Not done", later, HTTPStatus.CONFLICT, IllegalTransition)
    unlogged = "The audit log takes no entry, and nothing is done unlogged: `migrator audit verify`."
    told("Not done", unlogged, HTTPStatus.SERVICE_UNAVAILABLE, AuditBroken, AuditBusy)
    ours = "This is a mistake of ours; the service's log has a line about it."
    told("Something went wrong", ours, HTTPStatus.INTERNAL_SERVER_ERROR, Exception)

    @site.exception_handler(PoolFull)
    def full(_request: Request, _: Exception) -> Response:
        return come_later(partial(busy, console))

    def of_people(request: Request, error: Exception) -> Response:
        return unhappy(console, _member(console, request), error)

    for error in (NoSuchMember, Unreadable, SignsInElsewhere):
        site.add_exception_handler(error, of_people)

    # Who asks lies in the store, too.
    words = "Nothing can be shown or done until it is well again. Look at Redis and at the log, then try again."
    answer_busy(site, lambda: notice(console, "The store is busy, please try again", words), "console")


def _member(console: Console, request: Request) -> Member | None:
    return identify(console.roster, request, quiet=True).member


def _is_scripted(request: Request) -> bool:
    """Tell a request that a script or a program made from one by which a browser shows a page (Fetch Metadata)."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return mode != "navigate" or "hx-request" in request.headers


def _signed_out() -> Response:
    """Tell a script that nobody is signed in; a page that fetched a part of itself loads itself anew."""
    answer = _refused("Sign in first.", HTTPStatus.UNAUTHORIZED)
    answer.headers["hx-refresh"] = "true"
    return answer


def _refused(words: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(f"{words}\n", status)
