"""The process in which a consent's code becomes a grant: the only one, but slices, that ever holds a token.

It seals the code before it sends it, and whatever Google gives for it before it asks anything else: if this process or
its parent dies, nothing is forgotten that Google may have granted (`jobs.exchanges`). Whose account may be kept, and
whose access may be given back, its parent says (`app.connecting`): revoking one token ends all of the account's grants.
"""

import json
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from redis import Redis

from app.closing import close_doors, outside_of
from app.config import Config
from app.permitting import exchange_access
from app.stores import Stores
from jobs.apart import Ask, Json, run_apart, undisturbed
from jobs.contacts import note_contact
from jobs.lasting import Lasting
from jobs.migration import part_key
from jobs.outside import tell_refusal
from jobs.storeline import state_store
from jobs.storeproxy import DURABLE
from migrator.asking import asked
from migrator.errors import MigrationError, Transient, Waiting
from migrator.gmail import Gmail
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience
from oauth.consent import Consent, Tokens, exchange
from oauth.errors import GrantUnreadable, SealBroken
from oauth.grant import Client, Grant, SingleFlightCredentials
from oauth.revocation import give_back, is_dead
from oauth.vault import Safe, Sealer

_TRIES = 3
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class ByCode:
    """A grant to be had from Google for the code that came back from a consent."""

    consent: Consent
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByFile:
    """A grant that lies in a file: JSON with `refresh_token`."""

    path: Path


@dataclass(frozen=True, slots=True)
class Left:
    """What an exchange left that ended unsettled: a sealed token, or the sealed code."""


Source = ByCode | ByFile | Left


@dataclass(frozen=True, slots=True)
class Own:
    """An id, and the halves of its key pair: what seals, and for who may open (`Left`) what opens."""

    id: str
    public: bytes = field(repr=False)
    private: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """What the process is told: the configuration, the migration, the exchange, where the grant is.

    The exchange of a new migration has the migration's id and keys.
    """

    config: Config
    migration: Own
    exchange: Own
    source: Source


def obtained(config: Config, stores: Stores, migration: Own, exchange: Own, source: Source, hear: Ask) -> Json:
    """Have a process of its own get the grant, and return as of `obtain`; `hear` answers what it asks.

    Raises:
        ApartFailed, CannotStart: as of `jobs.apart.run_apart`.
    """
    inside = config.without_stores
    task = Task(inside, migration, exchange, source)
    files = (str(source.path),) if isinstance(source, ByFile) else ()
    # What Google answers is sealed though this process dies meanwhile: so the line to the store has to last, too.
    store = Lasting(exchange_access, (inside, stores.urls.state, migration.id, exchange.id))
    contacted = partial(note_contact, stores.state, migration.id)
    outside = outside_of(config, store, to_mailbox=False, contacted=contacted, readable=files)
    return run_apart(obtain, task, hear, outside=outside)


def obtain(task: Task, ask: Ask) -> Json:
    """Get the grant, ask the parent what becomes of it, and do that.

    The question is `{"address", "fault", "dead"}`: whose account it is (empty where Google does not say), the code of
    why the grant can't be kept (empty where it can), and whether a grant that lay sealed is dead. The reply's `verdict`
    is "keep", "give-back", "later" (it stays sealed), or "hand-on" (as "give-back", but what Google does not take back
    is the migration's from then on).

    Returns: `{"given_back"}`, whether Google has confirmed that.

    Raises:
        GrantError: as of `oauth.consent.exchange`; `GrantUnreadable` for a file.
        SealBroken: there is nothing left of the exchange.
    """
    client, state = task.config.client, state_store()
    close_doors(task.config, tell_refusal, to_mailbox=False)
    sealed = _Sealed(state, task.exchange)
    tokens = _tokens(task, sealed, client)
    address, refusal = _whose(task, state, tokens, client)
    dead = not address and isinstance(task.source, Left) and _is_over(tokens, client)
    verdict = ask({"address": address, "fault": tokens.fault or refusal, "dead": dead})["verdict"]
    if verdict == "keep":
        Sealer(state, task.migration.id, task.migration.public).seal(grant=tokens.grant.to_bytes())
    if verdict not in {"give-back", "hand-on"} or isinstance(task.source, ByFile):
        return {"given_back": False}
    given_back = give_back(client, tokens.grant.refresh_token)
    if verdict == "hand-on" and not given_back:
        Sealer(state, task.migration.id, task.migration.public).seal(grant=tokens.grant.to_bytes())
    return {"given_back": given_back}


def granted(path: Path) -> Grant:
    """Return the grant of a file; raises `GrantUnreadable`."""
    try:
        return Grant.from_bytes(path.read_bytes())
    except (OSError, ValueError):
        raise GrantUnreadable from None


@dataclass(frozen=True)
class _Sealed:
    """The exchange's code and token, as they lie sealed in the state store."""

    state: Redis
    own: Own

    def keep_code(self, source: ByCode) -> None:
        """Seal the code; it is on the store's disk when this returns."""
        self._sealer.seal(code=json.dumps(asdict(source)).encode())
        self.state.execute_command(DURABLE)  # type: ignore[no-untyped-call]

    def keep_tokens(self, tokens: Tokens) -> Tokens:
        """Seal what Google gave; `grant` is what a slice gives back."""
        self._sealer.seal(grant=tokens.grant.to_bytes(), tokens=json.dumps(asdict(tokens)).encode())
        return tokens

    def tokens(self) -> Tokens:
        """Open them; raises `SealBroken` when there are none."""
        return Tokens(**json.loads(self._safe.open("tokens")))

    def code(self) -> ByCode:
        """Open the code; raises `SealBroken` when there is none."""
        row = json.loads(self._safe.open("code"))
        return ByCode(Consent(**row["consent"]), row["code"])

    @property
    def _sealer(self) -> Sealer:
        return Sealer(self.state, self.own.id, self.own.public)

    @property
    def _safe(self) -> Safe:
        return Safe(self.state, self.own.id, self.own.private)


def _tokens(task: Task, sealed: _Sealed, client: Client) -> Tokens:
    match task.source:
        case ByFile(path):
            return Tokens(granted(path).refresh_token, "")
        case ByCode():
            sealed.keep_code(task.source)
            return _exchanged(task.source, sealed, client)
        case Left():
            return _left(sealed, client)


def _left(sealed: _Sealed, client: Client) -> Tokens:
    """Return the tokens of an exchange that ended unsettled; where only its code is left, that is sent again."""
    try:
        return sealed.tokens()
    except SealBroken:
        again = sealed.code()
    return _exchanged(again, sealed, client)


def _exchanged(source: ByCode, sealed: _Sealed, client: Client) -> Tokens:
    """Send a code. Its answer comes once: it is waited for, and sealed, though the parent dies meanwhile."""
    with undisturbed():
        return sealed.keep_tokens(exchange(client, source.consent, source.code))


def _whose(task: Task, state: Redis, tokens: Tokens, client: Client) -> tuple[str, str]:
    """Return the address of the tokens' account; or nothing, and the code of why Google does not say it."""
    google, patience = task.config.google, Patience()
    calls = part_key(task.migration.id, "calls")
    meter = Meter(state, f"{google.project}:{task.migration.id}", PROFILES[google.profile], calls=calls)
    credentials = SingleFlightCredentials(Grant(tokens.refresh_token), client)
    credentials.token = tokens.access_token or None
    with Gmail(credentials, google.api, meter, patience) as gmail:
        tries = patience.retrying(Transient, Waiting, tries=_TRIES, longest=_LONGEST_PAUSE)
        try:
            return asked(gmail, patience, gmail.account, tries).address, ""
        except MigrationError as error:
            return "", error.code


def _is_over(tokens: Tokens, client: Client) -> bool:
    """Tell whether a token that lay sealed for a while is dead: then there is nothing left to give back."""
    return bool(tokens.refresh_token) and is_dead(client, tokens.grant)
