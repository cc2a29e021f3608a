"""What a slice's child process is made of: the doors opened for one migration, and the phase it works on.

Tokens, passwords and mail exist only here, and end with the process.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from redis import Redis

from app.config import Config
from app.stores import StoreUrls, connect
from jobs.launch import Wanted, grant_of, mailbox_of, wanted_of
from jobs.migration import State
from jobs.requests import read
from jobs.slice import Link, SliceEnd, SliceTask, advance, again, ended, failed, paused, wait
from migrator.errors import LoginRefused, MigrationError, ReconnectNeeded, Transient, Waiting
from migrator.gmail import Gmail
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox, open_mailbox
from migrator.plan import catch_up, plan_slice
from migrator.quota import PROFILES, Meter, Profile
from migrator.retry import Patience, Stopped, attempt
from migrator.transfer import copy_slice
from migrator.verify import verify_slice
from oauth.errors import SealBroken
from oauth.grant import SingleFlightCredentials
from oauth.revocation import is_dead, revoke
from oauth.vault import Vault

_RETRY_SECONDS = 15.0
_REVOCATION_TRIES = 10


@dataclass(frozen=True)
class ChildConfig:
    """What the child is given beside its task: the configuration and where the stores are. Holds no secret."""

    config: Config
    urls: StoreUrls
    master_key_file: Path


def work(task: SliceTask, link: Link) -> SliceEnd:
    """Do one slice of a migration; every error of the tree becomes the end it asks for."""
    try:
        end = Slice(task, link).run()
    except (MigrationError, SealBroken) as error:
        end = _end_of(error)
    sys.audit("migrator.slice.before", task.phase)
    return end


def _end_of(error: Exception) -> SliceEnd:
    match error:
        case Stopped():
            return again()
        case Waiting():
            return wait(error.until, error.code)
        case Transient():
            return wait(time.time() + _RETRY_SECONDS, error.code)
        case ReconnectNeeded() | LoginRefused():
            return paused(error.code)
        case SealBroken():
            return paused(ReconnectNeeded.code)
        case MigrationError():
            return failed(error.code, resumable=True)
    raise error


class Slice:
    """The doors of one slice, each opened when it is first used."""

    def __init__(self, task: SliceTask, link: Link) -> None:
        given = task.config
        if not isinstance(given, ChildConfig):
            raise TypeError("a slice needs a ChildConfig")
        self._task = task
        self._config = given.config
        self._state: Redis = connect(given.urls.state)
        self._vault = Vault(self._state, connect(given.urls.keys), given.master_key_file.read_bytes())
        self._ledger = Ledger(self._state, task.id, task.token, link.progressed)
        self._patience = Patience(task.seconds, link.stop_requested)

    def run(self) -> SliceEnd:
        """Work on the task's phase."""
        phases: dict[State, Callable[[], SliceEnd]] = {
            State.PLANNING: self._plan,
            State.COPYING: self._copy,
            State.VERIFYING: self._verify,
            State.FINISHING: self._finish,
        }
        return phases[self._task.phase]()

    def _plan(self) -> SliceEnd:
        mailbox = self._connect()
        try:
            wanted = self._wanted
            done = plan_slice(self._gmail, mailbox, self._ledger, wanted.choices, wanted.order, self._patience)
        finally:
            mailbox.close()
        return advance(State.COPYING) if done else again()

    def _copy(self) -> SliceEnd:
        done = copy_slice(
            self._gmail,
            self._connect,
            self._ledger,
            self._wanted.choices,
            self._vault.digest_key(self._task.id),
            self._config.google.fetchers or self._profile.fetchers,
            self._patience,
            careful=read(self._state, self._task.id).crashes > 0,
        )
        if not done or catch_up(self._gmail, self._ledger, self._wanted.choices, self._patience):
            return again()
        return advance(State.VERIFYING)

    def _verify(self) -> SliceEnd:
        key = self._vault.digest_key(self._task.id)
        done = verify_slice(self._connect, self._ledger, key, self._patience, by_digest=self._wanted.by_digest)
        return advance(State.FINISHING) if done else again()

    def _finish(self) -> SliceEnd:
        """Revoke the grant, ask whether it is dead, destroy the key: in this order, each step repeatable."""
        tries = int(self._ledger.load("revocation") or 0)
        if not self._revoked() and tries < _REVOCATION_TRIES:
            self._ledger.write(self._ledger.keep("revocation", tries + 1))
            return wait(time.time() + _RETRY_SECONDS, "revocation-unconfirmed")
        self._vault.shred(self._task.id)
        exceptions = any(mark.is_failure for mark in self._ledger.outcomes())
        return ended(State.DONE_WITH_EXCEPTIONS if exceptions else State.DONE)

    def _revoked(self) -> bool:
        try:
            grant = grant_of(self._vault, self._task.id)
        except SealBroken:
            return True
        client = self._config.client
        return revoke(client, grant.refresh_token) and is_dead(client, grant)

    @cached_property
    def _profile(self) -> Profile:
        return PROFILES[self._config.google.profile]

    @cached_property
    def _wanted(self) -> Wanted:
        return wanted_of(self._state, self._task.id)

    @cached_property
    def _connect(self) -> Callable[[], Mailbox]:
        return partial(open_mailbox, self._config.target, mailbox_of(self._vault, self._task.id))

    @cached_property
    def _gmail(self) -> Gmail:
        credentials = SingleFlightCredentials(grant_of(self._vault, self._task.id), self._config.client)
        door = partial(Gmail, credentials, self._config.google.api)
        return door(self._meter(self._account_key(door)), self._patience)

    def _meter(self, account: str) -> Meter:
        return Meter(self._state, f"{self._config.google.project}:{account}", self._profile)

    def _account_key(self, door: Callable[[Meter, Patience], Gmail]) -> str:
        """Return the account's opaque name: all migrations of an account share its quota."""
        held = self._ledger.load("account")
        if held is None:
            probe = door(self._meter(self._task.id), self._patience)
            held = self._vault.pseudonym(attempt(self._patience, probe.account).address)
            self._ledger.write(self._ledger.keep("account", held))
        return str(held)
