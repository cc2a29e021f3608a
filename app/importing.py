"""A headless import: account connected, launch, a worker of its own, and the report at the end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

import app.child
import app.connecting
from app.config import Config
from app.connecting import Connected, connect, connect_file
from app.logs import CHILD_LOGS
from app.newkey import Anew
from app.report import headline, report_on, show
from app.sentences import sentence
from app.stores import Stores, open_stores
from app.terminal_consent import ask
from app.watch import watch
from app.work import run_worker
from jobs import nursery
from jobs.discarding import Revocation
from jobs.errors import AccountBusy, ConnectingLapsed, IllegalTransition, UnknownMigration
from jobs.launch import Import, launch
from jobs.migration import ENDS, Migration, State, new_id
from migrator.errors import ReconnectNeeded
from migrator.labels import Choices
from migrator.mailbox import Password
from migrator.receipt import PERMISSIONS_PAGE
from oauth.errors import GrantError, NotConnected, SealBroken
from oauth.pending import Purpose

_STILL_GRANTED = (
    "Google has not confirmed that our access is removed. Remove it in the Google account: " + PERMISSIONS_PAGE
)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the command line said; None leaves the configuration's word."""

    grant: Path | None
    user: str
    password: str
    account: str = ""
    customer: str = "terminal"
    policy: Literal["one-copy", "copy-per-label"] | None = None
    spam: bool | None = None
    trash: bool | None = None
    since: datetime | None = None
    verify: Literal["size", "digest"] | None = None
    dry_run: bool = False
    detach: bool = False

    def __repr__(self) -> str:
        return "ImportOptions()"

    def choices(self, config: Config) -> Choices:
        """Return the choices, the command line's word first."""
        since = self.since and self.since.date().isoformat()
        said = {"policy": self.policy, "spam": self.spam, "trash": self.trash, "since": since}
        return replace(config.migrations.choices, **{k: v for k, v in said.items() if v is not None})  # type: ignore[arg-type]


def import_account(console: Console, config: Config, options: ImportOptions) -> bool:
    """Import one account; return as of `carry_through`."""
    if not config.mailbox.host:
        raise click.ClickException("mailbox.host is not set: name the IMAP server in the configuration file.")
    with open_stores(config.store) as stores:
        purpose = Purpose(new_id(), expected=options.account)
        connected = connect_account(console, config, stores, purpose, options.grant, customer=options.customer)
        begun = _begun(stores, connected.migration, _wanted(config, options))
        console.print(f"import {begun.id}", highlight=False)
        if options.detach:
            return True
        return carry_through(console, config, stores, begun.id, by_consent=not options.grant)


def _begun(stores: Stores, migration_id: str, wanted: Import) -> Migration:
    try:
        return launch(stores.state, stores.vault, migration_id, wanted, connecting=True)
    except (ConnectingLapsed, SealBroken):  # it took a minute, and a worker gives the grant back
        raise click.ClickException(f"{sentence(NotConnected.code)} Nothing was copied.") from None


def carry_through(console: Console, config: Config, stores: Stores, migration_id: str, *, by_consent: bool) -> bool:
    """Work on an import in this process until it rests, and report; `by_consent`: a new grant is asked for by a URL.

    Return True when every message has an outcome, none failed, and Google has confirmed that the grant is dead.
    """
    with working(config, stores) as stop:
        ended = watch(console, stores.state, migration_id, stop)
        while ended.state is State.PAUSED and ended.reason == ReconnectNeeded.code and by_consent:
            console.print(headline(ended), highlight=False)
            connect_account(console, config, stores, Purpose(migration_id, reconnect=True), None)
            ended = watch(console, stores.state, migration_id, stop)
    report = report_on(stores.state, migration_id)
    show(console, report)
    given_back = ended.state not in ENDS or _is_given_back(stores, migration_id)
    console.print(headline(ended) if given_back else f"{ended.state}, but {_STILL_GRANTED}", highlight=False)
    if ended.state in ENDS:
        console.print(f"its receipt, kept for a day: migrator receipt show {ended.id}", highlight=False)
    return report.adds_up and ended.state is State.DONE and given_back


def _is_given_back(stores: Stores, migration_id: str) -> bool:
    """True if Google has confirmed that the grant of an import that has ended is dead, or there was none."""
    revocation = Revocation.read(stores.state, migration_id)
    return revocation.confirmed or not revocation.held


def connect_account(
    console: Console,
    config: Config,
    stores: Stores,
    purpose: Purpose,
    grant: Path | None,
    anew: Anew | None = None,
    customer: str = "terminal",
) -> Connected:
    """Seal the grant of a file, or of a consent asked for by a URL in the terminal; the rest as of `app.connecting`.

    Raises:
        click.ClickException: there is no grant; the text says what to do.
    """
    if not grant and not config.google.client_id:
        raise click.ClickException("google.client_id is not set: name your OAuth client in the configuration file.")

    def show_url(url: str) -> None:
        console.print(f"Open this page and allow read-only access:\n{url}", highlight=False, soft_wrap=True)

    preload_processes()
    try:
        if grant:
            return connect_file(config, stores, purpose, grant, customer=customer, anew=anew)
        asked = ask(stores, config.client, purpose, show_url)
        return connect(config, stores, *asked, customer=customer, anew=anew)
    except (GrantError, AccountBusy) as error:
        raise click.ClickException(f"{sentence(error.code)} Nothing was copied.") from None
    except (IllegalTransition, UnknownMigration) as error:
        raise click.ClickException(f"this import cannot be connected again: {error}.") from None


def preload_processes(*further: str) -> None:
    """Import what consents and slices need, and further modules, before any of their processes is forked."""
    nursery.preload((CHILD_LOGS, app.child.__name__, app.connecting.__name__, *further))


@contextmanager
def working(config: Config, stores: Stores) -> Iterator[threading.Event]:
    """Run a worker beside the caller until the block ends; the event is set by Ctrl-C and SIGTERM too."""
    stop = threading.Event()
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGTERM, signal.SIGINT)}
    worker = threading.Thread(target=run_worker, args=(config, stores.as_role("worker"), stop), name="worker")
    worker.start()
    try:
        yield stop
    finally:
        stop.set()
        worker.join()
        for name, handler in before.items():
            signal.signal(name, handler)


def _wanted(config: Config, options: ImportOptions) -> Import:
    return Import(
        customer=options.customer,
        mailbox=Password(options.user, options.password),
        choices=options.choices(config),
        order=config.migrations.order,
        by_digest=(options.verify or config.migrations.verify) == "digest",
    )
