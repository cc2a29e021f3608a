"""An account connected: the consent's code becomes a sealed grant, and no process that lives on ever holds a token.

    parent                                       child (`jobs.apart`), with the keys of this consent and nothing else
    consent taken, keys made, noted ───────────► code sealed and exchanged, what came for it sealed, scopes compared,
                                                 users.getProfile asked
    the account claimed for this migration ◄──── "whose account it is, and what is wrong with the grant"
                                "keep" ────────► sealed for the migration
                                "give-back" ───► revoked: nobody imports this account
                                "hand-on" ─────► revoked: the account is that of the migration, whose grant is dead
                                "later" ───────► left sealed: revoking kills all grants of an account, and an import of
                                                 this one is under way, or it is not known whose it is

Whatever dies, or stays unanswered, is written down (`jobs.exchanges`), and somebody looks after it (`app.settling`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from app.config import Config
from app.exchanging import ByCode, ByFile, Own, Source, obtained
from app.newkey import Anew, key_again, waits_for_grant
from app.stores import Stores
from jobs import accounts, audit, clientrefused, exchanges, flow, requests
from jobs.apart import ApartFailed, Json
from jobs.audit import TERMINAL, Act, Actor, AuditBroken, AuditBusy
from jobs.durable import wait_for_disk
from jobs.errors import AccountBusy
from jobs.exchanges import Exchange, Standing
from jobs.givingback import clear_away, hand_over
from jobs.migration import Migration, new_id, part_key
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
from oauth.errors import (
    AccessForbidden,
    AnswerLost,
    AnswerPending,
    ClientUnusable,
    CodeRefused,
    ConsentDenied,
    ConsentNotOurs,
    GiveBackPending,
    GoogleSilent,
    GrantError,
    GrantUnreadable,
    KeyLost,
    NotConnected,
    NotGivenBack,
    WrongAccount,
)
from oauth.pending import Pending, Purpose

_log = structlog.get_logger()

OF_GOOGLE = frozenset(
    kind.code
    for kind in (
        *(AnswerDamaged, BandwidthExhausted, ClientRefused, GoogleDown, GoogleRefused, GoogleUnavailable, NoGmail),
        *(QuotaExhausted, ReconnectNeeded, TooManyAtOnce),
    )
)
"""Why Google may not say whose account it is; every other code is a failure of our own."""

NOTHING_GRANTED = frozenset(
    kind.code for kind in (AccessForbidden, ClientUnusable, CodeRefused, GoogleSilent, GrantUnreadable)
)
"""How an exchange may fail of which it is known that nothing came of it."""

AGAIN_SECONDS = 60.0
"""What is not settled is looked after so soon."""

_CUSTOMERS_OWN = frozenset({ConsentDenied.code, ConsentNotOurs.code})
_FAULTS_OF_OURS = frozenset({ClientUnusable.code, NotGivenBack.code, AnswerLost.code})

Verdict = Literal["keep", "give-back", "hand-on", "later"]


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
    customer: str = "terminal",
    anew: Anew | None = None,
) -> Connected:
    """Turn the answer to a consent into a grant, sealed for the migration that the consent was begun for.

    A migration that waits for a new grant goes on by itself; a new one has no record yet, and nothing starts. One that
    has lost its key needs `anew`; any other does not look at it. `customer` is the opaque id of whose import it is.

    Raises:
        GrantError: nothing was kept; see its leaves. But for `NotGivenBack`, `GiveBackPending`, `AnswerLost` and
            `AnswerPending`, nothing is left at Google either. `KeyLost`: `anew` is needed.
        AccountBusy: another migration of this account has not ended; its access stays.
        IllegalTransition, UnknownMigration: the migration that was to be connected again does not wait for it.
        OtherMailbox: it went into another mailbox.
    """
    try:
        source = ByCode(pending.consent, code_of(pending.consent, answer_url))
        return _connected(config, stores, pending.purpose, source, actor, customer, anew)
    except (GrantError, AccountBusy) as error:
        _tell(stores, pending.purpose, error)
        raise


def connect_file(
    config: Config, stores: Stores, purpose: Purpose, path: Path, *, anew: Anew | None = None
) -> Connected:
    """Seal the grant of a file (JSON with `refresh_token`); errors as of `connect`. The file stays as it is."""
    return _connected(config, stores, purpose, ByFile(path.resolve()), TERMINAL, "terminal", anew)


def _tell(stores: Stores, purpose: Purpose, error: GrantError | AccountBusy) -> None:
    """Say in the log that a consent connected nothing, and why; and count it."""
    told = error.told if isinstance(error, GrantError) else error.code
    flow.count_consent(stores.state, error.code)
    if isinstance(error, GrantError) and error.code == ClientRefused.code:
        clientrefused.note(stores.state, error.word)
    if error.code == NotConnected.code:
        return  # said in `error_of`, which knows more
    if error.code in _CUSTOMERS_OWN:
        _log.info("consent-failed", migration=purpose.migration, code=told)
    elif error.code in _FAULTS_OF_OURS:
        _log.error("consent-failed", migration=purpose.migration, code=told)
    else:
        _log.warning("consent-failed", migration=purpose.migration, code=told)


def _connected(
    config: Config, stores: Stores, purpose: Purpose, source: Source, actor: Actor, customer: str, anew: Anew | None
) -> Connected:
    judge = _Judge(stores, purpose, actor, customer, anew, by_file=isinstance(source, ByFile))
    keys = judge.keys()
    try:
        answer = obtained(config, stores.urls.state, *keys, source, judge.hear)
    except ApartFailed as failed:
        raise judge.failed(failed.code) from None
    if judge.refusal:
        raise judge.refused(given_back=bool(answer.get("given_back")))
    judge.keep()
    return Connected(purpose.migration, judge.address)


class _Judge:
    """The parent's side of the conversation: whose account may be kept for the purpose, and what becomes of the rest.

    What is not kept lies sealed under an id of its own, the exchange's: a new migration's, or one made for it.
    """

    def __init__(
        self, stores: Stores, purpose: Purpose, actor: Actor, customer: str, anew: Anew | None, *, by_file: bool
    ) -> None:
        self.address = ""
        self.refusal: Exception | None = None
        self._verdict: Verdict = "keep"
        self._anew = anew
        self._lost = False
        self._actor = actor
        self._stores = stores
        self._purpose = purpose
        self._customer = customer
        self._by_file = by_file
        self._exchange = new_id() if purpose.reconnect else purpose.migration

    def keys(self) -> tuple[Own, Own]:
        """Return the migration's key (a new one, or the one it has) and the exchange's, which is written down."""
        vault, migration = self._stores.vault, self._purpose.migration
        if self._purpose.reconnect:
            key, self._lost = key_again(self._stores, migration, self._anew)
            self._customer = self._record().customer
        else:
            key = vault.make(migration)
        if not self._by_file:
            exchanges.begin(self._stores.state, self._exchange, self._customer)
        return Own(migration, key), Own(self._exchange, vault.make(self._exchange))

    def hear(self, question: Json) -> Json:
        """Reply to "whose account it is, and what is wrong with the grant" with a verdict."""
        self.address = str(question["address"])
        self._verdict = self._judged(self._objection(str(question["fault"])))
        return {"verdict": self._verdict}

    def _objection(self, fault: str) -> GrantError | None:
        if fault:
            return error_of(fault, self._purpose.migration)
        return None if self._expected() else WrongAccount()

    def _expected(self) -> bool:
        """Compare accounts, not spellings: Google says an address in one of many that its owner may write."""
        if self._purpose.reconnect:
            return accounts.holds(self._stores.state, self._stores.vault, self._purpose.migration, self.address)
        named = self._purpose.expected
        return not named.strip() or account_key(named) == account_key(self.address)

    def _judged(self, objection: GrantError | None) -> Verdict:
        if objection and not self.address:
            return self._unknown(objection)
        wanted = self._exchange if objection else self._purpose.migration
        try:
            # Held from here on: no import of the account can begin between here and a revocation.
            accounts.claim(self._stores.state, self._stores.vault, wanted, self.address)
        except AccountBusy as busy:
            return self._held(busy, objection)
        return self._refuse(objection, "give-back") if objection else self._grant()

    def _unknown(self, objection: GrantError) -> Verdict:
        """Give back what may be anybody's only if nobody has access that could end with it."""
        if accounts.anybody_imports(self._stores.state, self._exchange):
            return self._refuse(GiveBackPending(), "later")
        return self._refuse(objection, "give-back")

    def _held(self, busy: AccountBusy, objection: GrantError | None) -> Verdict:
        """Leave alone the access of an import that is under way; that of the one which waits for a grant is dead."""
        if objection and busy.holder == self._purpose.migration and waits_for_grant(self._record()):
            return self._refuse(objection, "hand-on")
        return self._refuse(objection if isinstance(objection, WrongAccount) else busy, "later")

    def _record(self) -> Migration:
        return requests.read(self._stores.state, self._purpose.migration)

    def _grant(self) -> Verdict:
        act = (Act.RECONNECTED, KeyLost.code if self._lost else "") if self._purpose.reconnect else (Act.GRANTED, "")
        return "keep" if self._write_down(*act) else "give-back"

    def _refuse(self, error: GrantError | AccountBusy, verdict: Verdict) -> Verdict:
        self.refusal = error
        self._write_down(Act.GRANT_REFUSED, error.code)
        return verdict

    def _write_down(self, act: Act, code: str = "") -> bool:
        """Append to the audit log before the act; where that fails, nothing is kept."""
        try:
            audit.append(self._stores.state, self._actor, act, self._purpose.migration, code)
        except (AuditBroken, AuditBusy) as broken:
            self.refusal = broken
            return False
        return True

    def keep(self) -> None:
        """Let a migration that waited go on; a new one is looked after until its record is made."""
        state = self._stores.state
        if not self._purpose.reconnect:
            self._put_off(Standing.KEPT, accounts.YOUNG_SECONDS)
            return
        clear_away(self._stores.state, self._stores.vault, self._exchange)
        if self._lost and self._anew:
            self._anew.remember(self.address)
        requests.resume(state, self._purpose.migration)
        wait_for_disk(state)

    def refused(self, *, given_back: bool) -> Exception:
        """Return the error to raise for a grant that is not kept, once its process has done as it was told."""
        refusal = self.refusal or NotConnected(NotConnected.code)
        if self._by_file or given_back:
            self._clear()
            return refusal
        if self._verdict == "later":
            behind = not isinstance(refusal, GiveBackPending)
            self._put_off(Standing.BEHIND if behind else Standing.UNKNOWN, AGAIN_SECONDS)
            return refusal
        if self._verdict == "hand-on":
            self._clear()
        else:
            hand_over(self._stores.state, self._exchange, self._customer)
        return NotGivenBack()

    def failed(self, code: str) -> Exception:
        """Return the error to raise for the code that the process ended with; it may have left something."""
        error = error_of(code, self._purpose.migration)
        if self._by_file or error.code in NOTHING_GRANTED or not self._has_sealed("code"):
            self._clear()
        elif isinstance(error, AnswerLost):
            hand_over(self._stores.state, self._exchange, self._customer, lost=True)
        else:
            self._put_off(Standing.OPEN, AGAIN_SECONDS)
            error = error if self._has_sealed("tokens") else AnswerPending(error.word)
        if isinstance(error, AnswerLost | AnswerPending):
            self._write_down(Act.REVOCATION_UNCONFIRMED, error.code)
        return error

    def _has_sealed(self, what: Literal["code", "tokens"]) -> bool:
        """Tell whether the code may have been sent, for it is sealed before; or whether Google's answer has come."""
        return bool(self._stores.state.hexists(part_key(self._exchange, "sealed"), what))

    def _put_off(self, standing: Standing, seconds: float) -> None:
        if not self._by_file:
            exchanges.put_off(self._stores.state, Exchange(self._exchange, self._customer, 0.0), standing, seconds)

    def _clear(self) -> None:
        """Leave nothing of a migration that got no grant, nor of the hold on a refused account."""
        clear_away(self._stores.state, self._stores.vault, self._exchange)


def error_of(told: str, migration: str) -> GrantError:
    """Return the error of a code that the process told, which may have Google's word behind a colon."""
    code, _, word = told.partition(":")
    kinds = {kind.code: kind for kind in GrantError.__subclasses__() if kind is not NotConnected}
    if code in kinds:
        return kinds[code](word)
    if code not in OF_GOOGLE:
        _log.error("not-connected", migration=migration, code=told)
        return NotConnected(NotConnected.code)
    return NotConnected(code)
