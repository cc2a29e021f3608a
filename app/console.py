"""The operators' console put together: its pages, the rooms behind them, and what it listens on."""

import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from urllib.parse import urlsplit

import click
import structlog

from app.config import Config
from app.fronted import is_proxy_unnamed
from app.loads import telling_loads
from app.logs import configure_logs
from app.ready import readiness
from app.recycling import Recycling, Stop, say_ready
from app.rooms import rooms_of
from app.serving import allow_connections, listening, serving
from app.stores import Stores
from web.fronted import noticing
from web.health import with_health
from web.operator.accounts import Roster
from web.operator.doors import Console
from web.operator.provider import Provider
from web.operator.rights import Role
from web.operator.signing_on import RETURN
from web.operator.site import make_console
from web.operator.sso import SingleSignOn, is_safe
from web.pools import StaffPools, loads_of
from web.security import Site, guarded

_log = structlog.get_logger()


def keep_console(config: Config, stores: Stores, stop: Stop) -> int:
    """Have the console served by processes that replace each other, until `stop` is set; return the exit code.

    Raises:
        click.ClickException: a setting of `[console]` is missing or cannot be used, or the port is taken.
    """
    console_site(config, stores)  # what is wrong with the configuration is said before anything listens
    with listening(config.console.host, config.console.port, "console") as listeners:
        configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
        recycling = Recycling("console", listeners, config.console.process_seconds)
        code = recycling.serve(stop, partial(_say_started, config))
    _log.info("console-stopped")
    return code


def run_console(config: Config, stores: Stores, stop: threading.Event) -> None:
    """Serve the console from this process until `stop` is set; raises as `keep_console`."""
    console_site(config, stores)  # what is wrong with the configuration is said before anything listens
    with listening(config.console.host, config.console.port, "console") as listeners:
        serve_console_at(listeners, config, stores, stop, partial(_say_started, config))
    _log.info("console-stopped")


def serve_console_at(
    listeners: Sequence[socket.socket],
    config: Config,
    stores: Stores,
    stop: threading.Event,
    started: Callable[[], None] = say_ready,
) -> None:
    """Serve the console at these listeners until `stop` is set; `started` is called when it is up."""
    allow_connections()
    pools = StaffPools()
    site = console_site(config, stores, pools)
    configure_logs(config.logs.level)
    with serving(site, listeners, stop, "console"), telling_loads(stores, stop, partial(loads_of, pools)):
        started()
        stop.wait()


def _say_started(config: Config) -> None:
    _log.info("console-started", version=version("gmail-migrator"), port=config.console.port)
    if is_proxy_unnamed(config.console):
        _log.warning("proxy-unnamed", place="console")


def console_site(config: Config, stores: Stores, pools: StaffPools | None = None) -> Site:
    """Return the console of this installation, behind its guard.

    Raises:
        click.ClickException: a setting of `[console]` is missing or cannot be used.
    """
    here, there = (urlsplit(url).netloc for url in (config.console.url, config.web.url))
    if not here:
        raise click.ClickException("console.url is not set: name the address at which operators reach the console.")
    if here == there:
        raise click.ClickException("console.url is that of the customers' pages: give the console a name of its own.")
    site = guarded(make_console(console_of(config, stores.for_pages(), pools)), here, ())
    seen = noticing(site, config.console.proxies, "console")
    return with_health(seen, readiness({"state": stores.urls.state, "keys": stores.urls.keys}))


def console_of(config: Config, stores: Stores, pools: StaffPools | None = None) -> Console:
    """Return what the console may do in this installation.

    Raises:
        click.ClickException: a setting of `[console.sso]` is missing or cannot be used.
    """
    return Console(
        roster=Roster(stores.state, stores.vault),
        rooms=rooms_of(config, stores),
        name=config.web.name or urlsplit(config.console.url).netloc,
        url=config.console.url,
        proxies=config.console.proxies,
        sso=SingleSignOn(provider_of(config)) if config.console.sso.issuer else None,
        pools=pools or StaffPools(),
    )


def provider_of(config: Config) -> Provider:
    """Return who signs members in.

    Raises:
        click.ClickException: a setting of `[console.sso]` is missing or cannot be used.
    """
    sso = config.console.sso
    roles = {value: role for role, values in _roles(config).items() for value in values}
    wrong = {
        "issuer: must begin with https://": not is_safe(sso.issuer),
        "client_id: what the console is called there": not sso.client_id,
        "amr or acr: how a second factor is told": not (sso.amr or sso.acr),
        "viewers, operators or admins: who may do what": not roles,
    }
    if any(wrong.values()):
        lines = "\n  ".join(f"console.sso.{text}" for text, is_so in wrong.items() if is_so)
        raise click.ClickException(f"The single sign-on cannot be used:\n  {lines}")
    return Provider(
        issuer=sso.issuer,
        client_id=sso.client_id,
        client_secret=config.sso_secret,
        return_to=f"{config.console.url}{RETURN}",
        amr=frozenset(sso.amr),
        acr=sso.acr,
        role_claim=sso.role_claim,
        roles=roles,
        ca_file=sso.ca_file,
    )


def _roles(config: Config) -> dict[Role, tuple[str, ...]]:
    """Return the claim's values by role, the highest last: a value named twice gives the higher one."""
    sso = config.console.sso
    return {Role.VIEWER: sso.viewers, Role.OPERATOR: sso.operators, Role.ADMIN: sso.admins}
