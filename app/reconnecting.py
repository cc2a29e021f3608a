"""An import connected again from a terminal: with a new grant, a new password of its mailbox, or both.

Which of them it needs, its record says: the grant is dead, the mailbox refused the password, or the key that sealed
both is lost. A password is tried at the mailbox before anything is sealed, in a process of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from app.config import Config
from app.embedded import address_of_running
from app.entering import Entry, is_let_in
from app.home import at_home
from app.hosts import config_for
from app.importing import carry_through, connect_account, preload_processes
from app.master_user import master_password
from app.newkey import Anew, has_lost_key
from app.sentences import sentence
from app.stores import Stores, open_stores
from jobs import mailboxes, requests
from jobs.audit import TERMINAL, AuditBroken, AuditBusy
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.launch import wanted_of
from jobs.mailboxes import OtherMailbox
from jobs.renewing import renew, waits_for_password
from migrator.errors import UnknownHost
from migrator.mailbox import Credentials, MasterUser, Password
from oauth.errors import SealBroken
from oauth.pending import Purpose
from web.signin import MailboxSilent


@dataclass(frozen=True, slots=True)
class Given:
    """What the person at the terminal has: the mailbox's user name and password, asked for when needed; a grant."""

    user: Callable[[], str]
    password: Callable[[], str]
    grant: Path | None = None


def reconnect(console: Console, config: Config, migration_id: str, given: Given, *, mailbox: bool = False) -> bool:
    """Give an import what it lost, and let it go on.

    Where this command had to start the embedded stores, nobody else works: it works on the import itself, until that
    rests. Return False when it did, and not every message has arrived.

    Args:
        console: where is said what to do.
        config: the configuration.
        migration_id: the import.
        given: what the person has.
        mailbox: a new password is given, whatever else the import waits for.

    Raises:
        click.ClickException: it could not be done; the text says why.
    """
    alone = not config.store.url and address_of_running(config.store.directory / "keys") is None
    with at_home(config.store), open_stores(config.store) as stores:
        try:
            _given_back(console, config, stores, migration_id, given, mailbox=mailbox)
        except UnknownMigration:
            raise click.ClickException(f"no import {migration_id} here; `migrator status` lists them.") from None
        except IllegalTransition as error:
            raise click.ClickException(f"this import cannot be connected again: {error}.") from None
        except OtherMailbox:
            raise click.ClickException("The import goes into another mailbox, so nothing was changed.") from None
        except (AuditBroken, AuditBusy) as error:
            raise click.ClickException(f"{error}, and nothing is done unlogged: `migrator audit verify`") from None
        if alone:
            return carry_through(console, config, stores, migration_id, by_consent=not given.grant)
    console.print("connected again; the import goes on")
    return True


def _given_back(
    console: Console, config: Config, stores: Stores, migration_id: str, given: Given, *, mailbox: bool
) -> None:
    record = requests.read(stores.state, migration_id)
    lost = has_lost_key(stores, record)
    if not lost and (mailbox or waits_for_password(record)):
        _renewed(config, stores, migration_id, given)
        return
    anew = Anew(_tried(config, stores, migration_id, given)) if lost else None
    connect_account(console, config, stores, Purpose(migration_id, reconnect=True), given.grant, anew)


def _renewed(config: Config, stores: Stores, migration_id: str, given: Given) -> None:
    credentials = _tried(config, stores, migration_id, given)
    domain = wanted_of(stores.state, migration_id).domain
    try:
        renew(stores.state, stores.vault, migration_id, credentials, domain, actor=TERMINAL)
    except SealBroken:  # the key went just now
        raise click.ClickException(sentence("key-lost")) from None


def _tried(config: Config, stores: Stores, migration_id: str, given: Given) -> Credentials:
    """Return the mailbox's credentials when the mailbox accepts them; whose it is, is looked at before."""
    user = given.user()
    mailboxes.check(stores.state, stores.vault, migration_id, Password(user, ""))
    master = "" if wanted_of(stores.state, migration_id).domain else master_password(config)
    credentials = MasterUser(user, config.panel.master_user, master) if master else Password(user, given.password())
    preload_processes()
    try:
        there = config_for(config, stores.state, migration_id)
        if is_let_in(Entry(there.without_stores, credentials)):
            return credentials
    except (MailboxSilent, UnknownHost):
        raise click.ClickException("The mailbox's server does not answer, so nothing was changed.") from None
    raise click.ClickException("The mailbox does not accept user name and password, so nothing was changed.")
