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

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from redis.exceptions import RedisError

from app.background import beside
from app.config import Config
from app.exchanging import ByCode, ByFile, Source, obtained
from app.judging import Judge
from app.newkey import Anew
from app.stores import Stores
from jobs import clientrefused, exchanges, flow
from jobs.apart import ApartFailed
from jobs.audit import TERMINAL, Actor
from jobs.errors import AccountBusy
from migrator.errors import ClientRefused
from oauth.consent import code_of
from oauth.errors import (
    AnswerLost,
    ClientUnusable,
    ConsentDenied,
    ConsentNotOurs,
    GrantError,
    NotConnected,
    NotGivenBack,
)
from oauth.pending import Pending, Purpose

_log = structlog.get_logger()

_KEEP_ON_SECONDS = 15.0
"""Several times within `jobs.exchanges.CONNECTING_SECONDS`."""

_CUSTOMERS_OWN = frozenset({ConsentDenied.code, ConsentNotOurs.code})
_FAULTS_OF_OURS = frozenset({ClientUnusable.code, NotGivenBack.code, AnswerLost.code})


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
    config: Config,
    stores: Stores,
    purpose: Purpose,
    path: Path,
    *,
    customer: str = "terminal",
    anew: Anew | None = None,
) -> Connected:
    """Seal the grant of a file (JSON with `refresh_token`); errors as of `connect`. The file stays as it is."""
    return _connected(config, stores, purpose, ByFile(path.resolve()), TERMINAL, customer, anew)


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
    judge = Judge(stores, purpose, actor, customer, anew, by_file=isinstance(source, ByFile))
    keys = judge.keys()
    try:
        with kept_on(stores, judge.exchange):
            answer = obtained(config, stores, *keys, source, judge.hear)
    except ApartFailed as failed:
        raise judge.failed(failed.code) from None
    if judge.refusal:
        raise judge.refused(given_back=bool(answer.get("given_back")))
    judge.keep()
    return Connected(purpose.migration, judge.address)


@contextmanager
def kept_on(stores: Stores, exchange: str) -> Iterator[None]:
    """Say again and again, while the block runs, that the process lives that is at this exchange."""
    stop = threading.Event()
    with beside("connecting", stop, partial(_keep_on, stores, exchange, stop)):
        yield


def _keep_on(stores: Stores, exchange: str, stop: threading.Event) -> None:
    while not stop.wait(_KEEP_ON_SECONDS):
        with suppress(RedisError):  # the next time may do
            exchanges.keep_on(stores.state, exchange)
