"""An undo as work of its own: asked for by the customer, done in a process of its own, remembered as counts.

    customer's click, mailbox password typed anew, handed over
      └► undo: ended? nobody at it? ─► audit log ─► process (`jobs.apart`), doors closed

The password was discarded at the end of the import and is not kept again: the process opens it and it ends with that.
Cut off by whatever, an undo goes on where it stopped when it is done once more (`jobs.undos`). It may be done while the
import's data is kept, 24 hours after the end at most. Its process reaches the mailbox alone, and of the state
store by its parent the import's ledger, which it reads, and its own journal.
"""

import json
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from redis import Redis

from jobs import audit
from jobs.apart import GOES_ON, Ask, Json, run_apart
from jobs.audit import CUSTOMER, Act, Actor
from jobs.errors import IllegalTransition, JobError
from jobs.launch import mailbox_from_bytes
from jobs.migration import ENDS, Migration, part_key, record_key
from jobs.outside import Outside, tell_refusal
from jobs.permits import Permit, Script, Words, permit, reading_ledger
from jobs.requests import read
from jobs.retention import ENDED_SECONDS, PURGE_EARLY_SECONDS
from jobs.storeline import state_store
from jobs.storeproxy import Access
from migrator.egress import Inside, ToMailbox, Trust, close_the_doors, door_of, door_to
from migrator.errors import LeaseLost
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox, Target, open_mailbox
from migrator.retry import Patience
from migrator.undo import Undone
from migrator.undo import undo as take_back
from migrator.untouched import Step
from oauth.handover import Handed

HOLD_SECONDS = 120
"""An undo that wrote nothing for this long is taken to be dead, and another may go on."""

LONGEST_SECONDS = 3600.0

# KEYS: the record, the undo, the hold. ARGV: token, value, end date, seconds of the hold.
_WRITE = """
if redis.call('GET', KEYS[3]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EXAT', ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[4])
return 1
"""

# KEYS: the hold. ARGV: token.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class UndoUnderWay(JobError):
    """An undo of this import is running."""

    code = "undo-under-way"

    def __init__(self) -> None:
        super().__init__("an undo of this import is running")


@dataclass(frozen=True, slots=True)
class Place:
    """What an undo's process reaches: the mailbox host, and how far its name is trusted.

    `secrets` are files that the process must not even read.
    """

    target: Target
    trust: Trust = Trust.OPERATOR
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What the process is told; `ends_at` is when its data ends, in seconds since the epoch."""

    place: Place
    migration: str
    token: str
    ends_at: int
    seconds: float
    handed: Handed


def data_ends_at(migration: Migration) -> int:
    """Return until when an ended import can be undone, in seconds since the epoch; 0 before its end."""
    return int(migration.ended_at + ENDED_SECONDS - PURGE_EARLY_SECONDS) if migration.state in ENDS else 0


def undo(
    redis: Redis,
    migration_id: str,
    place: Place,
    handed: Handed,
    *,
    actor: Actor = CUSTOMER,
    seconds: float = LONGEST_SECONDS,
    stop: threading.Event = GOES_ON,
) -> Undone:
    """Take an ended import back and return what became of its copies; blocks until it is done.

    Args:
        redis: the state store.
        migration_id: the import.
        place: where the mailbox is.
        handed: its credentials, given anew by the customer; of no other mailbox than the import's.
        actor: who asked, for the audit log.
        seconds: the process is killed after this long; asked once more, the undo goes on.
        stop: once it is set the process is killed, too.

    Raises:
        UnknownMigration: there is none with this id, or its time is over.
        IllegalTransition: it has not ended.
        UndoUnderWay: one is running.
        AuditBroken, AuditBusy: it cannot be written down, so it was not done.
        ApartFailed: it was cut off; its code says by what (`login-refused`, `mailbox-unreachable`, ...).
    """
    migration = read(redis, migration_id)
    if migration.state not in ENDS:
        raise IllegalTransition(migration.state, "undone")
    with _held(redis, migration_id) as token:
        audit.append(redis, actor, Act.UNDOING, migration_id)
        task = Task(place, migration_id, token, data_ends_at(migration), seconds, handed)
        run_apart(in_process, task, outside=_outside(place, Access(redis, _permit(task))), seconds=seconds, stop=stop)
    return undone_of(redis, migration_id)


def _outside(place: Place, store: Access) -> Outside:
    """Return what the process reaches. The receipt was given: nobody notes which hosts an undo contacts."""
    to = place.target
    mailbox = {door_of((to.host, to.port)): door_to(to.host, to.port, tls=to.tls, trust=place.trust)}
    files = (str(to.ca_file),) if to.ca_file else ()
    return Outside(mailbox, files, store=store)


def undone_of(redis: Redis, migration_id: str) -> Undone:
    """Return how far the import's undo is; `Undone()` when there is none."""
    blob = cast("bytes | None", redis.get(part_key(migration_id, "undo")))
    if not blob:
        return Undone()
    row = json.loads(blob)
    step = row["step"] and Step(**{**row["step"], "remove": tuple(row["step"]["remove"])})
    return Undone(**{**row, "step": step, "gone": tuple(row["gone"])})


def is_running(redis: Redis, migration_id: str) -> bool:
    """Tell whether an undo is at work; one that is neither running nor finished was cut off."""
    return bool(redis.exists(part_key(migration_id, "undoing")))


def in_process(task: Task, _: Ask) -> Json:
    """Do the undo; the process's function. Its answer is empty: what was done lies in the store."""
    place, to = task.place, task.place.target
    close_the_doors(Inside(tempfile.gettempdir(), frozenset({(to.host, to.port)}), place.secrets), tell_refusal)
    reach, credentials = ToMailbox((to.host, to.port)), mailbox_from_bytes(task.handed.open())

    def connect() -> Mailbox:
        mailbox = open_mailbox(to, credentials, connect=reach)
        reach.served(mailbox.address)
        return mailbox

    redis = state_store()
    take_back(connect, Ledger(redis, task.migration), _Journal(redis, task), Patience(task.seconds))
    return {}


def _permit(task: Task) -> Permit:
    """Return what the process may ask of the state store: the ledger to read, its journal to write."""
    ours = [key.encode() for key in _keys_of(task.migration)]
    token, ends_at, hold = (str(each).encode() for each in (task.token, task.ends_at, HOLD_SECONDS))

    def is_ours(keys: Words, given: Words) -> bool:
        match given:
            case [first, _, at, seconds]:
                return list(keys) == ours and (first, at, seconds) == (token, ends_at, hold)
        return False

    return permit(reading_ledger(task.migration, "undo"), scripts=(Script(_WRITE, is_ours),))


def _keys_of(migration: str) -> list[str]:
    """Return the keys of `_WRITE`."""
    return [record_key(migration), part_key(migration, "undo"), part_key(migration, "undoing")]


class _Journal:
    """How far the undo is, written under its hold alone."""

    def __init__(self, redis: Redis, task: Task) -> None:
        self._redis = redis
        self._task = task
        self._script = cast("Any", redis).register_script(_WRITE)

    def read(self) -> Undone:
        return undone_of(self._redis, self._task.migration)

    def write(self, undone: Undone) -> None:
        task = self._task
        args = [task.token, json.dumps(asdict(undone)), task.ends_at, HOLD_SECONDS]
        if not self._script(keys=_keys_of(task.migration), args=args):
            raise LeaseLost


@contextmanager
def _held(redis: Redis, migration_id: str) -> Iterator[str]:
    token = secrets.token_hex(8)
    hold = part_key(migration_id, "undoing")
    if not redis.set(hold, token, ex=HOLD_SECONDS, nx=True):
        raise UndoUnderWay
    try:
        yield token
    finally:
        cast("Any", redis).eval(_RELEASE, 1, hold, token)
