"""The command line: `migrator --help` lists its commands.

A command's module is imported when the command is run: each needs others of the libraries, which take seconds to load.
"""

from pathlib import Path

import click

from app.lazycommands import LazyCommands, LazyGroup

COMMANDS = {
    "app.cli_demo": {
        "demo": "Migrate a small real mailbox from a local stand-in for Google; no account, no configuration.",
    },
    "app.cli_serve": {
        "worker": "Work on imports until SIGTERM or Ctrl-C.",
        "web": "Serve the pages until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS.",
        "console": "Serve the operators' console until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS.",
    },
    "app.cli_import": {
        "import": "Import one account into one mailbox; without --grant, shows Google's consent page as a URL to open.",
    },
    "app.cli_reconnect": {
        "reconnect": "Give an import what it lost; it goes on where it was.",
    },
    "app.cli_acts": {
        "cancel": "End imports; what was copied stays, tokens and keys are discarded.",
        "expire": "End imports as if their time were over; like cancel, but they are called expired.",
        "finish": "Finish imports that are held because messages failed, without those messages.",
        "pause": "Let imports rest until they are resumed.",
        "resume": "Go on with paused, waiting or failed imports.",
        "retry": "Try messages again that failed, of imports that have not come to their end, and go on.",
    },
    "app.cli_list": {
        "list": "Show imports: state, since when nothing moved, what was copied, and why they wait.",
        "show": "Show one import: how it stands, why and until when it waits, how far it is, and what may be done.",
        "status": "Show one import's account, or the state of all; for who imports from this terminal, see `list` and "
        "`show`.",
    },
    "app.cli_queue": {
        "queue": "Show how everything stands: what needs a person, imports by state, queue, workers, the last hour.",
        "dead": "Show what failed, by code with what to do, and how many tickets died.",
    },
    "app.cli_audit": {
        "audit": "Check the audit log, or look at it.",
    },
    "app.cli_receipt": {
        "receipt": "Check a receipt, or fetch one that is still kept.",
    },
    "app.cli_data": {
        "data": "Show what is kept, who may see it and until when, and how much is held now; of one import, or of all.",
    },
    "app.doctor": {
        "doctor": "Look the installation over, and say what to do about what is wrong.",
    },
    "app.cli_metrics": {
        "metrics": "Serve metrics to Prometheus until SIGTERM or Ctrl-C: one for an installation; needs no key and no "
        "worker.",
    },
    "app.cli_config": {
        "config": "Look at the configuration.",
    },
    "app.cli_keyfiles": {
        "master-key": "Make the key that wraps every import's key, or rotate it.",
        "workers-key": "Make the key pair that seals secrets to workers alone, or rotate it.",
    },
    "app.cli_keys": {
        "keys": "Look at the key stores.",
    },
    "app.cli_tokens": {
        "api-token": "Make, list or remove the service tokens of the panel's API.",
    },
    "app.cli_users": {
        "user": "Add, list, reset or remove those who may use the operators' console.",
    },
}
"""Commands by the module that has them, each with the first sentence of its help."""

_CONNECTING = frozenset({"worker", "web", "console", "import", "reconnect"})
"""Commands that go to Google, to a mailbox or to the single sign-on."""


@click.group(cls=LazyGroup, commands=LazyCommands(COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file.")
@click.pass_context
def main(context: click.Context, config_file: Path | None) -> None:
    """Bring a Gmail account into an IMAP mailbox, read-only, and keep nothing."""
    from app import proxies  # noqa: PLC0415 - not for --help
    from app.config import load  # noqa: PLC0415
    from app.logs import quiet_logs  # noqa: PLC0415

    quiet_logs()
    proxies.ignore()
    if context.invoked_subcommand in _CONNECTING and proxies.named():
        click.echo(proxies.sentence(), err=True)
    if context.invoked_subcommand != "demo":
        context.obj = load(config_file)
