"""What a slice's child process is made of: the doors opened for one migration, and the phase it works on.

Tokens, passwords and mail exist only here, and end with the process.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from redis import Redis
from redis.exceptions import RedisError

from app.closing import ADMINISTRATOR, close_doors, outside_of
from app.config import Config
from app.hosts import config_for
from app.master_user import as_of_now
from app.permitting import slice_permit
from app.summing import summarise
from jobs import accounts, clientrefused
from jobs.contacts import note_contact, note_served, served_by
from jobs.crashes import store_away
from jobs.launch import Wanted, grant_of, mailbox_of, wanted_of
from jobs.migration import State, part_key
from jobs.permits import for_revoking
from jobs.requests import read
from jobs.retention import UNFINISHED_SECONDS
from jobs.settings import Surroundings
from jobs.slice import Link, SliceEnd, SliceTask, advance, again, failed, paused, soon, wait
from jobs.storeline import state_store
from jobs.storeproxy import Access
from jobs.storetrouble import is_away
from jobs.tickets import Claim
from migrator.changes import catch_up, look_once_more
from migrator.egress import ToMailbox, line
from migrator.errors import (
    ClientRefused,
    LeaseLost,
    LoginRefused,
    MailboxUnreachable,
    MessagesDeferred,
    MigrationError,
    ReconnectNeeded,
    Transient,
    UnknownHost,
    Waiting,
)
from migrator.gmail import Gmail
from migrator.hold import FAILED_MESSAGES, held_until
from migrator.ledger import Ledger
from migrator.mailbox import Credentials, Mailbox, open_mailbox
from migrator.pauses import pause
from migrator.plan import plan_slice
from migrator.quota import PROFILES, Meter, Profile
from migrator.reopening import is_asked, reopen
from migrator.retry import Patience, Stopped
from migrator.transfer import copy_slice
from migrator.verify import verify_slice
from oauth.errors import KeyLost, SealBroken
from oauth.grant import SingleFlightCredentials
from oauth.vault import Safe

_RETRY_SECONDS = 15.0
_SECOND_LOGIN_SECONDS = 5.0


@dataclass(frozen=True)
class ChildConfig:
    """What the child is given beside its task: the configuration. Holds no secret, and not where the stores are."""

    config: Config

    @classmethod
    def of(cls, task: SliceTask) -> "ChildConfig":
        """Return what came with a task."""
        if not isinstance(task.config, cls):
            raise TypeError("a slice needs a ChildConfig")
        return task.config


def surroundings(config: Config, state: Redis, claimed: Claim) -> Surroundings:
    """Return what a slice is told and what it reaches; for its worker.

    A mail server that is none of the host's any more is no door: the slice finds that out by itself.
    """
    revokes = claimed.phase is State.FINISHING
    permit = for_revoking(claimed.id) if revokes else slice_permit(config, state, claimed)
    contacted = partial(note_contact, state, claimed.id)
    try:
        reached, to_mailbox = config_for(config, state, claimed.id), not revokes
    except UnknownHost:
        reached, to_mailbox = config, False
    outside = outside_of(reached, Access(state, permit), to_mailbox=to_mailbox, contacted=contacted)
    return Surroundings(ChildConfig(config.without_stores), outside)


def work(task: SliceTask, link: Link) -> SliceEnd:
    """Do one slice of a migration; every error of the tree becomes the end it asks for."""
    try:
        state = state_store()
        config = config_for(ChildConfig.of(task).config, state, task.id)
        mailbox, first = _mailbox(task, config, state)
        reach = close_doors(config, link.refused, to_mailbox=True, first=first)
        end = Slice(task, link, config, state, reach, mailbox).run()
    except (MigrationError, SealBroken, RedisError) as error:
        end = _end_of(error)
    sys.audit("migrator.slice.before", task.phase)
    return end


def _mailbox(task: SliceTask, config: Config, state: Redis) -> tuple[Credentials, str]:
    """Open the mailbox's credentials while the file of the administrator's password can still be read.

    With them comes the address of the mail server that served last.
    """
    mailbox = mailbox_of(Safe(state, task.id, task.key))
    return as_of_now(config, mailbox, _administrator), served_by(state, task.id)


def _administrator() -> str:
    """Read the file of the administrator's password, which the worker opens for whoever was connected to nobody yet."""
    with open(line().dial(ADMINISTRATOR), encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        return file.read()


def _end_of(error: Exception) -> SliceEnd:
    match error:
        case Stopped() | LeaseLost():  # the second: the next slice looks how it stands
            return again()
        case Waiting():
            return wait(error.until, error.code)
        case Transient():
            return soon(error.code)
        case ReconnectNeeded() | LoginRefused():
            return paused(error.code)
        case RedisError() if is_away(error):
            return store_away()
        case SealBroken():
            return paused(KeyLost.code)
        case MigrationError():
            return failed(error.code, resumable=True)
    raise error


class Slice:
    """The doors of one slice, each opened when it is first used."""

    def __init__(
        self, task: SliceTask, link: Link, config: Config, state: Redis, reach: ToMailbox, mailbox: Credentials
    ) -> None:
        self._task = task
        self._reach = reach
        self._credentials = mailbox
        self._config = config
        self._state = state
        self._safe = Safe(self._state, task.id, task.key)
        self._ledger = Ledger(self._state, task.id, task.token, link.progressed)
        self._patience = Patience(task.seconds, link.stop_requested)

    def run(self) -> SliceEnd:
        """Work on the task's phase; what a pause may cure ends in one that grows while nothing is achieved."""
        phases: dict[State, Callable[[], SliceEnd]] = {
            State.PLANNING: self._plan,
            State.COPYING: self._copy,
            State.VERIFYING: self._verify,
        }
        try:
            return phases[self._task.phase]()
        except (Transient, MailboxUnreachable) as error:
            return wait(pause(self._ledger, time.time()), error.code)
        except ClientRefused as error:
            now = time.time()
            until = min(pause(self._ledger, now), now + clientrefused.LONGEST_PAUSE)
            return wait(until, clientrefused.as_code(error.detail))

    def _plan(self) -> SliceEnd:
        mailbox = self._connect()
        try:
            wanted = self._wanted
            done = plan_slice(self._gmail, mailbox, self._ledger, wanted.choices, wanted.order, self._patience)
        finally:
            mailbox.close()
        return advance(State.COPYING, self._ledger.step) if done else again()

    def _copy(self) -> SliceEnd:
        if is_asked(self._ledger):
            reopen(self._ledger)
        record = read(self._state, self._task.id)
        try:
            done = copy_slice(
                self._gmail,
                self._connect,
                self._ledger,
                self._wanted.choices,
                self._safe.digest_key,
                self._config.google.fetchers or self._profile.fetchers,
                self._patience,
                careful=record.crashes > 0,
                progress_at=record.progress_at,
            )
        except MessagesDeferred:
            if self._catch_up():
                return again()
            raise
        if not done or self._catch_up():
            return again()
        return advance(State.VERIFYING, self._ledger.step)

    def _catch_up(self) -> bool:
        return catch_up(self._gmail, self._connect, self._ledger, self._wanted.choices, self._patience)

    def _verify(self) -> SliceEnd:
        if is_asked(self._ledger):
            return advance(State.COPYING)
        key = self._safe.digest_key
        done = verify_slice(self._connect, self._ledger, key, self._patience, by_digest=self._wanted.by_digest)
        if not done:
            return again()
        held = held_until(self._ledger, time.time())
        if held is not None:
            return wait(held, FAILED_MESSAGES)
        if look_once_more(self._gmail, self._connect, self._ledger, self._wanted.choices, self._patience):
            return advance(State.COPYING, self._ledger.step)
        user = mailbox_of(self._safe).user
        summarise(self._config, self._state, self._task.id, user, self._ledger, self._connect)
        return advance(State.FINISHING, self._ledger.step)

    @cached_property
    def _profile(self) -> Profile:
        return PROFILES[self._config.google.profile]

    @cached_property
    def _wanted(self) -> Wanted:
        return wanted_of(self._state, self._task.id)

    @cached_property
    def _connect(self) -> Callable[[], Mailbox]:
        again = iter([_SECOND_LOGIN_SECONDS])  # once in a slice

        def connect() -> Mailbox:
            mailbox = open_mailbox(
                self._config.target,
                self._credentials,
                connect=self._reach,
                second_logins=again,
                wait=self._patience.wait,
            )
            self._reach.served(mailbox.address)
            note_served(self._state, self._task.id, mailbox.address)
            self._state.set(part_key(self._task.id, "tls"), mailbox.tls, ex=UNFINISHED_SECONDS)
            return mailbox

        return connect

    @cached_property
    def _gmail(self) -> Gmail:
        credentials = SingleFlightCredentials(grant_of(self._safe), self._config.client_as_of_now)
        account = accounts.account_of(self._state, self._task.id)
        calls = part_key(self._task.id, "calls")
        meter = Meter(self._state, f"{self._config.google.project}:{account}", self._profile, calls=calls)
        return Gmail(credentials, self._config.google.api, meter, self._patience)
