"""The ways in that the configuration opens: the host's panel, and signing in at the mailbox."""

import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from app.config import Config
from app.entering import allowed_hosts, check_mailbox
from app.stores import Stores
from web.doors import Ways
from web.entrance import Entrance
from web.launch import Panel
from web.launch_token import Terms, host_keys, secret_key
from web.signin import Check
from web.views.host import Host


def host_of(config: Config) -> Host:
    """Return who offers the import: by name, else by the address of the pages."""
    web = config.web
    return Host(web.name or urlsplit(web.url).netloc, config.receipts.policy_url, web.support_url)


def ways_of(config: Config, stores: Stores) -> Ways:
    """Return how customers come in; raises `click.ClickException` as `panel_of`."""
    entrance = Entrance(stores.state, stores.keystores, stores.vault, config.web.proxies, host_of(config))
    return Ways(entrance, panel_of(config), _check_of(config))


def panel_of(config: Config) -> Panel | None:
    """Return the host's panel; None where no launch is let in.

    Raises:
        click.ClickException: a file cannot be read, holds something else, or a setting beside it is missing.
    """
    panel = config.panel
    if not panel.origins:
        return None
    terms, origins = _terms_of(config), frozenset(panel.origins)
    return Panel(origins, terms, bool(panel.master_user), panel.login, panel.test_mode)


def _terms_of(config: Config) -> Terms | None:
    panel = config.panel
    if not panel.issuer and not panel.keys_file:
        return None
    if not panel.issuer or not panel.keys_file:
        raise click.ClickException("panel.issuer and panel.keys_file are needed together.")
    try:
        keys = host_keys(_json("panel.keys_file", panel.keys_file))
        secret = secret_key(_json("panel.secret_key_file", panel.secret_key_file)) if panel.secret_key_file else None
    except ValueError as error:
        raise click.ClickException(f"panel.keys_file, panel.secret_key_file: {error}.") from None
    return Terms(panel.issuer, panel.audience or config.web.url, keys, secret)


def _check_of(config: Config) -> Check | None:
    if not config.signin.hosts:
        return None
    return partial(check_mailbox, config, allowed_hosts(config))


def _json(setting: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise click.ClickException(f"{setting}: cannot read {path} as JSON.") from None
    if not isinstance(found, dict):
        raise click.ClickException(f"{setting}: {path} holds no JSON object.")
    return found
