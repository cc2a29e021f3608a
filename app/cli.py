"""The command line: `migrator --help` lists its commands."""

import os
import sys
from pathlib import Path

import click
from rich.console import Console

from app import demo as demonstration
from app import proxies
from app.cli_acts import act_commands
from app.cli_audit import audit_group
from app.cli_data import data_command
from app.cli_keys import keys_group
from app.cli_list import list_command, show_command, status_command
from app.cli_metrics import metrics_command
from app.cli_queue import dead_command, queue_command
from app.cli_receipt import receipt_group
from app.cli_reconnect import reconnect_command
from app.cli_tokens import token_group
from app.cli_users import user_group
from app.config import Config, load
from app.console import keep_console, serve_console_at
from app.doctor import doctor_command
from app.fronted import UNNAMED, WAY_OUT, is_proxy_unnamed
from app.home import at_home, too_long
from app.importing import ImportOptions, import_account
from app.logs import quiet_logs
from app.previewing import preview_account
from app.receipts import signing_key
from app.recycling import handed_listeners, until_told
from app.server import keep_serving, serve_at
from app.stores import open_stores
from app.work import serve
from jobs.worker import leave
from migrator.signingkeys import public_keys
from oauth.keyring import add_key
from oauth.workerskeys import add_pair

_A_FILE = click.Path(exists=True, path_type=Path, dir_okay=False)
_CONNECTING = frozenset({"worker", "web", "console", "import", "reconnect"})
"""Commands that go to Google, to a mailbox or to the single sign-on."""

_MAILBOX_PASSWORD = "MIGRATOR_MAILBOX_PASSWORD"  # noqa: S105 - the variable's name


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file.")
@click.pass_context
def main(context: click.Context, config_file: Path | None) -> None:
    """Bring a Gmail account into an IMAP mailbox, read-only, and keep nothing."""
    quiet_logs()
    proxies.ignore()
    if context.invoked_subcommand in _CONNECTING and proxies.named():
        click.echo(proxies.sentence(), err=True)
    if context.invoked_subcommand != "demo":
        context.obj = load(config_file)


@main.command()
@click.option("--keep", is_flag=True, help="Keep the demo's folder for a look at its state.")
def demo(*, keep: bool) -> None:
    """Migrate a small real mailbox from a local stand-in for Google; no account, no configuration."""
    terminal = Console(file=sys.stdout)  # bound here: the web server closes standard output to whoever comes later
    raise SystemExit(0 if demonstration.run(terminal, keep=keep) else 1)


@main.command()
@click.pass_obj
def worker(config: Config) -> None:
    """Work on imports until SIGTERM or Ctrl-C."""
    stop = until_told()
    with at_home(config.store), open_stores(config.store, "worker") as stores:
        well = serve(config, stores, stop)
    leave(0 if well else 1)


@main.command()
@click.pass_obj
def web(config: Config) -> None:
    """Serve the pages until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS."""
    stop, listeners = until_told(), handed_listeners()
    with at_home(config.store), open_stores(config.store, "web") as stores:
        keys = public_keys(signing_key(config), config.receipts.retired_keys_file)
        code = 0 if listeners else keep_serving(config, stop)
        if listeners:
            serve_at(listeners, config, stores, keys, stop)
    leave(code)  # threads may still wait for processes of ours, which end with this one


@main.command()
@click.pass_obj
def console(config: Config) -> None:
    """Serve the operators' console until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS."""
    stop, listeners = until_told(), handed_listeners()
    with open_stores(config.store, "console") as stores:
        code = 0 if listeners else keep_console(config, stores, stop)
        if listeners:
            serve_console_at(listeners, config, stores, stop)
    leave(code)


@main.command("import")
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


@main.group("master-key")
def master_key_group() -> None:
    """Make the key that wraps every import's key, or rotate it."""


@master_key_group.command("add")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def master_key_add(config: Config, file: Path | None) -> None:
    """Put a new key at the top of FILE (default: the configured one); older ones go on opening what they wrapped.

    Restart workers and web servers after it. Remove an old line when no import is left that began before that:
    imports wrap their key anew when they next work, and end after 72 hours without progress.
    """
    path = file or config.store.master_key_path
    try:
        click.echo(f"{path}: {add_key(path)} wraps from now on")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"cannot write {path}: {getattr(error, 'strerror', 'not a text file')}") from None


@main.group("workers-key")
def workers_key_group() -> None:
    """Make the key pair that seals secrets to workers alone, or rotate it."""


@workers_key_group.command("add")
@click.argument("private", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.argument("public", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def workers_key_add(config: Config, private: Path | None, public: Path | None) -> None:
    """Put a new private key at the top of PRIVATE, and its public half into PUBLIC (default: the configured files).

    Older private keys go on opening what was sealed to them. Stop all workers and start them again after it, then give
    the web server and the console the new public key and restart them. Remove an old line when no import is left that
    began before that: an import's key is sealed anew when the import next works, and ends after 72 hours without
    progress.
    """
    private, public = private or config.store.workers_key_path, public or config.store.workers_public_key_path
    try:
        key_id = add_pair(private, public)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "not a text file")
        raise click.ClickException(f"cannot write {private} and {public}: {why}") from None
    click.echo(f"{private}, {public}: imports are sealed to {key_id} from now on")


@main.group("config")
def config_group() -> None:
    """Look at the configuration."""


@config_group.command("check")
@click.pass_obj
def config_check(config: Config) -> None:
    """Read the configuration and say what is missing for real use."""
    named = config.store.run_directory  # where it is not named, the service's surroundings decide, not this shell's
    fault = too_long(named) if named else ""
    missing = [
        text
        for is_missing, text in (
            (not config.google.client_id, "google.client_id: make an OAuth client in your Google project"),
            (config.google.client_secret_path is None, "google.client_secret_file: the file with its secret"),
            (not config.mailbox.host, "mailbox.host: the IMAP server that takes the mail"),
            (bool(fault), fault),
        )
        if is_missing
    ]
    if missing:
        raise click.ClickException("not ready for use:\n  " + "\n  ".join(missing))
    click.echo("the configuration is complete")
    if config.return_address:
        click.echo(f"authorised redirect URI at Google, to the letter: {config.return_address}")
    if proxies.named():
        click.echo(proxies.sentence(), err=True)
    for section, site in {"web": config.web, "console": config.console}.items():
        if is_proxy_unnamed(site):
            click.echo(f"{section}: {UNNAMED}. {WAY_OUT.format(section)}", err=True)


for _command in (
    *(audit_group, data_command, keys_group, receipt_group, reconnect_command, token_group, user_group),
    *(queue_command, list_command, show_command, status_command, dead_command, *act_commands(), doctor_command),
    metrics_command,
):
    main.add_command(_command)
