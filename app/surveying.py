"""What the customer is shown before the start: the account looked over in the background, and every choice's effect.

    begin(config, stores, migration_id) -> None             looks it over, once; returns at once
    found(stores, migration_id) -> Found | Failed | None    what came of it; None while nothing has
    counted(found) -> Counted                               for the screen Check
    looked(found, choices) -> Looked                        for the screen Choose: what these choices would do
    usual(found, choices) -> Choices                        the host's choices, hidden labels without mail unticked
    halt() -> None                                          for the end of the web server

    thread of the web server                    process (`jobs.apart`), the import's key and nothing else
    its turn: hold taken, audit log told, key ► grant and mailbox's credentials opened, doors closed
                      hold put off ◄──────────  "still wanted?", every other second
          others' turns, meanwhile ───────────► rests until it is answered (`app.surveyturns`)
              `survey` written ◄────────────── labels, folders, counts

What is found is kept as the plan's labels are: names in the clear, for the customer, until the import ends. It is
written only while the import waits for its start.
"""

import json
import secrets
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import structlog
from redis.exceptions import RedisError

from app.config import Config
from app.found import Failed, Found, counted, looked, usual
from app.hosts import config_for
from app.looking import Look, Sealed, apart, look_over
from app.permitting import for_survey
from app.seen import seen_of
from app.stores import Stores
from app.surveyturns import Turn, Turns
from jobs import audit, clientrefused
from jobs.apart import ApartFailed, Json
from jobs.audit import CUSTOMER, Act, AuditBroken, AuditBusy
from jobs.contacts import note_contact
from jobs.custody import KEY_LOST
from jobs.fullness import Load
from jobs.migration import part_key, record_key
from jobs.scripts import decoded
from jobs.slice import crashed_by
from jobs.spawning import CannotStart
from migrator.errors import ClientRefused, UnknownHost
from migrator.retry import Stopped
from oauth.errors import SealBroken

__all__ = ["Failed", "Found", "begin", "counted", "found", "halt", "looked", "usual"]

LONGEST_SECONDS = 1800.0
"""A million messages need ten minutes under Google's ceiling for new projects."""


_HOLD_SECONDS = 90
"""A survey not heard of for this long is dead, with its web server, and may be begun again by another one."""

_REST_SECONDS = 10.0
"""Who rests looks so often whether the import is still to be looked over."""

_log = structlog.get_logger()

_WAITS = "if redis.call('HGET', KEYS[1], 'reason') ~= 'not-started' then return 0 end\n"

_MINE = """
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then return 0 end
"""

# Keys of each: the record, the survey, the hold. ARGV: the token, seconds of the hold.
_TAKE = f"""{_WAITS}
if not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('DEL', KEYS[2])
return 1
"""

_PUT_OFF = f"""{_WAITS}{_MINE}
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
return 1
"""

# ARGV: the token, what is to be kept, or '' for nothing. It ends with the record.
_LEAVE = f"""{_MINE}
redis.call('DEL', KEYS[3])
{_WAITS}
local left = redis.call('PTTL', KEYS[1])
if ARGV[2] ~= '' and left > 0 then redis.call('SET', KEYS[2], ARGV[2], 'PX', left) end
return 1
"""


@dataclass(frozen=True)
class _Survey:
    config: Config
    stores: Stores
    migration: str
    token: str
    seconds: float

    def in_store(self, script: str, *args: str | int) -> bool:
        """Run one of the scripts above; return whether the survey still holds its place."""
        keys = [f"{record_key(self.migration)}{part}" for part in ("", ":survey", ":surveying")]
        return bool(cast("Any", self.stores.state).eval(script, len(keys), *keys, self.token, *args))


_lock = threading.Condition()
_turns = Turns()
_wanted: dict[str, str] = {}
"""Tokens of this process's surveys, in line or at work, by migration; one that is taken out ends."""

_at_work: set[str] = set()


def begin(config: Config, stores: Stores, migration_id: str, *, seconds: float = LONGEST_SECONDS) -> None:
    """Have an import that waits for its start looked over; does nothing when that is under way or done.

    One that failed is looked over again. The import's secrets are sealed and its choices written by now.

    Args:
        config: of this installation.
        stores: of this installation.
        migration_id: whoever asks must have been found to be its customer.
        seconds: the process is killed after this long.

    Raises:
        redis.RedisError: the state store is away.
    """
    if isinstance(found(stores, migration_id), Found):
        return
    customer = decoded(stores.state.hget(record_key(migration_id), "customer") or b"")
    with _lock:
        if migration_id in _wanted:
            return
        token = _wanted[migration_id] = secrets.token_hex(8)
    survey = _Survey(config, stores, migration_id, token, seconds)
    _turns.line_up(Turn(stores.state, customer, partial(_carry_out, survey)))


def found(stores: Stores, migration_id: str) -> Found | Failed | None:
    """Return what was found; None while it is under way, and when nobody has begun."""
    blob = cast("bytes | None", stores.state.get(part_key(migration_id, "survey")))
    if not blob:
        return None
    row = json.loads(blob)
    return Failed(row["failed"]) if "failed" in row else Found(seen_of(row))


def halt(seconds: float = 5.0) -> None:
    """End all surveys of this process and wait for that, so long at most; they can be begun again."""
    with _lock:
        _wanted.clear()
        _turns.wake()
        _lock.wait_for(lambda: not _at_work, seconds)


def load() -> Load:
    """How full it is."""
    return _turns.load


def _carry_out(survey: _Survey, turn: Turn) -> None:
    """Look an account over; one that had to make room for others stands in line again."""
    with _lock:
        if _wanted.get(survey.migration) != survey.token:
            _turns.leave(turn)
            return
        _at_work.add(survey.token)
    try:
        _kept(survey, turn)
    except RedisError as error:  # its customer's page asks for it again
        _log.error("survey-failed", migration=survey.migration, error=error)
    finally:
        _turns.leave(turn)
        _over(survey, again=turn.ended_early)
    if turn.ended_early:
        _turns.line_up(Turn(turn.redis, turn.customer, turn.begin, fresh=False))


def _over(survey: _Survey, *, again: bool) -> None:
    with _lock:
        _at_work.discard(survey.token)
        if _wanted.get(survey.migration) == survey.token and not again:
            del _wanted[survey.migration]
        _lock.notify_all()


def _kept(survey: _Survey, turn: Turn) -> None:
    """Look it over under the hold, and write down what was found."""
    row = ""
    if survey.in_store(_TAKE, _HOLD_SECONDS):
        try:
            row = _row(survey, turn)
        finally:
            survey.in_store(_LEAVE, row)


def _row(survey: _Survey, turn: Turn) -> str:
    """Return what is to be kept as JSON; empty when the survey was stopped, or no process could be started for it."""
    try:
        return json.dumps(_answer(survey, turn))
    except RedisError:
        raise
    except CannotStart:  # the customer's page goes on counting, and asks for it again
        return ""
    except (ApartFailed, UnknownHost, AuditBroken, AuditBusy) as error:
        code = error.code
    except SealBroken:
        code = KEY_LOST
    except Exception as error:  # noqa: BLE001 - whatever it is: the customer's page must not count for ever
        code = crashed_by(error).code
    if code == Stopped.code:
        return ""
    if code == ClientRefused.code:
        clientrefused.note(survey.stores.state)
    _log.warning("survey-failed", migration=survey.migration, code=code)
    return json.dumps({"failed": code})


def _answer(survey: _Survey, turn: Turn) -> Json:
    """Look the account over; the audit log is told before a secret is opened."""
    state, migration = survey.stores.state, survey.migration
    config = config_for(survey.config, state, migration)
    audit.append(state, CUSTOMER, Act.OPENED, migration, "look-over")
    task = Look(config.without_stores, Sealed(migration, survey.stores.opening_vault.key(migration)))
    return apart(
        look_over,
        task,
        for_survey(config, state, migration),
        lambda _: {"wanted": _goes_on(survey, turn)},
        contacted=partial(note_contact, state, migration),
        seconds=survey.seconds,
    )


def _goes_on(survey: _Survey, turn: Turn) -> bool:
    """Return whether its process goes on; where others have their turns first, that is answered after them."""
    while _is_wanted(survey):
        told = _turns.after_slice(turn, _REST_SECONDS)
        if told != "rest":
            return told == "go on"
    return False


def _is_wanted(survey: _Survey) -> bool:
    with _lock:
        mine = _wanted.get(survey.migration) == survey.token
    return mine and survey.in_store(_PUT_OFF, _HOLD_SECONDS)
