"""Whose account a consent's grant may be kept for, and what becomes of a grant that is kept for nothing.

The side of the conversation that holds no token (`app.connecting`); the other one is `app.exchanging`.
"""

from typing import Literal

from app.consent_codes import NOTHING_GRANTED, error_of
from app.exchanging import Own
from app.newkey import Anew, key_again, waits_for_grant
from app.stores import Stores
from jobs import accounts, audit, exchanges, requests
from jobs.apart import Json
from jobs.audit import Act, Actor, AuditBroken, AuditBusy
from jobs.durable import wait_for_disk
from jobs.errors import AccountBusy
from jobs.exchanges import Exchange, Standing
from jobs.givingback import clear_away, hand_over
from jobs.migration import Migration, new_id, part_key
from migrator.addresses import account_key
from oauth.errors import (
    AnswerLost,
    AnswerPending,
    GiveBackPending,
    GrantError,
    KeyLost,
    NotConnected,
    NotGivenBack,
    WrongAccount,
)
from oauth.pending import Purpose

AGAIN_SECONDS = 60.0
"""What is not settled is looked after so soon."""

Verdict = Literal["keep", "give-back", "hand-on", "later"]


class Judge:
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
        self.exchange = new_id() if purpose.reconnect else purpose.migration
        """Its id, under which what is not kept lies sealed."""

    def keys(self) -> tuple[Own, Own]:
        """Return what seals for the migration (new, or what it has) and for the exchange, which is written down."""
        state, vault, migration = self._stores.state, self._stores.vault, self._purpose.migration
        if not self._purpose.reconnect:
            exchanges.begin(state, migration, self._customer, lent=self._by_file)
            own = Own(migration, vault.make(migration))
            return own, own
        public, self._lost = key_again(self._stores, migration, self._anew)
        self._customer = self._record().customer
        exchanges.begin(state, self.exchange, self._customer, renews=migration, lent=self._by_file)
        return Own(migration, public), Own(self.exchange, vault.make(self.exchange))

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
        wanted = self.exchange if objection else self._purpose.migration
        try:
            # Held from here on: no import of the account can begin between here and a revocation.
            accounts.claim(self._stores.state, self._stores.vault, wanted, self.address)
        except AccountBusy as busy:
            return self._held(busy, objection)
        return self._refuse(objection, "give-back") if objection else self._grant()

    def _unknown(self, objection: GrantError) -> Verdict:
        """Give back what may be anybody's only if nobody has access that could end with it."""
        if accounts.anybody_imports(self._stores.state, self.exchange):
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
        if self._lost and self._anew:
            self._anew.remember(self.address)
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
        """Let a migration that waited go on; the record of a new one has to be made soon."""
        state = self._stores.state
        if not self._purpose.reconnect:
            exchanges.keep_on(state, self.exchange)
            return
        requests.resume(state, self._purpose.migration)
        wait_for_disk(state)
        self._clear()

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
            hand_over(self._stores.state, self.exchange, self._customer)
        return NotGivenBack()

    def failed(self, code: str) -> Exception:
        """Return the error to raise for the code that the process ended with; it may have left something."""
        error = error_of(code, self._purpose.migration)
        if self._by_file or error.code in NOTHING_GRANTED or not self._has_sealed("code"):
            self._clear()
        elif isinstance(error, AnswerLost):
            hand_over(self._stores.state, self.exchange, self._customer, lost=True)
        else:
            self._put_off(Standing.OPEN, AGAIN_SECONDS)
            error = error if self._has_sealed("tokens") else AnswerPending(error.word)
        if isinstance(error, AnswerLost | AnswerPending):
            self._write_down(Act.REVOCATION_UNCONFIRMED, error.code)
        return error

    def _has_sealed(self, what: Literal["code", "tokens"]) -> bool:
        """Tell whether the code may have been sent, for it is sealed before; or whether Google's answer has come."""
        return bool(self._stores.state.hexists(part_key(self.exchange, "sealed"), what))

    def _put_off(self, standing: Standing, seconds: float) -> None:
        renews = self._purpose.migration if self._purpose.reconnect else ""
        one = Exchange(self.exchange, self._customer, 0.0, renews=renews)
        exchanges.put_off(self._stores.state, one, standing, seconds)

    def _clear(self) -> None:
        """Leave nothing of a migration that got no grant, nor of the hold on a refused account."""
        clear_away(self._stores.state, self._stores.vault, self.exchange)
