"""Undos as jobs of the workers: asked for on a page, done by whichever worker is told, gone on with if that one dies.

    web server   the same mailbox? ─► credentials handed over ─► wish written       may be killed from here on
    reconciler   a message with the import's id alone            again, while it is asked for and nobody is at it
    a worker     process of its own, which opens the credentials ─► credentials destroyed ─► done, or stopped

Messages may be lost, late or doubled without harm: the wish says what is to be done, the undo's hold that somebody is
at it. The actor never raises; whatever goes wrong becomes a code of the wish, or is left to the next message.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import RedisError

from jobs import mailboxes, undowish
from jobs.apart import ApartFailed
from jobs.audit import AuditBroken, AuditBusy
from jobs.broker import UNDO, UNDOS, queued_tickets, send_undo
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.launch import mailbox_as_bytes
from jobs.mailboxes import OtherMailbox
from jobs.migration import record_key
from jobs.slice import crashed_by
from jobs.spawning import CannotStart
from jobs.undoing import LONGEST_SECONDS, Place, UndoUnderWay, undo
from migrator.errors import LeaseLost, UnknownHost
from migrator.mailbox import Credentials
from oauth import handover
from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.vault import Vault, WorkersVault

_log = structlog.get_logger()

_MOST_MESSAGES = 256
"""Waiting at a time, of all imports."""

_TIDY_SECONDS = 60.0

OPTIONS: dict[str, Any] = {
    "max_retries": 0,  # the reconciler tells the workers again, and stores no text of an exception
    "throws": (),  # whatever comes out of the actor is a mistake in the program
    "time_limit": 1000 * (LONGEST_SECONDS + _TIDY_SECONDS),  # its process is killed before
    "max_age": 1000 * undowish.ASKED_SECONDS,  # nothing is asked for any more
}
"""Dramatiq's, in milliseconds."""


class _Later(Exception):
    """It is not done now, and nobody is to be told: another message comes while it is asked for."""


@dataclass(frozen=True, slots=True)
class Undos:
    """What a worker does undos with.

    Attributes:
        vault: has the key of what was handed over.
        keys: the key stores, where it lies.
        place: says where an import's mailbox is. Raises `UnknownHost`.
    """

    vault: WorkersVault
    keys: Keys
    place: Callable[[Redis, str], Place]


def ask(redis: Redis, keys: Keys, vault: Vault, migration_id: str, credentials: Credentials) -> None:
    """Hand an undo over to the workers; what becomes of it is told by `jobs.undowish`.

    Args:
        redis: the state store.
        keys: the key stores.
        vault: knows the mailbox's opaque names, and seals the credentials.
        migration_id: the import.
        credentials: given anew by the customer; those of another mailbox are handed to nobody.
    """
    try:
        mailboxes.check(redis, vault, migration_id, credentials)
    except OtherMailbox as error:
        undowish.stop(redis, migration_id, error.code)
        return
    secret = mailbox_as_bytes(credentials)
    handover.hand_over(keys, vault, _label(migration_id), secret, undowish.ASKED_SECONDS)
    undowish.ask(redis, migration_id)


def tell_of_undos(redis: Redis, broker: RedisBroker) -> None:
    """Tell the workers of undos that are asked for and at work nowhere."""
    room = max(0, _MOST_MESSAGES - queued_tickets(broker, UNDOS))
    for migration_id in undowish.due(redis)[:room]:
        send_undo(broker, migration_id)
        undowish.told(redis, migration_id)


def declare_undos(broker: dramatiq.Broker, redis: Redis, stop: threading.Event, undos: Undos) -> None:
    """Make the actor known to the broker; once `stop` is set it leaves its work to others."""

    def do_undo(migration_id: str) -> None:
        take_undo(redis, undos, stop, migration_id)

    dramatiq.actor(actor_name=UNDO, queue_name=UNDOS, broker=broker, **OPTIONS)(do_undo)


def take_undo(redis: Redis, undos: Undos, stop: threading.Event, migration_id: str) -> None:
    """Do what a message asks for: one undo, if it is still asked for and nobody is at it."""
    try:
        if stop.is_set():
            return
        if undowish.is_asked(redis, migration_id):
            _end(redis, undos, migration_id, _done(redis, undos, stop, migration_id))
        elif not redis.exists(record_key(migration_id)):  # erased before anybody was at it
            handover.destroy(undos.keys, _label(migration_id))
    except _Later:
        return
    except RedisError as error:
        _log.warning("ticket-dropped", error=error)


def _done(redis: Redis, undos: Undos, stop: threading.Event, migration_id: str) -> str:
    """Do it, and return by what it was stopped: empty where it is done, or there is nothing to be undone any more."""
    try:
        handed = handover.take(undos.keys, undos.vault, _label(migration_id))
        undo(redis, migration_id, undos.place(redis, migration_id), handed, stop=stop)
    except (IllegalTransition, UnknownMigration):  # erased, or purged, since it was asked for
        return ""
    except (CannotStart, UndoUnderWay):
        raise _Later from None
    except ApartFailed as error:
        if stop.is_set() or error.code == LeaseLost.code:
            raise _Later from None
        return error.code
    except (AuditBroken, AuditBusy, SealBroken, UnknownHost) as error:
        return error.code
    except RedisError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the wish tells its class
        _log.critical("unhandled", place="worker", error=error)
        return crashed_by(error).code
    return ""


def _end(redis: Redis, undos: Undos, migration_id: str, code: str) -> None:
    """Note what became of it. The credentials go first: of what has ended, nobody holds any."""
    handover.destroy(undos.keys, _label(migration_id))
    if code:
        _log.warning("undo-stopped", migration=migration_id, code=code)
        undowish.stop(redis, migration_id, code)
    else:
        undowish.settle(redis, migration_id)


def _label(migration_id: str) -> str:
    return f"undo:{migration_id}"
