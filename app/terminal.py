"""How the operators' commands reach the stores and speak: to people in 80 columns, to programs in JSON."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from pydantic import BaseModel
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from app.config import Config
from app.rooms import rooms_of
from app.stores import open_stores
from web.operator.rooms import Rooms

_PIPED_COLUMNS = 160

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@contextmanager
def opened_rooms(config: Config) -> Iterator[Rooms]:
    """Give the rooms behind the console's pages, which these commands show too.

    Raises:
        click.ClickException: a store cannot be read, or its place is not set.
    """
    with open_stores(config.store) as stores:
        rooms = rooms_of(config, stores)
        try:
            yield rooms
        except RedisError as error:
            raise click.ClickException(
                f"a store cannot be read ({type(error).__name__}): `migrator doctor` says what to do"
            ) from None
        finally:
            for client in rooms.stores.values():
                client.close()


def told(model: BaseModel) -> None:
    """Print what programs read."""
    click.echo(model.model_dump_json(indent=2))


def unknown(migration: str) -> click.ClickException:
    """Return what is said of an import that is not there."""
    return click.ClickException(f"no import {migration} here; `migrator status` lists those that are kept")


def terminal() -> Console:
    """Return what people read: as wide as their window; wider in a pipe, where lines are searched."""
    asked = "COLUMNS" in os.environ or sys.stdout.isatty()
    return Console(highlight=False, width=None if asked else _PIPED_COLUMNS)


def columns(*names: str) -> Table:
    """Return an empty table of these columns; a name that begins with `>` is of numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table


def pairs() -> Table:
    """Return an empty table of labels and what belongs to them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
