"""`migrator import`: one account into one mailbox, from a terminal."""

import os
from pathlib import Path

import click
from rich.console import Console

from app.config import Config
from app.home import at_home
from app.importing import ImportOptions, import_account
from app.previewing import preview_account

_A_FILE = click.Path(exists=True, path_type=Path, dir_okay=False)
_MAILBOX_PASSWORD = "MIGRATOR_MAILBOX_PASSWORD"  # noqa: S105 - the variable's name


@click.command("import")
@click.option("--grant", type=_A_FILE, help="JSON with refresh_token.")
@click.option("--account", default="", help="The Gmail address that must have been consented for; any, if left out.")
@click.option("--user", required=True, help="The mailbox's user name.")
@click.option("--password-file", type=_A_FILE)
@click.option("--customer", default="terminal", show_default=True, help="The host's opaque id of the customer.")
@click.option("--policy", type=click.Choice(["one-copy", "copy-per-label"]))
@click.option("--spam/--no-spam", default=None)
@click.option("--trash/--no-trash", default=None)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out what arrived before this day.")
@click.option("--verify", type=click.Choice(["size", "digest"]))
@click.option("--dry-run", is_flag=True, help="Print the plan and copy nothing.")
@click.option("--detach", is_flag=True, help="Return at once; a running worker does the import.")
@click.pass_obj
def import_command(
    config: Config, /, grant: Path | None, user: str, password_file: Path | None, **rest: object
) -> None:
    """Import one account into one mailbox; without --grant, shows Google's consent page as a URL to open.

    The mailbox's password is read from --password-file or $MIGRATOR_MAILBOX_PASSWORD, else asked for.
    """
    password = password_file.read_text().rstrip("\n") if password_file else os.environ.get(_MAILBOX_PASSWORD, "")
    password = password or click.prompt("Mailbox password", hide_input=True)
    options = ImportOptions(grant, user, password, **rest)  # type: ignore[arg-type]
    console = Console()
    with at_home(config.store):
        if options.dry_run:
            preview_account(console, config, options)
            return
        well = import_account(console, config, options)
    raise SystemExit(0 if well else 1)


COMMANDS = (import_command,)
