"""What people do to a migration, whoever they are: written down in the audit log first, then asked for."""

from collections.abc import Callable
from typing import Literal

from redis import Redis

from jobs import audit, requests
from jobs.audit import Act, Actor
from jobs.errors import IllegalTransition
from jobs.migration import ENDS, Migration, State, may_become
from jobs.retrying import finish_without, is_held, open_again
from migrator.hold import FAILED_MESSAGES

What = Literal["resume", "pause", "cancel", "expire", "retry", "finish"]

NEEDS_CUSTOMER = frozenset({"not-started", "reconnect-needed", "key-lost"})
"""Pauses that nobody but the customer ends: he starts, or connects again."""

_RESUME_IS_NO_HELP = NEEDS_CUSTOMER | {FAILED_MESSAGES}
"""A held import is retried or finished; resumed, it would be held again."""


def _retry(redis: Redis, migration_id: str) -> None:
    """Have the messages that failed tried again, and go on where nothing but a person's wish is needed for it."""
    if not open_again(redis, migration_id):
        return
    now = requests.read(redis, migration_id)
    if is_held(now) or helps(now, "resume"):
        requests.resume(redis, migration_id)


_ACTS: dict[What, tuple[Callable[[Redis, str], object], Act]] = {
    "pause": (requests.pause, Act.PAUSED),
    "resume": (requests.resume, Act.RESUMED),
    "cancel": (requests.cancel, Act.CANCELLED),
    "expire": (requests.expire, Act.EXPIRED),
    "retry": (_retry, Act.RETRIED),
    "finish": (finish_without, Act.FINISHED_WITHOUT),
}


def carry_out(redis: Redis, migration_id: str, what: What, actor: Actor) -> Migration:
    """Do it, once the audit log knows; return the migration as it stands then.

    Raises:
        IllegalTransition: it cannot be done in this state; nothing is written down.
        UnknownMigration: there is none with this id.
        AuditBroken, AuditBusy: it cannot be written down, so it is not done.
    """
    before = requests.read(redis, migration_id)
    if not is_possible(before, what):
        raise IllegalTransition(before.state, what)
    asked, act = _ACTS[what]
    audit.append(redis, actor, act, migration_id)
    asked(redis, migration_id)
    return requests.read(redis, migration_id)


def is_possible(migration: Migration, what: What) -> bool:
    """Tell whether the state allows it; what is so already is possible, and changes nothing."""
    match what:
        case "pause":
            unfinished = migration.phase is not State.FINISHING
            return migration.state is State.PAUSED or (unfinished and may_become(migration.state, State.PAUSED))
        case "resume":
            hopeless = migration.state is State.FAILED and not migration.resumable
            return not hopeless and (migration.state is migration.phase or may_become(migration.state, migration.phase))
        case "finish":
            return is_held(migration)
        case "retry":
            hopeless = migration.state is State.FAILED and not migration.resumable
            ending = migration.phase is State.FINISHING or migration.wish in {"cancel", "expire"}
            return not (hopeless or ending or migration.state in ENDS)
        case _:
            return migration.state is State.FINISHING or may_become(migration.state, State.FINISHING)


def helps(migration: Migration, what: What) -> bool:
    """Tell whether it would change anything: what a page offers as a button."""
    match what:
        case "pause":
            return is_possible(migration, what) and migration.state is not State.PAUSED and migration.wish != "pause"
        case "resume":
            held_up = migration.state is not migration.phase or migration.wish == "pause"
            return held_up and is_possible(migration, what) and migration.reason not in _RESUME_IS_NO_HELP
        case "retry":
            return is_possible(migration, what) and migration.reason != "not-started"
        case "finish":
            return is_possible(migration, what)
        case _:
            ending = migration.state is State.FINISHING or migration.wish in {"cancel", "expire"}
            return is_possible(migration, what) and not ending
