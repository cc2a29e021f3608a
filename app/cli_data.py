"""`migrator data [ID]`: what is kept, who may see it, until when, and how much of it there is right now."""

import json
from contextlib import ExitStack
from typing import Any

import click
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from app.config import Config
from app.stores import Stores, connect, open_stores
from jobs.kept import Kept, Where
from jobs.overview import Overview, overview, overview_of
from jobs.retention import KEPT


@click.command("data")
@click.argument("migration", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def data_command(config: Config, /, migration: str | None, *, as_json: bool) -> None:
    """Show what is kept, who may see it and until when, and how much is held now; of one import, or of all.

    Names of rows and numbers only. Exit code 1 when there are keys outside the table or without an end.
    """
    with open_stores(config.store) as stores:
        try:
            found = _looked(stores, migration)
        except RedisError as error:
            raise click.ClickException(f"a store cannot be read ({type(error).__name__})") from None
    if migration and not found.keys:
        raise click.ClickException(f"nothing is kept of an import {migration}")
    if as_json:
        click.echo(json.dumps(_as_json(found, migration), indent=2))
    else:
        _show(Console(highlight=False), found, migration)
    if found.outside or found.endless:
        raise SystemExit(1)


def _looked(stores: Stores, migration: str | None) -> Overview:
    with ExitStack() as stack:
        broker = stack.enter_context(connect(stores.urls.broker))
        clients = {Where.STATE: stores.state, Where.KEYS: stores.keystores, Where.BROKER: broker}
        stack.callback(stores.state.close)
        stack.callback(stores.keystores.close)
        return overview_of(clients, migration) if migration else overview(clients)


def _as_json(found: Overview, migration: str | None) -> dict[str, Any]:
    rows = [{**_row(held.row), "keys": held.keys, "bytes": held.bytes} for held in found.rows]
    files = [] if migration else [_row(row) for row in KEPT if row.where is Where.FILES]
    return {"rows": rows + files, "outside": found.outside, "endless": found.endless}


def _row(row: Kept) -> dict[str, str]:
    return {
        "what": row.pattern,
        "where": row.where,
        "holds": row.holds,
        "sight": row.sight,
        "until": row.until,
        "why": row.why,
    }


def _show(console: Console, found: Overview, migration: str | None) -> None:
    """Print a table for each store and end, in the order of the rows."""
    held = {one.row: (f"{one.keys:,}", f"{one.bytes:,}") for one in found.rows}
    rows = [row for row in KEPT if row in held or (row.where is Where.FILES and not migration)]
    for where, until in dict.fromkeys((row.where, row.until) for row in rows):
        table = _table(f"{where.capitalize()}, until {until}")
        for row in rows:
            if (row.where, row.until) == (where, until):
                numbers = held.get(row, ("", ""))
                table.add_row(row.holds, row.sight, *numbers, style="dim" if numbers[0] == "0" else "")
        console.print(table, "")
    if found.outside or found.endless:
        console.print(f"Keys in no row of the table: {found.outside:,}; without an end: {found.endless:,}", style="red")


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), expand=True)
    table.add_column("What", ratio=5)
    table.add_column("May be seen by", ratio=4)
    table.add_column("Keys", justify="right", no_wrap=True, min_width=7)
    table.add_column("Bytes", justify="right", no_wrap=True, min_width=12)
    return table


COMMANDS = (data_command,)
