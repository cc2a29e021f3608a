"""An account connected: the consent's code becomes a sealed grant, and no process that lives on ever holds a token.

    parent                                       child (`jobs.apart`), one migration's key and nothing else
    consent taken, key made ───────────────────► code exchanged, scopes compared, users.getProfile asked
    the account claimed for this migration ◄──── "whose account it is"
                                "keep" ────────► sealed
                                "give-back" ───► revoked: another account than the expected one
                                "forget" ──────► dropped unrevoked: revoking kills all grants of an account, and another
                                                 import of this one is under way

Nothing is sealed before the account is claimed, so there is nothing to take back out of the stores when it is refused.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from app.config import Config
from app.exchanging import ByCode, ByFile, Source, Task, obtain
from app.newkey import Anew, key_again
from app.stores import Stores
from jobs import accounts, audit, requests
from jobs.apart import ApartFailed, Json, run_apart
from jobs.audit import TERMINAL, Act, Actor
from jobs.durable import wait_for_disk
from jobs.errors import AccountBusy
from jobs.migration import new_id, part_key
from migrator.addresses import account_key
from migrator.errors import (
    AnswerDamaged,
    BandwidthExhausted,
    ClientRefused,
    GoogleDown,
    GoogleRefused,
    GoogleUnavailable,
    NoGmail,
    QuotaExhausted,
    ReconnectNeeded,
)
from migrator.gmail import TooManyAtOnce
from oauth.consent import code_of
from oauth.errors import GrantError, KeyLost, NotConnected, NotGivenBack, WrongAccount
from oauth.pending import Pending, Purpose

_log = structlog.get_logger()

_OF_GOOGLE = frozenset(
    kind.code
    for kind in (
        *(AnswerDamaged, BandwidthExhausted, ClientRefused, GoogleDown, GoogleRefused, GoogleUnavailable, NoGmail),
        *(QuotaExhausted, ReconnectNeeded, TooManyAtOnce),
    )
)
"""Why Google may not say whose account it is; every other code is a failure of our own."""

Verdict = Literal["keep", "give-back", "forget"]


@dataclass(frozen=True, slots=True)
class Connected:
    """A migration that holds a grant, and the account's address, to be shown to the customer and not to be kept."""

    migration: str
    address: str = field(repr=False)


def connect(
    config: Config,
    stores: Stores,
    pending: Pending,
    answer_url: str,
    *,
    actor: Actor = TERMINAL,
    anew: Anew | None = None,
) -> Connected:
    """Turn the answer to a consent into a grant, sealed for the migration that the consent was begun for.

    A migration that waits for a new grant goes on by itself; a new one has no record yet, and nothing starts. One that
    has lost its key needs `anew`; any other does not look at it.

    Raises:
        GrantError: nothing was kept; see its leaves. But for `NotGivenBack`, nothing is left at Google either.
            `KeyLost`: `anew` is needed.
        AccountBusy: another migration of this account has not ended; its access stays.
        IllegalTransition, UnknownMigration: the migration that was to be connected again does not wait for it.
        OtherMailbox: it went into another mailbox.
    """
    code = code_of(pending.consent, answer_url)
    return _connected(config, stores, pending.purpose, ByCode(pending.consent, code), actor, anew)


def connect_file(
    config: Config, stores: Stores, purpose: Purpose, path: Path, *, anew: Anew | None = None
) -> Connected:
    """Seal the grant of a file (JSON with `refresh_token`); errors as of `connect`. The file stays as it is."""
    return _connected(config, stores, purpose, ByFile(path.resolve()), TERMINAL, anew)


def _connected(
    config: Config, stores: Stores, purpose: Purpose, source: Source, actor: Actor, anew: Anew | None
) -> Connected:
    judge = _Judge(stores, purpose, actor, anew)
    task = Task(config, stores.urls.state, purpose.migration, judge.key(), source)
    with ExitStack() as unless_kept:
        unless_kept.callback(judge.clear)
        try:
            run_apart(obtain, task, judge.hear)
        except ApartFailed as failed:
            raise judge.error(failed.code) from None
        unless_kept.pop_all()
    if purpose.reconnect:
        judge.remember()
        requests.resume(stores.state, purpose.migration)
        wait_for_disk(stores.state)
    return Connected(purpose.migration, judge.address)


class _Judge:
    """The parent's side of the conversation: whose account may be kept for the purpose."""

    def __init__(self, stores: Stores, purpose: Purpose, actor: Actor, anew: Anew | None) -> None:
        self.address = ""
        self._anew = anew
        self._lost = False
        self._refusal: GrantError | AccountBusy | None = None
        self._actor = actor
        self._stores = stores
        self._purpose = purpose
        self._spare = new_id()

    def key(self) -> bytes:
        """Return the migration's key: a new one, or the one it has."""
        if not self._purpose.reconnect:
            return self._stores.vault.make(self._purpose.migration)
        key, self._lost = key_again(self._stores, self._purpose.migration, self._anew)
        return key

    def remember(self) -> None:
        """Seal what else was lost with the key."""
        if self._lost and self._anew:
            self._anew.remember(self.address)

    def hear(self, question: Json) -> Json:
        """Reply to "whose account it is" with a verdict."""
        self.address = str(question["address"])
        return {"verdict": self._verdict(self.address)}

    def _verdict(self, address: str) -> Verdict:
        if not self._expected(address):
            return self._wrong(address)
        try:
            accounts.claim(self._stores.state, self._stores.vault, self._purpose.migration, address)
        except AccountBusy as busy:
            return self._refuse(busy, "forget")
        self._write_down(*self._act())
        return "keep"

    def _act(self) -> tuple[Act, str]:
        if not self._purpose.reconnect:
            return Act.GRANTED, ""
        return Act.RECONNECTED, KeyLost.code if self._lost else ""

    def _expected(self, address: str) -> bool:
        """Compare accounts, not spellings: Google says an address in one of many that its owner may write."""
        if self._purpose.reconnect:
            return accounts.holds(self._stores.state, self._stores.vault, self._purpose.migration, address)
        named = self._purpose.expected
        return not named.strip() or account_key(named) == account_key(address)

    def _wrong(self, address: str) -> Verdict:
        """Revoke another account's grant, unless that would end an import of that account."""
        try:
            # Held under an id of its own meanwhile: no import of it can begin between here and the revocation.
            accounts.claim(self._stores.state, self._stores.vault, self._spare, address)
        except AccountBusy:
            return self._refuse(WrongAccount(), "forget")
        return self._refuse(WrongAccount(), "give-back")

    def _refuse(self, error: GrantError | AccountBusy, verdict: Verdict) -> Verdict:
        self._refusal = error
        self._write_down(Act.GRANT_REFUSED, error.code)
        return verdict

    def _write_down(self, act: Act, code: str = "") -> None:
        """Append to the audit log before the act; where that fails, the grant is given back."""
        audit.append(self._stores.state, self._actor, act, self._purpose.migration, code)

    def clear(self) -> None:
        """Leave nothing of a migration that got no grant, nor of the hold on a refused account."""
        state, new = self._stores.state, not self._purpose.reconnect
        for migration in (self._spare, *((self._purpose.migration,) if new else ())):
            accounts.release(state, migration)
            state.unlink(*(part_key(migration, part) for part in ("account", "calls", "hosts")))
        if new:
            self._stores.vault.destroy(self._purpose.migration)

    def error(self, code: str) -> Exception:
        """Return the error to raise for the code that the process ended with."""
        if self._refusal and code != NotGivenBack.code:
            return self._refusal
        kinds = {kind.code: kind for kind in GrantError.__subclasses__() if kind is not NotConnected}
        if code in kinds:
            return kinds[code]()
        if code not in _OF_GOOGLE:
            _log.error("not-connected", migration=self._purpose.migration, code=code)
            return NotConnected(NotConnected.code)
        return NotConnected(code)
