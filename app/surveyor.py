"""A worker's surveys: accounts looked over before their import, each by a process of its own.

    actor (`jobs.surveys`)        thread of its own                  process (`jobs.apart`), the import's key alone
    hold taken, in line ────────► its turn: audit log told, key ───► grant and mailbox's credentials opened
                                                   ◄──────────────── "still wanted?", every other second
                                  others' turns, meanwhile ────────► rests until it is answered (`app.surveyturns`)
                                  `survey` written ◄──────────────── labels, folders, counts

No slice waits for any of it, and no survey for a slice: they have no thread in common. A worker that is told to stop
has its surveys done by another one.
"""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from redis.exceptions import RedisError

from app.config import Config
from app.hosts import config_for
from app.loads import telling_loads
from app.looking import Look, Sealed, apart, look_over
from app.permitting import for_survey
from app.stores import Stores
from app.surveyturns import Turn, Turns
from jobs import audit, clientrefused
from jobs.apart import ApartFailed, Json
from jobs.audit import CUSTOMER, Act, AuditBroken, AuditBusy
from jobs.contacts import note_contact
from jobs.custody import KEY_LOST
from jobs.fullness import Load
from jobs.migration import record_key
from jobs.scripts import decoded
from jobs.slice import crashed_by
from jobs.spawning import CannotStart
from jobs.surveys import KEEP_SECONDS, Hold, taking
from migrator.errors import ClientRefused, UnknownHost
from migrator.retry import Stopped
from oauth.errors import SealBroken

LONGEST_SECONDS = 1800.0
"""A million messages need ten minutes under Google's ceiling for new projects."""

_REST_SECONDS = 10.0
"""Who rests looks so often whether the import is still to be looked over."""

_END_SECONDS = 1.0

_log = structlog.get_logger()


@contextmanager
def surveying(config: Config, stores: Stores, stop: threading.Event) -> Iterator[None]:
    """Look over what the pages ask for while the block runs, or until `stop` is set; then others are to go on with it.

    Processes can be started by now.
    """
    surveyor = Surveyor(config, stores)
    thread = threading.Thread(target=surveyor.work_until, args=(stop,), name="surveys", daemon=True)
    thread.start()
    try:
        with telling_loads(stores, stop, lambda: {"survey": surveyor.load}):
            yield
    finally:
        stop.set()
        thread.join(_END_SECONDS)


@dataclass(frozen=True, slots=True, eq=False)
class _Survey:
    """One of them; `over` is set when it is not wanted any more, and its process is killed."""

    hold: Hold
    over: threading.Event = field(default_factory=threading.Event)


class Surveyor:
    """All surveys of one worker, in line and at work.

    Args:
        config: of this installation.
        stores: of this installation.
        seconds: a survey's process is killed after this long.
    """

    def __init__(self, config: Config, stores: Stores, seconds: float = LONGEST_SECONDS) -> None:
        self._config = config
        self._stores = stores
        self._seconds = seconds
        self._turns = Turns()
        self._lock = threading.Lock()
        self._surveys: set[_Survey] = set()

    @property
    def load(self) -> Load:
        """How full it is."""
        return self._turns.load

    def work_until(self, stop: threading.Event) -> None:
        """Take what is asked for until `stop` is set; then give back what has not ended."""
        with taking(self._stores.urls.broker, self.take):
            while not stop.wait(KEEP_SECONDS):
                self._keep()
        self.halt()

    def take(self, migration_id: str) -> None:
        """Line an import up, unless it is looked over already, by whichever worker, or does not wait for it any more.

        A store that is away is in the log: the customer's page asks again.
        """
        state = self._stores.state
        survey = _Survey(Hold(state, migration_id, secrets.token_hex(8)))
        try:
            if survey.hold.take():
                customer = decoded(state.hget(record_key(migration_id), "customer") or b"")
                with self._lock:
                    self._surveys.add(survey)
                self._turns.line_up(Turn(state, customer, partial(self._carry_out, survey)))
        except RedisError as error:
            _log.error("survey-failed", migration=migration_id, error=error)

    def halt(self) -> None:
        """End what has not ended here, and have other workers do it."""
        surveys = self._all()
        for survey in surveys:
            self._end(survey)
        self._turns.wake()
        for survey in surveys:
            with suppress(RedisError):  # the hold ends by itself, and the customer's page asks again
                survey.hold.give_back(self._stores.sender)

    def _keep(self) -> None:
        """Put the holds off, and end what is not wanted any more."""
        for survey in self._all():
            with suppress(RedisError):  # it may come back before the hold is over
                if not survey.hold.keep():
                    self._end(survey)

    def _all(self) -> list[_Survey]:
        with self._lock:
            return list(self._surveys)

    def _end(self, survey: _Survey) -> None:
        survey.over.set()
        with self._lock:
            self._surveys.discard(survey)

    def _carry_out(self, survey: _Survey, turn: Turn) -> None:
        """Look an account over; one that had to make room for others stands in line again."""
        try:
            row = self._row(survey, turn)
            if not turn.ended_early:
                survey.hold.leave(row)
        except RedisError as error:  # its customer's page asks for it again
            _log.error("survey-failed", migration=survey.hold.migration, error=error)
        finally:
            self._turns.leave(turn)
            if not turn.ended_early:
                self._end(survey)
        if turn.ended_early:
            self._turns.line_up(Turn(turn.redis, turn.customer, turn.begin, fresh=False))

    def _row(self, survey: _Survey, turn: Turn) -> str:
        """Return what is to be kept as JSON; empty when it was stopped, or no process could be started for it."""
        try:
            return "" if survey.over.is_set() else json.dumps(self._answer(survey, turn))
        except RedisError:
            raise
        except CannotStart:  # the customer's page goes on waiting, and asks for it again
            return ""
        except (ApartFailed, UnknownHost, AuditBroken, AuditBusy) as error:
            code = error.code
        except SealBroken:
            code = KEY_LOST
        except Exception as error:  # noqa: BLE001 - whatever it is: the customer's page must not wait for ever
            code = crashed_by(error).code
        if code == Stopped.code or survey.over.is_set():
            return ""
        if code == ClientRefused.code:
            clientrefused.note(self._stores.state)
        _log.warning("survey-failed", migration=survey.hold.migration, code=code)
        return json.dumps({"failed": code})

    def _answer(self, survey: _Survey, turn: Turn) -> Json:
        """Look the account over; the audit log is told before a secret is opened."""
        state, migration = self._stores.state, survey.hold.migration
        config = config_for(self._config, state, migration)
        audit.append(state, CUSTOMER, Act.OPENED, migration, "look-over")
        task = Look(config.without_stores, Sealed(migration, self._stores.opening_vault.key(migration)))
        return apart(
            look_over,
            task,
            for_survey(config, state, migration),
            lambda _: {"wanted": self._goes_on(survey, turn)},
            contacted=partial(note_contact, state, migration),
            seconds=self._seconds,
            stop=survey.over,
        )

    def _goes_on(self, survey: _Survey, turn: Turn) -> bool:
        """Return whether its process goes on; where others have their turns first, that is answered after them."""
        while not survey.over.is_set():
            told = self._turns.after_slice(turn, _REST_SECONDS)
            if told != "rest":
                return told == "go on"
        return False
