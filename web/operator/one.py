"""One import: how it stands, what may be done about it, and what its customer's permission adds.

Opening the page is in the audit log before it is shown, once in a quarter of an hour for each member; the live part
follows a page that was opened.
"""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Path, Response

from jobs import audit, bulk, requests
from jobs import permission as permissions
from jobs.acts import What
from jobs.audit import Act
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import ENDS, PHASES, Migration
from jobs.permission import Permission, Question
from jobs.progress import Progress
from jobs.report import Report
from jobs.selecting import hosts_of
from jobs.standing import unconfirmed
from migrator.specialfolders import role_of
from web.answers import see
from web.askedfirst import AskedFirst
from web.operator.acts import helpful
from web.operator.doors import Console
from web.operator.models import (
    FolderTold,
    ImportTold,
    MigrationId,
    Pace,
    PermissionTold,
    QuestionTold,
    moment_of,
    time_of,
)
from web.operator.rights import Acting, Member, Viewer, Watcher
from web.operator.rooms import Rooms
from web.operator.rows import row_of
from web.operator.telling import told
from web.paces import Paces

Id = Annotated[MigrationId, Path()]

LOOK_SECONDS = 900
"""A member who opens the same import again within this time looks on; it is one look in the audit log."""

_KINDS = {
    "INBOX": "Inbox",
    "SENT": "Sent",
    "DRAFT": "Drafts",
    "SPAM": "Spam",
    "TRASH": "Trash",
    "ARCHIVE": "Archive",
}
_ORDER = (*_KINDS.values(), "")


def one_routes(console: Console, paces: Paces) -> APIRouter:
    """Return the routes of one import's page, its live part, and what is done to it."""
    routes = APIRouter(prefix="/imports/{migration}", route_class=AskedFirst)
    rooms, looks = console.rooms, Looks()

    @routes.get("")
    def page(member: Viewer, migration: Id) -> Response:
        requests.read(rooms.state, migration)
        looks.note(rooms, member, migration)
        return told(console, "import.html", member, "imports", told_of(rooms, paces, migration))

    @routes.get("/live")
    def live(member: Watcher, migration: Id) -> Response:
        return told(console, "_import.html", member, "imports", told_of(rooms, paces, migration))

    @routes.post("/act")
    def act(member: Acting, migration: Id, what: Annotated[What, Form()]) -> Response:
        asked = bulk.ask_all(rooms.state, [migration], what, member.actor)
        raise_refusal(asked, migration)
        return see(f"/imports/{migration}")

    return routes


class Looks:
    """Which member has opened which import lately, as this server knows it."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}

    def note(self, rooms: Rooms, member: Member, migration: str) -> None:
        """Write down that a member looks at an import, unless he did a moment ago.

        Raises:
            AuditBroken, AuditBusy: it cannot be written down, so nothing is shown.
        """
        now, key = time.monotonic(), (member.id, migration)
        if now - self._seen.get(key, float("-inf")) < LOOK_SECONDS:
            return
        audit.append(rooms.state, member.actor, Act.LOOKED, migration)
        self._seen = {one: at for one, at in self._seen.items() if now - at < LOOK_SECONDS} | {key: now}


def raise_refusal(asked: bulk.Asked, migration: str) -> None:
    """Raise why an act was not done to an import, if it was not."""
    why = asked.refused.get(migration)
    if why is None:
        return
    errors = {"unknown": UnknownMigration, "audit-broken": audit.AuditBroken, "audit-busy": audit.AuditBusy}
    raise errors[why]() if why in errors else IllegalTransition("", "")


def told_of(rooms: Rooms, paces: Paces, migration_id: str, *, now: float | None = None) -> ImportTold:
    """Return one import as its page shows it to everybody who may look; `now` in seconds since the epoch.

    Raises:
        UnknownMigration: there is none with this id (any more).
    """
    at = time.time() if now is None else now
    migration = requests.read(rooms.state, migration_id)
    host = hosts_of(rooms.state, [migration_id], rooms.host_of)[migration_id]
    report, progress = paces.look(rooms.state, migration)
    changes = requests.history(rooms.state, migration_id)
    return ImportTold(
        at=moment_of(at),
        row=row_of(rooms, migration, host),
        crashes=migration.crashes,
        since=time_of(changes[-1].at if changes else migration.created_at),
        ending=migration.ending,
        total=report.total,
        done=report.total - report.open,
        pace=_pace(migration, progress),
        folders=folders_of(report),
        acts=helpful(migration),
        permission=_permission(permissions.held(rooms.state, migration_id, now=now), at),
        question=_question(permissions.question(rooms.state, migration_id, now=now)),
        unconfirmed=migration.state in ENDS and unconfirmed(rooms.state, [migration]) > 0,
    )


def folders_of(report: Report) -> tuple[FolderTold, ...]:
    """Return the folders without their names: first those whose name says only what they are for, then the largest."""
    rows = sorted(
        ((_KINDS.get(role_of(name), ""), count) for name, count in report.folders.items()),
        key=lambda row: (_ORDER.index(row[0]), -row[1]),
    )
    return tuple(
        FolderTold.model_validate({"number": number, "kind": kind, "messages": count})
        for number, (kind, count) in enumerate(rows, 1)
    )


def _pace(migration: Migration, progress: Progress) -> Pace:
    if migration.state not in PHASES or progress.rate is None:
        return Pace()
    best, worst = progress.eta_seconds or (None, None)
    return Pace(
        messages_per_minute=max(0.0, round(progress.rate.messages * 60, 1)), best_seconds=best, worst_seconds=worst
    )


def _permission(held: Permission | None, at: float) -> PermissionTold | None:
    if held is None:
        return None
    return PermissionTold.model_validate(
        {
            "fields": tuple(sorted(map(str, held.fields))),
            "given_at": moment_of(held.given_at),
            "until": moment_of(held.until),
            "seconds_left": max(0.0, round(held.until - at, 1)),
        }
    )


def _question(asked: Question | None) -> QuestionTold | None:
    if asked is None:
        return None
    return QuestionTold.model_validate(
        {
            "fields": tuple(sorted(map(str, asked.fields))),
            "asked_at": moment_of(asked.asked_at),
            "until": moment_of(asked.until),
        }
    )
