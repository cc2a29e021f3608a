"""The fourth screen: labels chosen, and only then a start; who does not wait for the count chooses without labels."""

from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Cookie, Depends, Request, Response

from jobs.errors import IllegalTransition
from migrator.labels import Choices
from oauth.errors import KeyLost, SealBroken
from web.answers import see
from web.askedfirst import AskedFirst
from web.checking import is_found, waits
from web.doors import Doors
from web.notices import notice_page, shown
from web.session import COOKIE
from web.views.choices import UNCOUNTED, ChoiceRefused, choices_of
from web.views.choose import choose, uncounted
from web.visitor import Owned, owned_import

_Cookie = Annotated[str, Cookie(alias=COOKIE)]
_MOST_FIELDS = 50_000
"""Twice as many as an account with all of Gmail's 10,000 labels makes."""


async def _fields(request: Request) -> list[tuple[str, str]]:
    """Return a form's fields as sent, a name as often as it was ticked; none where there are too many."""
    try:
        return parse_qsl(
            (await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return []


Fields = Annotated[list[tuple[str, str]], Depends(_fields)]


def choosing_routes(doors: Doors) -> APIRouter:
    """Return the routes of the screen Choose."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)

    @routes.get("/choices")
    @doors.pools.preview.serves
    def ask(migration: str, cookie: _Cookie = "") -> Response:
        refused = _too_early(owned_import(doors.state, cookie, migration))
        if refused:
            return refused
        found = _found(doors, migration)
        return _choose_page(doors, migration, found, doors.look_over.usual(found))

    @routes.post("/choices")
    @doors.pools.preview.serves
    def chosen(migration: str, fields: Fields, cookie: _Cookie = "") -> Response:
        refused = _too_early(owned_import(doors.state, cookie, migration))
        if refused:
            return refused
        found, said = _found(doors, migration), dict(fields)
        if found is None and UNCOUNTED not in said:  # labels were shown, and nobody knows any more which
            return see(f"/imports/{migration}/check")
        shown_labels = () if UNCOUNTED in said else found.labels
        try:
            choices = choices_of(fields, shown_labels, doors.look_over.usual(found))
        except ChoiceRefused:
            return notice_page(doors.host, "unreadable-form", place=f"/imports/{migration}/choices")
        if said.get("do") != "start":
            return _choose_page(doors, migration, found, choices)
        return _started(doors, migration, choices)

    return routes


def _too_early(owned: Owned) -> Response | None:
    """Return the answer that leads to what comes before choosing; None where nothing does."""
    place = f"/imports/{owned.migration.id}"
    if not waits(owned):
        return see(place)
    return None if owned.migration.id in owned.session.confirmed else see(f"{place}/check")


def _found(doors: Doors, migration: str) -> Any:
    """Return what the look-over found; None where it has not ended, or not well: nobody has to wait for it."""
    found = doors.look_over.found(migration)
    return found if is_found(found) else None


def _choose_page(doors: Doors, migration: str, found: Any, choices: Choices) -> Response:
    usual = doors.look_over.usual(found)
    if found is None:
        return shown("choose.html", uncounted(doors.host, migration, choices, usual))
    looked = doors.look_over.looked(found, choices)
    return shown("choose.html", choose(doors.host, migration, looked, choices, usual))


def _started(doors: Doors, migration: str, choices: Choices) -> Response:
    try:
        with suppress(IllegalTransition):  # pressed twice: the page says how it stands
            doors.start(migration, choices)
    except SealBroken:
        return notice_page(doors.host, KeyLost.code, place=f"/imports/{migration}")
    return see(f"/imports/{migration}")
