"""`migrator reconnect`: an import given what it lost, access to Google or to its mailbox."""

import os
from pathlib import Path

import click
from rich.console import Console

from app.config import Config
from app.reconnecting import Given, reconnect

_A_FILE = click.Path(exists=True, path_type=Path, dir_okay=False)
_PASSWORD = "MIGRATOR_MAILBOX_PASSWORD"  # noqa: S105 - the variable's name


@click.command("reconnect")
@click.argument("migration")
@click.option("--grant", type=_A_FILE, help="JSON with refresh_token; without it, Google's consent page as a URL.")
@click.option("--mailbox", is_flag=True, help="The mailbox's password was changed.")
@click.option("--user", default="", help="The mailbox's user name; asked for where it is needed.")
@click.option("--password-file", type=_A_FILE)
@click.pass_obj
def reconnect_command(
    config: Config, migration: str, grant: Path | None, user: str, password_file: Path | None, *, mailbox: bool
) -> None:
    """Give an import what it lost; it goes on where it was.

    Access to Google by a new consent; with --mailbox, a new password, which is tried at once; both, where the key
    store has lost the import's key. The password is read from --password-file or $MIGRATOR_MAILBOX_PASSWORD, else
    asked for.
    """

    def password() -> str:
        typed = password_file.read_text().rstrip("\n") if password_file else os.environ.get(_PASSWORD, "")
        return typed or str(click.prompt("Mailbox password", hide_input=True))

    def name() -> str:
        return user or str(click.prompt("Mailbox user name"))

    if not reconnect(Console(), config, migration, Given(name, password, grant), mailbox=mailbox):
        raise SystemExit(1)


COMMANDS = (reconnect_command,)
