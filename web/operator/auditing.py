"""The audit log: searched, the newest entry first, with a mark that says whether all of it is what was written."""

import re
import time
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from jobs import audit
from jobs.audit import Act, AuditBroken, Entry, Verdict
from web.answers import see
from web.askedfirst import AskedFirst
from web.operator.doors import Console
from web.operator.models import moment_of
from web.operator.records import AuditPage, EntryTold, Search, VerdictTold
from web.operator.rights import Acting, Viewer
from web.operator.rooms import Rooms
from web.operator.telling import told

PAGE = 50
_AT_ONCE = 100_000
"""Entries that one request looks through; the page goes on from there."""

_DAY_SECONDS = 86400
_LONGEST = 64

Fits = Callable[[Entry], bool]


def search(
    migration: Annotated[str, Query()] = "",
    act: Annotated[str, Query()] = "",
    actor: Annotated[str, Query()] = "",
    day: Annotated[str, Query()] = "",
) -> Search:
    """Read from an address what is looked for."""
    given = {"migration": migration, "act": act, "actor": actor, "day": day}
    values = {name: value.strip().lower()[:_LONGEST] for name, value in given.items()}
    return Search(**values, problem=_problem(values))


Searched = Annotated[Search, Depends(search)]


def audit_routes(console: Console) -> APIRouter:
    """Return the routes of the audit log."""
    routes = APIRouter(route_class=AskedFirst)
    rooms = console.rooms

    @routes.get("/audit")
    def page(member: Viewer, wanted: Searched, before: Annotated[int, Query(ge=0, le=10**15)] = 0) -> Response:
        return told(console, "audit.html", member, "audit", audit_page(rooms, wanted, before))

    @routes.post("/audit/verify")
    def verify(member: Acting) -> Response:
        with suppress(AuditBroken):  # then the keeper looks again every two seconds as it is
            audit.append(rooms.state, member.actor, Act.VERIFYING)
        return see("/audit")

    return routes


def audit_page(rooms: Rooms, wanted: Search, before: int) -> AuditPage:
    """Return a page of what is looked for. `before`: only entries with a smaller number; 0 for all."""
    rows, broken, further = [], False, 0
    looked = 0
    try:
        for entry in islice(_looked_through(rooms, wanted, before), _AT_ONCE):
            looked += 1
            further = entry.number
            rows += [_told(entry)] if fits(wanted, entry) else []
            if len(rows) == PAGE:
                break
    except AuditBroken:
        broken = True
    verdict = audit.verdict(rooms.state)
    at_end = broken or further <= 1 or (looked < _AT_ONCE and len(rows) < PAGE)
    return AuditPage(
        search=wanted,
        entries=tuple(rows),
        before=0 if at_end else further,
        verdict=verdict_of(rooms, verdict) if verdict else None,
        broken=broken,
    )


def verdict_of(rooms: Rooms, verdict: Verdict) -> VerdictTold:
    """Return what the log's keeper found, in words."""
    return VerdictTold(
        at=moment_of(verdict.at),
        holds=verdict.holds,
        first=verdict.first,
        last=verdict.last,
        flaws=tuple(rooms.flaw(flaw) for flaw in verdict.flaws),
        count=verdict.count,
    )


def fits(wanted: Search, entry: Entry) -> bool:
    """Tell whether an entry is looked for: ids and actors by their beginnings."""
    return (
        entry.migration.startswith(wanted.migration)
        and wanted.act in {"", entry.act}
        and str(entry.actor).startswith(wanted.actor)
        and (not wanted.day or time.strftime("%Y-%m-%d", time.gmtime(entry.at)) == wanted.day)
    )


def _looked_through(rooms: Rooms, wanted: Search, before: int) -> Iterator[Entry]:
    """Give the entries from the newest on, to the beginning of the day that is looked for."""
    if wanted.problem:
        return
    begin = timegm(time.strptime(wanted.day, "%Y-%m-%d")) if wanted.day else 0
    for entry in audit.backwards(rooms.state, before, rooms.shelf):
        if entry.at < begin:
            return
        yield entry


def _told(entry: Entry) -> EntryTold:
    return EntryTold(
        number=entry.number,
        at=moment_of(entry.at),
        actor=str(entry.actor),
        act=entry.act,
        migration=entry.migration,
        code=entry.code,
    )


def _problem(values: dict[str, str]) -> str:
    if not re.fullmatch(r"[0-9a-f]{0,32}", values["migration"]):
        return "An import's id is made of the digits 0 to 9 and a to f."
    if values["act"] and values["act"] not in set(Act):
        return "There is no such act."
    if not re.fullmatch(r"(customer|worker|terminal|panel|staff(:[0-9a-f]{0,32})?)?", values["actor"]):
        return "An actor is customer, worker, terminal, panel, or staff: and an opaque name."
    try:
        if values["day"]:
            time.strptime(values["day"], "%Y-%m-%d")
    except ValueError:
        return "A day is written like 2026-11-22."
    return ""
