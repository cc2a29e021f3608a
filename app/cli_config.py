"""`migrator config check`."""

import click

from app import proxies
from app.config import Config
from app.fronted import UNNAMED, WAY_OUT, is_proxy_unnamed
from app.home import too_long


@click.group("config")
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


COMMANDS = (config_group,)
