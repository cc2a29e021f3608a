"""`migrator keys status`: which key store takes new keys, how many imports need which, and when one may be stopped."""

import json
from dataclasses import asdict

import click
from redis.exceptions import RedisError

from app.config import Config
from app.stores import open_stores
from app.terminal import as_json_option, columns, terminal
from jobs.draining import Drain, drains


@click.group("keys")
def keys_group() -> None:
    """Look at the key stores."""


@keys_group.command("status")
@as_json_option
@click.pass_obj
def keys_status(config: Config, /, *, as_json: bool) -> None:
    """Show for each key store how many imports' keys it holds, and whether it may be stopped.

    Exit code 1 when one of them does not answer, or imports name one that is not in store.keys_url.
    """
    with open_stores(config.store) as stores:
        try:
            found = drains(stores.state, stores.keystores)
        except RedisError as error:
            raise click.ClickException(f"the state store cannot be read ({type(error).__name__})") from None
        finally:
            stores.state.close()
            stores.keystores.close()
    if as_json:
        click.echo(json.dumps([{**asdict(one), "may_be_stopped": one.may_be_stopped} for one in found], indent=2))
    else:
        table = columns("Key store", ">Imports", ">Others", "")
        for one in found:
            table.add_row(one.name, _number(one.imports), _number(one.others), word_on(one))
        terminal().print(table)
    if any(not one.known or one.imports is None for one in found):
        raise SystemExit(1)


def word_on(one: Drain) -> str:
    """Return what is to be known of it."""
    if not one.known:
        return "not in store.keys_url: put it back there, or these imports have to be connected again"
    if one.imports is None:
        return "does not answer"
    if one.first:
        return "takes new imports"
    if one.may_be_stopped:
        return "may be stopped: take it out of store.keys_url first, and restart all processes"
    if one.imports:
        return "drains: may be stopped when its imports have ended"
    return "drains: consents and sign-ins that began with it end within half an hour"


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


COMMANDS = (keys_group,)
