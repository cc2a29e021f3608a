"""What became of exchanges that ended unsettled is found out: a thread of the worker's, and a process for each look.

A code whose answer was lost is sent once more, a token that Google did not name the account of is asked about again,
and access to an account that is being imported is given back when that import has ended. Where the process died that
connected an account, what it got is given back; an import that was being connected again is given it, and goes on.
What cannot be found out is handed over as unconfirmed (`jobs.givingback`), and the operators are told.
"""

import threading
from contextlib import AbstractContextManager, suppress
from functools import partial

import structlog
from redis.exceptions import RedisError

from app.background import beside
from app.config import Config
from app.exchanging import Left, Own, obtained
from app.judging import AGAIN_SECONDS
from app.newkey import waits_for_grant
from app.stores import Stores
from jobs import accounts, audit, exchanges, requests
from jobs.apart import ApartFailed, Json
from jobs.audit import WORKER, Act, AuditBroken, AuditBusy
from jobs.durable import wait_for_disk
from jobs.errors import AccountBusy, IllegalTransition, UnknownMigration
from jobs.exchanges import LATEST_SECONDS, Exchange, Standing
from jobs.givingback import carry_on, clear_away, hand_over
from jobs.migration import part_key, record_key
from jobs.turns import take_turn
from oauth.errors import AnswerLost, CodeRefused, SealBroken
from oauth.sealing import public_half

_log = structlog.get_logger()

_EVERY_SECONDS = 5.0
_TURN, _TURN_SECONDS = "reconcile:settling", 150
"""Of several workers one looks; longer than any process lives that it starts."""

_MOST_LOOKS = {Standing.OPEN: 6, Standing.UNKNOWN: 28}
"""About an hour, by when no code is good any more; about a day."""


_USED_UP = frozenset({AnswerLost.code, CodeRefused.code})
"""The code is used up. Its first answer was lost, or the process that sent it still waits for that: at the second look
it does not any more."""


def settling(config: Config, stores: Stores, stop: threading.Event) -> AbstractContextManager[None]:
    """Look after unsettled exchanges while the block runs, or until `stop` is set."""
    return beside("settling", stop, partial(_settle_until, stop, config, stores))


def _settle_until(stop: threading.Event, config: Config, stores: Stores) -> None:
    while not stop.wait(_EVERY_SECONDS):
        try:
            settle_due(config, stores)
        except (RedisError, AuditBroken, AuditBusy):  # said by the worker, which needs them too
            continue
        except Exception as error:  # noqa: BLE001 - one look failed; the next may not
            _log.error("look-failed", error=error)


def settle_due(config: Config, stores: Stores) -> None:
    """Look after each exchange that is due, unless another worker does so now.

    Raises:
        AuditBroken, AuditBusy: nothing is opened that is not written down.
        redis.RedisError: a store is away.
    """
    for exchange in exchanges.due(stores.state):
        if not take_turn(stores.state, _TURN, _TURN_SECONDS):
            return
        try:
            settle(config, stores, exchange)
        finally:
            stores.state.delete(_TURN)


def settle(config: Config, stores: Stores, exchange: Exchange) -> None:
    """Find out what became of one."""
    state = stores.state
    if exchange.standing is Standing.ENDING:
        carry_on(state, exchange.id, exchange.customer)
    elif state.exists(record_key(exchange.id)):
        exchanges.drop(state, exchange.id)
    elif not exchange.is_under_way:
        _look_after(config, stores, exchange)
    elif taken := exchanges.take_over(state, exchange):
        _look_after(config, stores, taken)


def _look_after(config: Config, stores: Stores, exchange: Exchange) -> None:
    if exchange.lent:  # whoever has the file has the grant
        audit.append(stores.state, WORKER, Act.KEY_DESTROYED, exchange.id)
        clear_away(stores.state, stores.vault, exchange.id)
        return
    try:
        own = _own(stores, exchange.id)
    except RedisError:  # its key store is away; others may be there
        exchanges.put_off(stores.state, exchange, exchange.standing, AGAIN_SECONDS)
        return
    except SealBroken:  # lost with the key store, or never made
        if _was_sent(stores, exchange):
            _give_up(stores, exchange)
        else:
            clear_away(stores.state, stores.vault, exchange.id)
        return
    audit.append(stores.state, WORKER, Act.OPENED, exchange.id, "exchange")
    look = _Look(stores, exchange)
    try:
        answer = obtained(config, stores, look.renewed() or own, own, Left(), look.hear)
    except ApartFailed as failed:
        _failed(stores, exchange, failed.code.partition(":")[0])
        return
    look.end(given_back=bool(answer.get("given_back")))


def _own(stores: Stores, one: str) -> Own:
    private = stores.opening_vault.key(one)
    return Own(one, public_half(private), private)


def _was_sent(stores: Stores, exchange: Exchange) -> bool:
    """True if the code may have been sent: it is sealed before."""
    return bool(stores.state.hexists(part_key(exchange.id, "sealed"), "code"))


def _failed(stores: Stores, exchange: Exchange, code: str) -> None:
    if code == SealBroken.code:  # neither code nor token: nothing was ever sent
        clear_away(stores.state, stores.vault, exchange.id)
    elif code in _USED_UP and exchange.looks:
        _give_up(stores, exchange)
    else:
        _later(stores, exchange, Standing.OPEN)


def _later(stores: Stores, exchange: Exchange, standing: Standing) -> None:
    """Look again, each time after a longer while; give up what nobody will ever learn more about."""
    if exchange.standing is standing and exchange.looks >= _MOST_LOOKS.get(standing, exchange.looks + 1):
        _give_up(stores, exchange)
        return
    seconds = min(AGAIN_SECONDS * 2 ** min(exchange.looks, 6), LATEST_SECONDS)
    exchanges.put_off(stores.state, exchange, standing, seconds)


def _give_up(stores: Stores, exchange: Exchange) -> None:
    _log.error("grant-unconfirmed", migration=exchange.id, code=AnswerLost.code)
    hand_over(stores.state, exchange.id, exchange.customer, lost=True)


class _Look:
    """The parent's side of the conversation: nothing is kept for a new import, for nobody waits for it any more."""

    def __init__(self, stores: Stores, exchange: Exchange) -> None:
        self._stores = stores
        self._exchange = exchange
        self._standing: Standing | None = None
        self._dead = False
        self._goes_on = False

    def renewed(self) -> Own | None:
        """Return the import that was being connected again, with its key; None where it does not wait for that."""
        renews = self._exchange.renews
        try:
            if renews and waits_for_grant(requests.read(self._stores.state, renews)):
                return _own(self._stores, renews)
        except (SealBroken, UnknownMigration):  # it has lost its key, or is over
            pass
        return None

    def hear(self, question: Json) -> Json:
        """Reply with a verdict: kept for an import that waits, given back where the account is free, else left."""
        state, address = self._stores.state, str(question["address"])
        self._dead = bool(question["dead"])
        self._goes_on = self._is_wanted(address, str(question["fault"]))
        if self._goes_on:
            audit.append(state, WORKER, Act.RECONNECTED, self._exchange.renews)
            return {"verdict": "keep"}
        self._standing = None if self._dead else self._judged(address)
        if self._standing is None and not self._dead:
            audit.append(state, WORKER, Act.REVOKING, self._exchange.id)
            return {"verdict": "give-back"}
        return {"verdict": "later"}

    def _is_wanted(self, address: str, fault: str) -> bool:
        if fault or not address or not self.renewed():
            return False
        return accounts.holds(self._stores.state, self._stores.vault, self._exchange.renews, address)

    def _judged(self, address: str) -> Standing | None:
        """Return what holds the access up; None where nothing does."""
        state = self._stores.state
        if not address:
            return Standing.UNKNOWN if accounts.anybody_imports(state, self._exchange.id) else None
        try:
            accounts.claim(state, self._stores.vault, self._exchange.id, address)
        except AccountBusy:
            return Standing.BEHIND
        return None

    def end(self, *, given_back: bool) -> None:
        """Do what follows from the answer."""
        state, vault, exchange = self._stores.state, self._stores.vault, self._exchange
        if self._goes_on:
            with suppress(IllegalTransition):  # its customer was quicker
                requests.resume(state, exchange.renews)
            wait_for_disk(state)
            clear_away(state, vault, exchange.id)
        elif self._standing is not None:
            _later(self._stores, exchange, self._standing)
        elif given_back or self._dead:
            audit.append(state, WORKER, Act.REVOKED, exchange.id)
            clear_away(state, vault, exchange.id)
        else:
            hand_over(state, exchange.id, exchange.customer)
