"""Who may use the console: members added, their roles changed, reset and removed by an admin."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Response

from web.askedfirst import AskedFirst
from web.operator import accounts, members
from web.operator.accounts import NameTaken, Unreadable
from web.operator.doors import Console
from web.operator.members import NAME_RULE, NameUnusable, NoSuchMember, SignsInElsewhere
from web.operator.rights import Admin, AdminActing, Member, Role
from web.operator.showing import notice, see, shown

PEOPLE = "/people"

_Name = Annotated[str, Form(max_length=200)]


def people_routes(console: Console) -> APIRouter:
    """Return the routes of looking at members, and of adding one."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.get(PEOPLE)
    def everybody(member: Admin) -> Response:
        return _people_page(console, member)

    @routes.post(PEOPLE)
    def add(member: AdminActing, name: _Name = "", role: Annotated[Role, Form()] = Role.VIEWER) -> Response:
        try:
            code = members.add(console.roster, member.actor, name.strip(), role)
        except NameUnusable:
            return _people_page(console, member, NAME_RULE, name)
        except NameTaken:
            return _people_page(console, member, "Somebody has this name already: take another one.", name)
        return _code_page(console, member, name.strip(), code)

    @routes.get(f"{PEOPLE}/{{one}}")
    def person(member: Admin, one: str) -> Response:
        account = members.known(console.roster, one)
        enrolled = {"resting": account.is_resting(time.time()), "roles": list(Role), "self": one == member.id}
        return shown(console, "person.html", member, "people", account=account, about=enrolled)

    return routes


def person_routes(console: Console) -> APIRouter:
    """Return the routes of acting on one member; nobody changes or removes himself."""
    routes = APIRouter(route_class=AskedFirst)

    @routes.post(f"{PEOPLE}/{{one}}/role")
    def set_role(member: AdminActing, one: str, role: Annotated[Role, Form()]) -> Response:
        return _done(console, member, one, lambda: members.set_role(console.roster, member.actor, one, role))

    @routes.post(f"{PEOPLE}/{{one}}/reset")
    def reset(member: AdminActing, one: str) -> Response:
        if one == member.id:
            return _not_oneself(console, member)
        name = members.known(console.roster, one).name
        return _code_page(console, member, name, members.reset(console.roster, member.actor, one))

    @routes.post(f"{PEOPLE}/{{one}}/unlock")
    def unlock(member: AdminActing, one: str) -> Response:
        return _done(console, member, one, lambda: members.lift_rest(console.roster, member.actor, one))

    @routes.post(f"{PEOPLE}/{{one}}/remove")
    def remove(member: AdminActing, one: str) -> Response:
        return _done(console, member, one, lambda: members.remove(console.roster, member.actor, one))

    return routes


def unhappy(console: Console, member: Member | None, error: Exception) -> Response:
    """Return the page for what can go wrong with a member's account."""
    words = {
        NoSuchMember: "There is no such member (any more).",
        Unreadable: "This account was sealed under a master key that is gone. Remove it, and add the person anew.",
        SignsInElsewhere: "This member signs in by single sign-on: change it there.",
    }
    status = HTTPStatus.NOT_FOUND if isinstance(error, NoSuchMember) else HTTPStatus.CONFLICT
    return notice(console, "Not done", words[type(error)], member, status, (PEOPLE, "To the people"))


def _people_page(console: Console, member: Member, problem: str = "", name: str = "") -> Response:
    found, unreadable = accounts.everybody(console.roster)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    tried = {"problem": problem, "name": name, "roles": list(Role), "unreadable": unreadable, "now": time.time()}
    return shown(console, "people.html", member, "people", status, people=found, about=tried)


def _code_page(console: Console, member: Member, name: str, code: str) -> Response:
    """Show an enrolment code, this once."""
    return shown(console, "invited.html", member, "people", name=name, code=code, place=f"{console.url}/enrol")


def _done(console: Console, member: Member, one: str, do: Callable[[], None]) -> Response:
    if one == member.id:
        return _not_oneself(console, member)
    do()
    return see(PEOPLE)


def _not_oneself(console: Console, member: Member) -> Response:
    words = "Nobody changes or removes his own account: another admin can, or `migrator user` at the command line."
    return notice(console, "Not done", words, member, HTTPStatus.CONFLICT, (PEOPLE, "To the people"))
