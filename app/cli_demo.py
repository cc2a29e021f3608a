"""`migrator demo`."""

import sys

import click
from rich.console import Console

from app import demo as demonstration


@click.command()
@click.option("--keep", is_flag=True, help="Keep the demo's folder for a look at its state.")
def demo(*, keep: bool) -> None:
    """Migrate a small real mailbox from a local stand-in for Google; no account, no configuration."""
    terminal = Console(file=sys.stdout)  # bound here: the web server closes standard output to whoever comes later
    raise SystemExit(0 if demonstration.run(terminal, keep=keep) else 1)


COMMANDS = (demo,)
