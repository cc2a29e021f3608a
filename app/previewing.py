"""The plan of an import, shown before anything is copied: folders, counts, storage effect, clashes."""

import os

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.config import Config
from app.importing import ImportOptions, grant_for
from app.report import visible
from app.sentences import note, sentence
from app.stores import open_stores
from migrator.errors import MigrationError
from migrator.foldermap import map_folders
from migrator.folders import FolderMap
from migrator.gmail import Gmail
from migrator.labels import catalogue_of
from migrator.mailbox import Password, open_mailbox
from migrator.preview import StorageEffect, storage_effect
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience, attempt
from migrator.survey import Survey, survey
from oauth.grant import SingleFlightCredentials


def preview_account(console: Console, config: Config, options: ImportOptions) -> None:
    """Print what an import would do; read no message, copy nothing, create nothing.

    Raises:
        click.ClickException: Google or the mailbox refuses; the text says what to do.
    """
    credentials = SingleFlightCredentials(grant_for(console, config, options), config.client)
    try:
        with (
            open_stores(config.store) as stores,
            open_mailbox(config.target, Password(options.user, options.password)) as mailbox,
        ):
            patience = Patience()
            meter = Meter(stores.state, f"preview:{os.urandom(8).hex()}", PROFILES[config.google.profile])
            with Gmail(credentials, config.google.api, meter, patience) as gmail:
                labels = attempt(patience, gmail.labels)
                looked = survey(gmail, labels, patience)
            shape, quota = mailbox.shape(), mailbox.quota()
    except MigrationError as error:
        raise click.ClickException(sentence(error.code)) from None
    choices = options.choices(config)
    folder_map = map_folders(labels, shape, choices)
    effect = storage_effect(looked.label_sets, catalogue_of(labels), folder_map, choices, looked.likely_bytes)
    _show_folders(console, effect)
    _show_notes(console, folder_map)
    _show_storage(console, effect, looked, None if quota is None else quota.limit)


def _show_folders(console: Console, effect: StorageEffect) -> None:
    table = Table(title="What would go where", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("Folder")
    table.add_column("Messages", justify="right")
    for name, count in sorted(effect.folders.items()):
        table.add_row(visible(name), f"{count:,}")
    for reason, count in sorted(effect.skipped.items()):
        table.add_row(f"not copied ({reason})", f"{count:,}", style="dim")
    console.print(table)


def _show_notes(console: Console, folder_map: FolderMap) -> None:
    told = [n for n in folder_map.notes if n.old != n.new]
    if told:
        console.print("\nNames to look at", style="italic")
    for one in told:
        console.print(Text.assemble("  ", visible(one.old), f" {note(one.kind)} ", visible(one.new)), highlight=False)


def _show_storage(console: Console, effect: StorageEffect, looked: Survey, limit: int | None) -> None:
    console.print("\nStorage", style="italic")
    console.print(
        f"  {len(looked.label_sets):,} messages in Gmail, {_size(looked.at_least)} to {_size(looked.at_most)} in all\n"
        f"  one copy:        {effect.one_copy_messages:,} messages, about {_size(effect.one_copy_bytes)}\n"
        f"  copy per label:  {effect.copy_per_label_messages:,} messages, about {_size(effect.copy_per_label_bytes)}",
        highlight=False,
    )
    if limit is not None:
        console.print(f"  the mailbox's quota is {_size(limit)}", highlight=False)


def _size(octets: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= factor:
            return f"{octets / factor:,.1f} {unit}"
    return f"{octets} bytes"
