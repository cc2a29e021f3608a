"""`migrator api-token add | list | remove`: who may call the API of the host's panel, and for what."""

from pathlib import Path

import click

from app.api_tokens import TokensUnusable, add_token, read_tokens, remove_token
from app.config import Config
from web.api.tokens import Scope

_AGAIN = "Restart the web servers: they read the file when they start."


@click.group("api-token")
def token_group() -> None:
    """Make, list or remove the service tokens of the panel's API."""


@token_group.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; everything, if left out. Repeatable.",
)
@click.pass_obj
def add(config: Config, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token and print it, this one time; `api.tokens_file` gets its hash alone."""
    try:
        token = add_token(_file(config), name, frozenset(map(Scope, scopes or Scope)))
    except TokensUnusable as error:
        raise click.ClickException(f"api.tokens_file: {error}.") from None
    click.echo(token)
    click.echo(f"Keep it now: it is shown this once. {_AGAIN}", err=True)


@token_group.command("list")
@click.pass_obj
def list_(config: Config) -> None:
    """Show the tokens' names and scopes."""
    try:
        found = read_tokens(_file(config))
    except TokensUnusable as error:
        raise click.ClickException(f"api.tokens_file: {error}.") from None
    for token in found:
        click.echo(f"{token.name}  {' '.join(sorted(token.scopes))}")


@token_group.command("remove")
@click.argument("name")
@click.pass_obj
def remove(config: Config, name: str) -> None:
    """Take a token out of the file: it opens nothing any more."""
    try:
        remove_token(_file(config), name)
    except TokensUnusable as error:
        raise click.ClickException(f"api.tokens_file: {error}.") from None
    click.echo(_AGAIN, err=True)


def _file(config: Config) -> Path:
    if config.api.tokens_file is None:
        raise click.ClickException("api.tokens_file is not set: name the file in the configuration.")
    return config.api.tokens_file


COMMANDS = (token_group,)
