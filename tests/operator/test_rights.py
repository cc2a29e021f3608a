"""Every route of the console, asked by everybody who may come, over real HTTP. The routes are the console's own."""

import re
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial

import idp
import pytest
from browser import Answer
from fastapi import APIRouter, FastAPI
from front_desk import Visitor, altered, enlist, roster_of, seated
from starlette.responses import Response

from app.config import Config
from app.console import console_of
from app.stores import Stores
from web import session as customers
from web.operator import accounts, rights
from web.operator import session as sessions
from web.operator.rights import STEP_UP_SECONDS, Identity, Member, Role
from web.operator.routes import NeedUnclear, Route, check_needs, routes_of
from web.operator.session import COOKIE, Enrolment, Stage
from web.operator.site import make_console

STALE = STEP_UP_SECONDS + 60


@pytest.mark.parametrize(("age", "fresh"), [(-3600, False), (-2, True), (0, True), (300, True), (301, False)])
def test_a_factor_entered_before_the_clock_was_set_back_is_not_fresh(age: float, *, fresh: bool) -> None:
    member = Member("0" * 32, "ann", Role.ADMIN, "local", 1_900_000_000.0)
    assert member.is_fresh(1_900_000_000.0 + age) is fresh


ROLES = ("viewer", "operator", "admin")

ENROLLING = {"/enrol/password", "/enrol/factor"}
OUT = {"nobody", "a planted cookie", "a customer", "away", "enrolling", "idle", "too long", "removed", "another epoch"}
OUT.add("one factor elsewhere")

LEAST = {
    "viewer": ("viewer", False),
    "watcher": ("viewer", False),
    "operator": ("operator", False),
    "act": ("operator", True),
    "admin": ("admin", False),
    "admin act": ("admin", True),
}
"""What each need asks for, written down once more: the least role, and whether the second factor must be fresh."""


def wanted(need: str, who: str) -> set[str]:
    """Return what somebody must be answered by a route with a need."""
    if need == "anybody":
        return {"in", "signin", "code", "home"}
    if need == "halfway":
        return {"halfway": {"in", "signin"}}.get(who, {"signin"} if who in OUT else {"home"})
    if who in OUT:
        return {"signin"}
    if who == "halfway":
        return {"code"}
    role, _, stale = who.partition(", ")
    least, fresh = LEAST[need]
    if ROLES.index(role.removeprefix("elsewhere ")) < ROLES.index(least):
        return {"role"}
    return {"step-up"} if fresh and stale else {"in", "home"}


def told(answer: Answer) -> str:
    """Return what an answer is."""
    match answer.status, answer.headers.get("location", ""):
        case 303, "/signin":
            return "signin"
        case 303, "/signin/code":
            return "code"
        case 303, "/":
            return "home"
        case 303, place if place.startswith("/step-up?"):
            return "step-up"
        case 403, _ if "Your role does not reach" in answer.text:
            return "role"
    return "in" if answer.status < 500 else f"{answer.status}"


class Street:
    """Everybody who may come: a name, and how his browser is made anew."""

    def __init__(self, stores: Stores, url: str, provider: idp.Provider) -> None:
        self.stores, self.url, self.provider = stores, url, provider
        self.accounts = {role: enlist(stores, role, Role(role)) for role in ROLES}
        self.foreign = {role: accounts.new(f"foreign-{role}", Role(role), "sso") for role in ROLES}
        for role, account in self.foreign.items():
            accounts.add(roster_of(stores), account, accounts.foreign(provider.url, role))

    def people(self) -> Iterator[tuple[str, Callable[[], Visitor]]]:
        stores, url = self.stores, self.url
        yield "nobody", lambda: Visitor(url)
        yield "a planted cookie", lambda: Visitor(url, cookies={COOKIE: "planted"})
        yield "a customer", self._customer
        yield "halfway", lambda: seated(stores, url, self.accounts["admin"], Stage.HALFWAY)
        yield "away", lambda: Visitor(url, cookies={COOKIE: sessions.begin(stores.state, "", Stage.AWAY).id})
        yield "enrolling", self._enrolling
        yield "idle", self._idle
        yield "too long", self._too_long
        yield "removed", self._removed
        yield "another epoch", self._another_epoch
        yield "one factor elsewhere", lambda: self.one_factor
        for role in ROLES:
            for prefix, account in (("", self.accounts[role]), ("elsewhere ", self.foreign[role])):
                yield f"{prefix}{role}", partial(seated, stores, url, account)
                yield f"{prefix}{role}, stale", partial(seated, stores, url, account, stepped_up=STALE)

    def _customer(self) -> Visitor:
        session = customers.make(self.stores.state)
        return Visitor(self.url, cookies={COOKIE: session.id, customers.COOKIE: session.id})

    def _enrolling(self) -> Visitor:
        account = self.accounts["admin"]
        session = sessions.begin(
            self.stores.state, "", Stage.ENROLLING, account, stepped_up_at=time.time(), enrolment=Enrolment("none")
        )
        return Visitor(self.url, cookies={COOKIE: session.id})

    def _idle(self) -> Visitor:
        visitor = seated(self.stores, self.url, self.accounts["admin"])
        sessions.end(self.stores.state, visitor.session)  # as the store does it by itself
        return visitor

    def _too_long(self) -> Visitor:
        visitor = seated(self.stores, self.url, self.accounts["admin"])
        session = sessions.find(self.stores.state, visitor.session)
        assert session
        aged = sessions.replace(session, began=time.time() - sessions.LONGEST_SECONDS)
        return Visitor(self.url, cookies={COOKIE: sessions.renewed(self.stores.state, aged).id})

    def _removed(self) -> Visitor:
        gone = accounts.new("gone", Role.ADMIN, "local")
        accounts.add(roster_of(self.stores), gone, accounts.local("gone"))
        visitor = seated(self.stores, self.url, gone)
        accounts.remove(roster_of(self.stores), gone.id)
        return visitor

    def _another_epoch(self) -> Visitor:
        visitor = seated(self.stores, self.url, self.accounts["admin"])
        self.accounts["admin"] = altered(self.stores, self.accounts["admin"], epoch=accounts.new_epoch())
        return visitor

    @cached_property
    def one_factor(self) -> Visitor:
        self.provider.said = {"amr": ["pwd"], "groups": ["mail-admins"]}
        visitor = Visitor(self.url)
        page = visitor.post("/signin/sso").text
        found = re.search(r'class="button" href="([^"]+)"', page)
        assert found
        visitor.get(self.provider.visit(found[1].replace("&amp;", "&")))
        return visitor


@pytest.fixture
def routes(console_config: Config, stores: Stores) -> list[Route]:
    return list(routes_of(make_console(console_of(console_config, stores))))


def cells(routes: list[Route]) -> Iterator[tuple[str, str, str]]:
    """Give need, method and path of each route, with an id that nothing has in each place of one."""
    for route in routes:
        for verb in sorted(route.methods):
            yield route.needs[0].name, verb, re.sub(r"\{[^}]*\}", "0" * 32, route.path)


def test_every_route_answers_everybody_as_its_need_says(
    routes: list[Route], stores: Stores, url: str, provider: idp.Provider
) -> None:
    street, seen, wrong = Street(stores, url, provider), 0, {}
    for need, verb, path in cells(routes):
        for who, come in street.people():
            visitor = come()
            answer = visitor.post(path) if verb == "POST" else visitor.ask(verb, path, b"", {})
            got = told(answer)
            seen += 1
            if got not in wanted(need, who):
                wrong[f"{verb} {path} ({need}) for {who}"] = got
        stores.state.delete(*stores.state.scan_iter("limit:*"), "limit:")
    assert not wrong
    assert seen == len(list(cells(routes))) * 23
    assert seen > 400


def test_a_script_is_led_nowhere_but_told(
    routes: list[Route], stores: Stores, url: str, provider: idp.Provider
) -> None:
    street, wrong = Street(stores, url, provider), {}
    statuses = {"signin": 401, "code": 401, "step-up": 403, "role": 403}
    people = {"nobody", "halfway", "viewer", "admin, stale"}
    for need, verb, path in cells(routes):
        for who, come in street.people():
            (meant,) = wanted(need, who) if len(wanted(need, who)) == 1 else ("",)
            if who in people and meant in statuses:
                answer = come().ask(verb, path, b"", {"Sec-Fetch-Mode": "cors", "Content-Length": "0"})
                if answer.status != statuses[meant] or "location" in answer.headers:
                    wrong[f"{verb} {path} for {who}"] = answer.status
    assert not wrong


def test_what_changes_something_is_taken_from_the_consoles_own_pages_alone(
    routes: list[Route], stores: Stores, url: str
) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    posts = [path for _, verb, path in cells(routes) if verb != "GET"]
    statuses = {boss.ask("POST", path, b"", {"Sec-Fetch-Site": "same-site"}).status for path in posts}
    assert statuses == {403}


def test_nothing_is_open_but_signing_in_and_out_and_enrolling(routes: list[Route]) -> None:
    opened = {route.path for route in routes if route.needs == (rights.anybody,)}
    assert opened == {"/signin", "/signout", "/signin/sso", "/signin/sso/return", "/enrol", *ENROLLING}


def test_every_act_needs_a_fresh_second_factor_and_every_act_on_people_an_admin(routes: list[Route]) -> None:
    acts = {route.path: route.needs[0] for route in routes if route.methods - {"GET"}}
    without = {path for path, need in acts.items() if not need.stepped_up and need != rights.anybody}
    assert without == {"/signin/code", "/step-up", "/step-up/sso"}
    assert {route.needs[0].role for route in routes if route.path.startswith("/people")} == {Role.ADMIN}


def test_a_route_without_a_need_is_not_served(console_config: Config, stores: Stores) -> None:
    site = make_console(console_of(console_config, stores))
    routes = APIRouter()

    @routes.get("/forgotten")
    def forgotten() -> Response:
        return Response()

    site.include_router(routes)
    with pytest.raises(NeedUnclear, match="/forgotten"):
        check_needs(site)


def test_neither_a_route_of_two_needs_nor_one_of_another_kind_is_served() -> None:
    two, plain = FastAPI(openapi_url=None), FastAPI(openapi_url=None)

    @two.get("/two", dependencies=[rights.OPEN])
    def both(member: rights.Viewer) -> Response:
        return Response(member.name)

    plain.add_route("/plain", lambda _: Response())
    for site, path in ((two, "/two"), (plain, "/plain")):
        with pytest.raises(NeedUnclear, match=path):
            check_needs(site)


def test_a_second_factor_is_fresh_for_five_minutes() -> None:
    member = Member("0" * 32, "ann", Role.OPERATOR, "local", 1000.0)
    assert rights.act.admit(Identity(member), 1300.0) is member
    with pytest.raises(rights.StepUpFirst):
        rights.act.admit(Identity(member), 1301.0)


def test_each_role_may_do_what_those_before_it_may() -> None:
    reached = {(one, other) for one in Role for other in Role if one.reaches(other)}
    assert {(str(one), str(other)) for one, other in reached} == {
        ("viewer", "viewer"),
        ("operator", "viewer"),
        ("operator", "operator"),
        ("admin", "viewer"),
        ("admin", "operator"),
        ("admin", "admin"),
    }
