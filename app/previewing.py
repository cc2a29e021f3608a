"""The plan of an import, shown before anything is copied: folders, counts, storage effect, clashes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.config import Config
from app.connecting import kept_on
from app.exchanging import ByFile
from app.importing import ImportOptions, connect_account
from app.looking import Look, Sealed, apart, give_up, look
from app.permitting import for_preview
from app.report import visible
from app.sentences import note, sentence
from app.stores import Stores, open_stores
from jobs import audit
from jobs.apart import ApartFailed
from jobs.audit import TERMINAL, Act
from jobs.givingback import clear_away
from jobs.migration import new_id
from jobs.spawning import CannotStart
from migrator.mailbox import Password
from oauth.pending import Purpose
from oauth.sealing import fresh_key

_SECONDS = 3600.0
_AGAIN = (
    "The mailbox holds mail already. Mail of an earlier import is recognised there and not copied again; what was "
    "deleted there since comes back. To prevent that, import with --since and the day of the last import."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the account's survey found; sizes in bytes, `one_copy` and `copy_per_label` as (messages, bytes)."""

    folders: dict[str, int]
    skipped: dict[str, int]
    notes: list[tuple[str, str, str]]
    messages: int
    at_least: int
    at_most: int
    one_copy: tuple[int, int]
    copy_per_label: tuple[int, int]
    limit: int | None
    holds_mail: bool


def preview_account(console: Console, config: Config, options: ImportOptions) -> None:
    """Print what an import would do; read no message, copy nothing, create nothing, keep nothing.

    A grant that was given for the preview is given back at its end; a grant of a file is left as it is.

    Raises:
        click.ClickException: Google or the mailbox refuses; the text says what to do.
    """
    with open_stores(config.store) as stores, _access(console, config, stores, options) as source:
        task = _task(config, options, source)
        access = for_preview(config, stores.state, "" if isinstance(source, ByFile) else source.migration)
        try:
            seen = Shown(**apart(look, task, access, seconds=_SECONDS))
        except ApartFailed as error:
            raise click.ClickException(sentence(error.code)) from None
    _show_folders(console, seen)
    _show_notes(console, seen)
    _show_storage(console, seen)
    if seen.holds_mail:
        console.print(f"\n{_AGAIN}", highlight=False)


def _task(config: Config, options: ImportOptions, source: ByFile | Sealed) -> Look:
    mailbox = Password(options.user, options.password)
    return Look(config.without_stores, source, mailbox, options.choices(config))


@contextmanager
def _access(console: Console, config: Config, stores: Stores, options: ImportOptions) -> Iterator[ByFile | Sealed]:
    if options.grant:
        yield ByFile(options.grant.resolve())
        return
    purpose, own = Purpose(new_id(), expected=options.account), fresh_key()
    stores.vault.make(purpose.migration, own)  # no worker has a part in it, unless this process dies
    connect_account(console, config, stores, purpose, None)
    source = Sealed(purpose.migration, own)
    with kept_on(stores, purpose.migration):  # if this process dies over the preview, a worker gives the access back
        try:
            yield source
        finally:
            _give_up(console, config, stores, purpose.migration, _task(config, options, source))


def _give_up(console: Console, config: Config, stores: Stores, migration: str, task: Look) -> None:
    audit.append(stores.state, TERMINAL, Act.REVOKING, migration)
    try:
        dead = apart(give_up, task, for_preview(config, stores.state, migration))["dead"]
    except (ApartFailed, CannotStart):
        dead = False
    audit.append(stores.state, TERMINAL, Act.REVOKED if dead else Act.REVOCATION_UNCONFIRMED, migration)
    audit.append(stores.state, TERMINAL, Act.KEY_DESTROYED, migration)
    clear_away(stores.state, stores.vault, migration)
    if dead:
        console.print("The access given for this preview is revoked; Google confirms it.")
    else:
        console.print(sentence("not-given-back"), style="bold red", highlight=False)


def _show_folders(console: Console, seen: Shown) -> None:
    table = Table(title="What would go where", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("Folder")
    table.add_column("Messages", justify="right")
    for name, count in sorted(seen.folders.items()):
        table.add_row(visible(name), f"{count:,}")
    for reason, count in sorted(seen.skipped.items()):
        table.add_row(f"not copied ({reason})", f"{count:,}", style="dim")
    console.print(table)


def _show_notes(console: Console, seen: Shown) -> None:
    if seen.notes:
        console.print("\nNames to look at", style="italic")
    for kind, old, new in seen.notes:
        console.print(Text.assemble("  ", visible(old), f" {note(kind)} ", visible(new)), highlight=False)


def _show_storage(console: Console, seen: Shown) -> None:
    console.print("\nStorage", style="italic")
    console.print(
        f"  {seen.messages:,} messages in Gmail, {_size(seen.at_least)} to {_size(seen.at_most)} in all\n"
        f"  one copy:        {_stored(seen.one_copy)}\n"
        f"  copy per label:  {_stored(seen.copy_per_label)}",
        highlight=False,
    )
    if seen.limit is not None:
        console.print(f"  the mailbox's quota is {_size(seen.limit)}", highlight=False)


def _stored(effect: tuple[int, int]) -> str:
    return f"{effect[0]:,} messages, about {_size(effect[1])}"


def _size(octets: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= factor:
            return f"{octets / factor:,.1f} {unit}"
    return f"{octets} bytes"
