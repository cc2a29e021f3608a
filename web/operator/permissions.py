"""A customer's permission: asked for, used, ended. No look without its entry in the audit log."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Response

from jobs import permission as permissions
from jobs import requests
from jobs.audit import Actor
from jobs.permission import Field
from jobs.report import Report, report_on
from web.answers import see
from web.askedfirst import AskedFirst
from web.operator.allowed import Allowed, ChangeTold, FailureTold, FolderNamed, OutcomeTold
from web.operator.doors import Console
from web.operator.models import code_of, moment_of
from web.operator.one import Id, told_of
from web.operator.rights import Acting
from web.operator.rooms import Rooms
from web.operator.telling import told
from web.paces import Paces
from web.views.wording import visible

_Fields = Annotated[list[Field], Form(default_factory=list, alias="field")]


def permission_routes(console: Console, paces: Paces) -> APIRouter:
    """Return the routes below `/imports/{id}`: ask, look, resolve."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)
    rooms = console.rooms

    @routes.post("/ask")
    def ask(member: Acting, migration: Id, fields: _Fields) -> Response:
        if fields:
            permissions.ask(rooms.state, migration, fields, member.actor)
        return see(f"/imports/{migration}")

    @routes.post("/look")
    def look(member: Acting, migration: Id) -> Response:
        allowed = allowed_to(rooms, member.actor, migration)
        page = told_of(rooms, paces, migration)
        return told(console, "import.html", member, "imports", page, beside=allowed)

    @routes.post("/resolve")
    def resolve(member: Acting, migration: Id) -> Response:
        requests.read(rooms.state, migration)
        permissions.end(rooms.state, migration, actor=member.actor)
        return see(f"/imports/{migration}")

    return routes


def allowed_to(rooms: Rooms, staff: Actor, migration_id: str) -> Allowed:
    """Return what the customer's permission shows a member now; each field stands in the audit log before it is read.

    Raises:
        UnknownMigration: there is none with this id (any more).
        AuditBroken, AuditBusy: a look cannot be written down, so nothing is shown.
    """
    state = rooms.state
    requests.read(state, migration_id)
    may = {field for field in Field if permissions.may(state, staff, migration_id, field)}
    report = report_on(state, migration_id)
    return Allowed(
        at=moment_of(time.time()),
        outcomes=_outcomes(report) if Field.REPORT in may else None,
        folders=_folders(report) if Field.FOLDER_NAMES in may else None,
        failures=_failures(rooms, report) if Field.FAILURE_WORDS in may else None,
        history=_history(rooms, migration_id) if Field.HISTORY in may else None,
    )


def _outcomes(report: Report) -> tuple[OutcomeTold, ...]:
    rows = [*report.outcomes.items(), *([("still open", report.open)] if report.open else [])]
    return tuple(OutcomeTold(words=words, messages=count) for words, count in rows)


def _folders(report: Report) -> tuple[FolderNamed, ...]:
    rows = sorted(report.folders.items(), key=lambda row: (-row[1], row[0]))
    return tuple(FolderNamed(name=visible(name), messages=count) for name, count in rows)


def _failures(rooms: Rooms, report: Report) -> tuple[FailureTold, ...]:
    return tuple(
        FailureTold(word=code_of(word), sentence=rooms.failure(word), messages=count)
        for word, count in sorted(report.failures.items(), key=lambda row: (-row[1], row[0]))
    )


def _history(rooms: Rooms, migration_id: str) -> tuple[ChangeTold, ...]:
    """Return the changes of state, the newest first."""
    return tuple(
        ChangeTold(
            at=moment_of(change.at),
            state=change.state,
            code=code_of(change.reason),
            sentence=rooms.sentence(code_of(change.reason)),
        )
        for change in reversed(requests.history(rooms.state, migration_id))
    )
