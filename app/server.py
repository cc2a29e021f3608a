"""The web server put together: the site, the rooms behind it, and what it listens on."""

import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import click
import structlog

import app.connecting
import app.entering
from app.afterwards import afterwards_doors
from app.config import Config
from app.entrances import host_of, ways_of
from app.fronted import is_proxy_unnamed
from app.loads import telling_loads
from app.logs import CHILD_LOGS, configure_logs
from app.panel_api import panel_api
from app.ready import readiness
from app.recycling import Recycling, Stop, say_ready
from app.serving import allow_connections, listening, serving
from app.stores import Stores, connect_async
from app.wizard import addresses_for, consents_of, look_over_of, start, wizard_of
from jobs import nursery
from jobs.spawning import can_start
from migrator.quota import PROFILES
from web.afterdoors import Afterwards
from web.afterwards import afterwards_routes, ended_page
from web.api.application import API
from web.busy import busy
from web.doors import Doors
from web.fronted import noticing
from web.health import with_health
from web.launch import LAUNCH
from web.notices import busy_page
from web.operator.fresh import Fresh
from web.pools import Pools, exchanges, loads_of, sign_ins
from web.security import Site, guarded
from web.site import make_site
from web.speech import speaking_to

_log = structlog.get_logger()

APART = (app.connecting, app.entering)
"""Rooms that work in processes of their own."""

_START_SECONDS = 2.0
"""While no process could be started, `/readyz` tries again so often at most."""


def keep_serving(config: Config, stop: Stop) -> int:
    """Have the pages served by processes that replace each other, until `stop` is set; return the exit code.

    Raises:
        click.ClickException: `web.url` is missing, or the port is taken.
    """
    _check(config)
    with listening(config.web.host, config.web.port, "web") as listeners:
        configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
        code = Recycling("web", listeners, config.web.process_seconds).serve(stop, partial(_say_started, config))
    _log.info("web-stopped")
    return code


def run_server(config: Config, stores: Stores, receipt_keys: dict[str, Any], stop: threading.Event) -> None:
    """Serve the pages from this process until `stop` is set; raises as `keep_serving`."""
    _check(config)
    with listening(config.web.host, config.web.port, "web") as listeners:
        serve_at(listeners, config, stores, receipt_keys, stop, partial(_say_started, config))
    _log.info("web-stopped")


def serve_at(
    listeners: Sequence[socket.socket],
    config: Config,
    stores: Stores,
    receipt_keys: dict[str, Any],
    stop: threading.Event,
    started: Callable[[], None] = say_ready,
) -> None:
    """Serve the pages at these listeners until `stop` is set; `started` is called when they are up."""
    allow_connections()
    pools = pools_of(config)
    site = site_of(config, stores, receipt_keys, stop, pools)
    configure_logs(config.logs.level)
    nursery.preload((CHILD_LOGS, *(room.__name__ for room in APART)))
    with serving(site, listeners, stop, "web"), telling_loads(stores, stop, partial(loads_of, pools)):
        started()
        stop.wait()


def _check(config: Config) -> None:
    if not urlsplit(config.web.url).netloc:
        raise click.ClickException("web.url is not set: name the address at which browsers reach the pages.")
    if not (config.panel.origins or config.signin.hosts):
        click.echo("Nobody can come in to the pages yet: set panel.origins or signin.hosts.", err=True)
    if config.panel.test_mode:
        click.echo(
            "panel.test_mode is on: refused launches show developers why. Switch it off in production.", err=True
        )


def _say_started(config: Config) -> None:
    _log.info("web-started", version=version("gmail-migrator"), port=config.web.port)
    if is_proxy_unnamed(config.web):
        _log.warning("proxy-unnamed", place="web")


def site_of(
    config: Config, stores: Stores, receipt_keys: dict[str, Any], stop: threading.Event, pools: Pools | None = None
) -> Site:
    """Return the site of this installation, behind its guard.

    Raises:
        click.ClickException: a file that the configuration names cannot be used.
    """
    stores = stores.for_pages()
    host, google = urlsplit(config.web.url).netloc, urlsplit(config.google.auth_uri)
    after = afterwards_doors(config, stores, host_of(config), pools or pools_of(config))
    site = make_site(doors_of(config, stores, receipt_keys, after, stop), [afterwards_routes(after)])
    api = panel_api(config, stores)
    if api:
        site.mount(API, api)
    refuse = partial(busy, say=partial(busy_page, host_of(config)), place="page")
    spoken = speaking_to(site, stores.state, refuse)
    site_behind_guard = guarded(spoken, host, [f"{google.scheme}://{google.netloc}"], (LAUNCH, f"{API}/"))
    stores_answer, fresh = readiness({"state": stores.urls.state, "keys": stores.urls.keys}), Fresh(_START_SECONDS)
    seen = noticing(site_behind_guard, config.web.proxies, "web")
    return with_health(seen, lambda: stores_answer() and fresh.look("processes", can_start))


def pools_of(config: Config) -> Pools:
    """Return the pools for work that waits for a mail server or for Google."""
    return Pools(sign_in=sign_ins(config.web.signins_at_once), exchange=exchanges(config.web.consents_at_once))


def doors_of(
    config: Config, stores: Stores, receipt_keys: dict[str, Any], after: Afterwards, stop: threading.Event
) -> Doors:
    """Return what the pages may do in this installation."""
    wizard = wizard_of(config, stores)
    return Doors(
        state=stores.state,
        host=host_of(config),
        profile=PROFILES[config.google.profile],
        ways=ways_of(config, stores),
        consents=consents_of(wizard),
        look_over=look_over_of(wizard),
        addresses=partial(addresses_for, wizard),
        start=partial(start, wizard),
        ended=partial(ended_page, after),
        open_state=partial(connect_async, stores.urls.state),
        closing=stop,
        receipt_keys=receipt_keys,
        pools=after.pools,
    )
