"""A headless import: consent, launch, a worker of its own, and the report at the end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from app.config import Config
from app.report import headline, report_on, show
from app.stores import Stores, open_stores
from app.terminal_consent import ask
from app.watch import watch
from app.work import run_worker
from jobs.launch import Import, launch
from jobs.migration import State
from migrator.labels import Choices
from migrator.mailbox import Password
from oauth.errors import GrantError
from oauth.grant import Grant


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the command line said; None leaves the configuration's word."""

    grant: Path | None
    user: str
    password: str
    customer: str = "terminal"
    policy: Literal["one-copy", "copy-per-label"] | None = None
    spam: bool | None = None
    trash: bool | None = None
    verify: Literal["size", "digest"] | None = None
    dry_run: bool = False
    detach: bool = False

    def __repr__(self) -> str:
        return "ImportOptions()"

    def choices(self, config: Config) -> Choices:
        """Return the choices, the command line's word first."""
        said = {"policy": self.policy, "spam": self.spam, "trash": self.trash}
        return replace(config.migrations.choices, **{k: v for k, v in said.items() if v is not None})  # type: ignore[arg-type]


def import_account(console: Console, config: Config, options: ImportOptions) -> bool:
    """Import one account; return True when every message has an outcome and none failed."""
    if not config.mailbox.host:
        raise click.ClickException("mailbox.host is not set: name the IMAP server in the configuration file.")
    grant = grant_for(console, config, options)
    with open_stores(config.store) as stores:
        begun = launch(stores.state, stores.vault, _wanted(config, options, grant))
        console.print(f"import {begun.id}", highlight=False)
        if options.detach:
            return True
        with working(config, stores) as stop:
            ended = watch(console, stores.state, begun.id, stop)
        report = report_on(stores.state, begun.id)
    show(console, report)
    console.print(headline(ended), highlight=False)
    return report.adds_up and ended.state is State.DONE


def grant_for(console: Console, config: Config, options: ImportOptions) -> Grant:
    """Return the grant of a file, or ask for consent by a URL in the terminal."""
    try:
        if options.grant:
            return Grant.from_bytes(options.grant.read_bytes())
        if not config.google.client_id:
            raise click.ClickException("google.client_id is not set: name your OAuth client in the configuration file.")
        return ask(config.client, lambda url: console.print(f"Open this page and allow read-only access:\n{url}"))
    except ValueError:
        raise click.ClickException(f"{options.grant} is not a grant: JSON with a refresh_token is needed.") from None
    except GrantError as error:
        raise click.ClickException(
            f"no access to Gmail ({error}). Nothing was copied; run the command again."
        ) from None


@contextmanager
def working(config: Config, stores: Stores) -> Iterator[threading.Event]:
    """Run a worker beside the caller until the block ends; the event is set by Ctrl-C and SIGTERM too."""
    stop = threading.Event()
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGTERM, signal.SIGINT)}
    worker = threading.Thread(target=run_worker, args=(config, stores, stop), name="worker")
    worker.start()
    try:
        yield stop
    finally:
        stop.set()
        worker.join()
        for name, handler in before.items():
            signal.signal(name, handler)


def _wanted(config: Config, options: ImportOptions, grant: Grant) -> Import:
    return Import(
        customer=options.customer,
        grant=grant,
        mailbox=Password(options.user, options.password),
        choices=options.choices(config),
        order=config.migrations.order,
        by_digest=(options.verify or config.migrations.verify) == "digest",
    )
