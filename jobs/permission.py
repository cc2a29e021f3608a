"""Support permission: the customer's click lets the staff see more of this one import, of a closed list, for a day.

    ask (staff) ─► give (customer) ─► may, as often as needed (staff; each use told first) ─► end (either)

It ends when it is taken back, when the case is resolved, after 24 hours, or with the import's data. Each use is in the
audit log before it happens; from there the customer's page and the receipt list it. Asking shows nothing: it is a
question on the customer's pages, which goes away by itself.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis import Redis

from jobs import audit
from jobs.audit import CUSTOMER, Act, Actor
from jobs.kept import HOUR
from jobs.migration import ENDS, Migration, part_key
from jobs.requests import read
from jobs.retention import ENDED_SECONDS, UNFINISHED_SECONDS

LONGEST_SECONDS = 24 * HOUR


class Field(StrEnum):
    """Everything that can be allowed. No mail, no sender, subject, date, address or size of a single message."""

    REPORT = "report"
    FOLDER_NAMES = "folder-names"
    FAILURE_WORDS = "failure-words"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Permission:
    """What the staff may see, and until when; times in seconds since the epoch."""

    fields: frozenset[Field]
    given_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Use:
    """One look that a permission made possible: when (seconds since the epoch), by whom, at what."""

    at: int
    staff: str
    field: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the staff asks the customer to allow, since when, and until when it is asked (seconds since the epoch)."""

    fields: frozenset[Field]
    asked_at: float
    until: float


def ask(
    redis: Redis, migration_id: str, fields: Iterable[Field], staff: Actor, *, now: float | None = None
) -> Question:
    """Ask the customer to let the staff see these fields; in place of an earlier question.

    Raises:
        ValueError: no field is named, or the actor is none of the staff.
        UnknownMigration: there is no such import, or its time is over.
        AuditBroken, AuditBusy: it cannot be written down, so it is not asked.
    """
    if not staff.is_staff:
        raise ValueError("permissions are for the staff")
    migration, at = read(redis, migration_id), _now(redis, now)
    asked = Question(frozenset(map(Field, fields)), at, min(at + LONGEST_SECONDS, _data_ends(migration)))
    if not asked.fields:
        raise ValueError("a question names what it is about")
    audit.append(redis, staff, Act.PERMISSION_ASKED, migration_id)
    row = {"fields": sorted(asked.fields), "asked_at": asked.asked_at, "until": asked.until}
    redis.set(_question_key(migration_id), json.dumps(row), ex=LONGEST_SECONDS)
    return asked


def question(redis: Redis, migration_id: str, *, now: float | None = None) -> Question | None:
    """Return what the customer is asked and has not answered; None when there is nothing (any more)."""
    blob = cast("bytes | None", redis.get(_question_key(migration_id)))
    if not blob:
        return None
    row = json.loads(blob)
    found = Question(frozenset(map(Field, row["fields"])), row["asked_at"], row["until"])
    return found if _now(redis, now) < found.until else None


def give(redis: Redis, migration_id: str, fields: Iterable[Field], *, now: float | None = None) -> Permission:
    """Let the staff see these fields of an import for a day; in place of an earlier permission.

    Args:
        redis: the state store.
        migration_id: the import; whoever asks must have been found to be its customer.
        fields: one at least.
        now: seconds since the epoch, the server's clock when None.

    Raises:
        ValueError: no field is named.
        UnknownMigration: there is no such import, or its time is over.
        AuditBroken, AuditBusy: it cannot be written down, so it was not given.
    """
    migration, at = read(redis, migration_id), _now(redis, now)
    given = Permission(frozenset(map(Field, fields)), at, min(at + LONGEST_SECONDS, _data_ends(migration)))
    if not given.fields:
        raise ValueError("a permission names what may be seen")
    audit.append(redis, CUSTOMER, Act.PERMISSION_GIVEN, migration_id)
    row = {"fields": sorted(given.fields), "given_at": given.given_at, "until": given.until}
    redis.set(_key(migration_id), json.dumps(row), ex=LONGEST_SECONDS)
    redis.delete(_question_key(migration_id))
    return given


def held(redis: Redis, migration_id: str, *, now: float | None = None) -> Permission | None:
    """Return the permission that is in force; None when there is none (any more)."""
    blob = cast("bytes | None", redis.get(_key(migration_id)))
    if not blob:
        return None
    row = json.loads(blob)
    found = Permission(frozenset(map(Field, row["fields"])), row["given_at"], row["until"])
    # The key may outlive the permission: a step of the import puts off the end of all its keys.
    return found if _now(redis, now) < found.until else None


def end(redis: Redis, migration_id: str, *, actor: Actor = CUSTOMER) -> bool:
    """End the permission: taken back by the customer, or the staff's case is resolved. Return whether there was one.

    Raises:
        AuditBroken, AuditBusy: it cannot be written down; the permission is ended nevertheless.
    """
    ended = bool(redis.delete(_key(migration_id)))
    if ended:
        audit.append(redis, actor, Act.PERMISSION_ENDED, migration_id)
    return ended


def may(redis: Redis, staff: Actor, migration_id: str, field: Field, *, now: float | None = None) -> bool:
    """Tell whether a member of the staff may see this now; a yes stands in the audit log before it is given.

    Raises:
        ValueError: the actor is none of the staff.
        AuditBroken, AuditBusy: the use cannot be written down, so there is none.
    """
    if not staff.is_staff:
        raise ValueError("permissions are for the staff")
    if not _allows(held(redis, migration_id, now=now), field):
        return False
    audit.append(redis, staff, Act.PERMISSION_USED, migration_id, field)
    return _allows(held(redis, migration_id, now=now), field)  # it may have been taken back meanwhile


def uses(redis: Redis, migration_id: str) -> tuple[Use, ...]:
    """Return every use of a permission for this import, oldest first, for its customer's eyes.

    Raises:
        UnknownMigration: there is no such import, or its time is over.
        AuditBroken: the audit log cannot be read.
    """
    since = read(redis, migration_id).created_at
    found = (e for e in audit.entries(redis, migration_id, since=int(since)) if e.act is Act.PERMISSION_USED)
    return tuple(Use(entry.at, str(entry.actor), entry.code) for entry in found)


def _allows(permission: Permission | None, field: Field) -> bool:
    return permission is not None and field in permission.fields


def _data_ends(migration: Migration) -> float:
    if migration.state in ENDS:
        return migration.ended_at + ENDED_SECONDS
    return migration.progress_at + UNFINISHED_SECONDS


def _now(redis: Redis, now: float | None) -> float:
    if now is not None:
        return now
    seconds, micro = redis.time()
    return seconds + micro / 1e6


def _key(migration_id: str) -> str:
    return part_key(migration_id, "permission")


def _question_key(migration_id: str) -> str:
    return part_key(migration_id, "asked")
