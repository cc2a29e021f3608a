"""What a slice's child process is made of: the doors opened for one migration, and the phase it works on.

Tokens, passwords and mail exist only here, and end with the process.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

from redis import Redis
from redis.exceptions import RedisError

from app.closing import ADMINISTRATOR, close_doors, outside_of
from app.config import Config
from app.hosts import config_for
from app.master_user import as_of_now
from app.stores import connect
from app.summing import summarise
from jobs import accounts, clientrefused
from jobs.contacts import note_contact, note_served, served_by
from jobs.crashes import store_away
from jobs.discarding import Revocation, cannot_revoke
from jobs.launch import Wanted, grant_of, mailbox_of, wanted_of
from jobs.migration import State, part_key
from jobs.reach import door_url
from jobs.requests import read
from jobs.retention import UNFINISHED_SECONDS
from jobs.settings import Surroundings
from jobs.slice import Link, SliceEnd, SliceTask, advance, again, ended, failed, paused, soon, wait
from jobs.storetrouble import is_away
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
from oauth.grant import Grant, SingleFlightCredentials
from oauth.revocation import is_gone, revoke
from oauth.vault import Safe

_RETRY_SECONDS = 15.0
_SECOND_LOGIN_SECONDS = 5.0


@dataclass(frozen=True)
class ChildConfig:
    """What the child is given beside its task: the configuration and where the state store is. Holds no secret."""

    config: Config
    state_url: str


def surroundings(given: ChildConfig, state: Redis, migration: str, phase: State) -> Surroundings:
    """Return what a slice is told and what it reaches; for its worker.

    A mail server that is none of the host's any more is no door: the slice finds that out by itself.
    """
    known_as = door_url(given.state_url)
    contacted = partial(note_contact, state, migration)
    try:
        config, to_mailbox = config_for(given.config, state, migration), phase is not State.FINISHING
    except UnknownHost:
        config, to_mailbox = given.config, False
    outside = outside_of(config, given.state_url, known_as, to_mailbox=to_mailbox, contacted=contacted)
    return Surroundings(replace(given, state_url=known_as), outside)


def work(task: SliceTask, link: Link) -> SliceEnd:
    """Do one slice of a migration; every error of the tree becomes the end it asks for."""
    try:
        given = _given(task)
        to_mailbox = task.phase is not State.FINISHING
        given = _with_its_host(task, given) if to_mailbox else given
        mailbox, first = _mailbox(task, given) if to_mailbox else (None, "")
        reach = close_doors(given.config, given.state_url, link.refused, to_mailbox=to_mailbox, first=first)
        end = Slice(task, link, given, reach, mailbox).run()
    except (MigrationError, SealBroken, RedisError) as error:
        end = _end_of(error)
    sys.audit("migrator.slice.before", task.phase)
    return end


def _given(task: SliceTask) -> ChildConfig:
    if not isinstance(task.config, ChildConfig):
        raise TypeError("a slice needs a ChildConfig")
    return task.config


def _with_its_host(task: SliceTask, given: ChildConfig) -> ChildConfig:
    """Put the migration's own mail server in the configuration's place."""
    with connect(given.state_url) as state:
        return replace(given, config=config_for(given.config, state, task.id))


def _mailbox(task: SliceTask, given: ChildConfig) -> tuple[Credentials, str]:
    """Open the mailbox's credentials while the file of the administrator's password can still be read.

    With them comes the address of the mail server that served last.
    """
    with connect(given.state_url) as state:
        mailbox = mailbox_of(Safe(state, task.id, task.key))
        return as_of_now(given.config, mailbox, _administrator), served_by(state, task.id)


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
        self, task: SliceTask, link: Link, given: ChildConfig, reach: ToMailbox, mailbox: Credentials | None
    ) -> None:
        self._task = task
        self._reach = reach
        self._credentials = mailbox
        self._config = given.config
        self._state: Redis = connect(given.state_url)
        self._safe = Safe(self._state, task.id, task.key)
        self._ledger = Ledger(self._state, task.id, task.token, link.progressed)
        self._patience = Patience(task.seconds, link.stop_requested)

    def run(self) -> SliceEnd:
        """Work on the task's phase; what a pause may cure ends in one that grows while nothing is achieved."""
        phases: dict[State, Callable[[], SliceEnd]] = {
            State.PLANNING: self._plan,
            State.COPYING: self._copy,
            State.VERIFYING: self._verify,
            State.FINISHING: self._finish,
        }
        try:
            return phases[self._task.phase]()
        except (Transient, MailboxUnreachable) as error:
            return wait(pause(self._ledger, time.time()), error.code)
        except ClientRefused as error:
            clientrefused.note(self._state, error.detail)
            now = time.time()
            return wait(min(pause(self._ledger, now), now + clientrefused.LONGEST_PAUSE), error.code)

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

    def _finish(self) -> SliceEnd:
        """Give the grant back and ask whether it is dead; the worker discards everything else after that."""
        try:
            grant = grant_of(self._safe)
        except SealBroken:
            cannot_revoke(self._state, self._task.id)
            return ended(State.DONE)
        now = Revocation.read(self._state, self._task.id).after(confirmed=self._revoked(grant))
        self._ledger.write(self._ledger.keep("revocation", now.as_row()))
        if not now.settled:
            return wait(time.time() + _RETRY_SECONDS, "revocation-unconfirmed")
        return ended(State.DONE)

    def _revoked(self, grant: Grant) -> bool:
        sys.audit("migrator.discard.before", "revoke")
        client = self._config.client_as_of_now
        given_back = revoke(client, grant.refresh_token)
        sys.audit("migrator.discard.before", "prove")
        dead = given_back and is_gone(client, grant)
        sys.audit("migrator.discard.after", "prove")
        return dead

    @cached_property
    def _profile(self) -> Profile:
        return PROFILES[self._config.google.profile]

    @cached_property
    def _wanted(self) -> Wanted:
        return wanted_of(self._state, self._task.id)

    @cached_property
    def _connect(self) -> Callable[[], Mailbox]:
        credentials = self._credentials
        if credentials is None:
            raise TypeError("this phase has no door to the mailbox")

        again = iter([_SECOND_LOGIN_SECONDS])  # once in a slice

        def connect() -> Mailbox:
            mailbox = open_mailbox(
                self._config.target,
                credentials,
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
