"""The process in which a consent's code becomes a grant: the only one, but slices, that ever holds a token.

It knows one migration's key and no other; whose account it may keep, its parent says (`app.connecting`).
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.closing import close_doors, tell_refusal
from app.config import Config
from app.stores import connect
from jobs.apart import Ask, Json
from jobs.contacts import note_contact
from jobs.errors import AccountBusy
from jobs.migration import part_key
from migrator.asking import asked
from migrator.errors import BandwidthExhausted, QuotaExhausted, Transient, Waiting
from migrator.gmail import Gmail
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience
from oauth.consent import Consent, exchange, given_back
from oauth.errors import GrantUnreadable, WrongAccount
from oauth.grant import Client, Grant, SingleFlightCredentials
from oauth.vault import Safe

_TRIES = 4
_LONGEST_PAUSE = 4.0

_OTHERS = (AccountBusy, QuotaExhausted, BandwidthExhausted)
"""With these errors somebody else is reading the account, and giving the grant back would end his import."""


@dataclass(frozen=True, slots=True)
class ByCode:
    """A grant to be had from Google for the code that came back from a consent."""

    consent: Consent
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByFile:
    """A grant that lies in a file: JSON with `refresh_token`."""

    path: Path


Source = ByCode | ByFile


@dataclass(frozen=True, slots=True)
class Task:
    """What the process is told: the configuration, the state store, the migration, its key, where the grant is."""

    config: Config
    state_url: str
    migration: str
    key: bytes = field(repr=False)
    source: Source


def obtain(task: Task, ask: Ask) -> Json:
    """Get the grant, ask the parent whether its account may be kept, and seal it; the answer is empty.

    What was granted just now and is not kept is given back, whatever went wrong. A file's grant is left as it is.
    """
    client = task.config.client
    hosts = partial(note_contact, connect(task.state_url), task.migration)
    close_doors(task.config, task.state_url, tell_refusal, hosts, to_mailbox=False)
    grant = granted(task.source, client)
    try:
        return _kept(task, ask, grant, client)
    except _OTHERS:
        raise
    except Exception as error:
        if isinstance(task.source, ByFile):
            raise
        raise given_back(client, grant.refresh_token, error) from None


def granted(source: Source, client: Client) -> Grant:
    """Return the grant.

    Raises:
        GrantError: as of `oauth.consent.exchange`; `GrantUnreadable` for a file.
    """
    if isinstance(source, ByCode):
        return exchange(client, source.consent, source.code)
    try:
        return Grant.from_bytes(source.path.read_bytes())
    except (OSError, ValueError):
        raise GrantUnreadable from None


def _kept(task: Task, ask: Ask, grant: Grant, client: Client) -> Json:
    state = connect(task.state_url)
    google, patience = task.config.google, Patience()
    calls = part_key(task.migration, "calls")
    meter = Meter(state, f"{google.project}:{task.migration}", PROFILES[google.profile], calls=calls)
    with Gmail(SingleFlightCredentials(grant, client), google.api, meter, patience) as gmail:
        tries = patience.retrying(Transient, Waiting, tries=_TRIES, longest=_LONGEST_PAUSE)
        address = asked(gmail, patience, gmail.account, tries).address
    match ask({"address": address})["verdict"]:
        case "keep":
            Safe(state, task.migration, task.key).seal(grant=grant.to_bytes())
            return {}
        case "forget":
            raise AccountBusy
        case _:
            raise WrongAccount
