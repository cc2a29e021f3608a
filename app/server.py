"""The web server put together: the site, the rooms behind it, and what it listens on."""

import logging
import resource
import socket
import threading
from functools import partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import click
import structlog
import uvicorn

import app.connecting
import app.entering
import app.looking
import jobs.undoing
from app import surveying
from app.afterwards import afterwards_doors
from app.config import Config
from app.entrances import host_of, ways_of
from app.logs import CHILD_LOGS, configure_logs
from app.panel_api import panel_api
from app.stores import Stores, connect_async
from app.wizard import addresses_for, consents_of, look_over_of, start, wizard_of
from jobs import nursery
from migrator.quota import PROFILES
from web.afterdoors import Afterwards
from web.afterwards import afterwards_routes, ended_page
from web.api.application import API
from web.doors import Doors
from web.launch import LAUNCH
from web.security import Site, guarded
from web.site import make_site
from web.speech import speaking_to

_log = structlog.get_logger()

_CONNECTIONS = 65_536

APART = (app.connecting, app.entering, app.looking, jobs.undoing)
"""Rooms that work in processes of their own."""

# Its lines hold the codes of consents. `access_log=False` alone is undone by whoever gives the logger a way out.
logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)


def run_server(config: Config, stores: Stores, receipt_keys: dict[str, Any], stop: threading.Event) -> None:
    """Serve the pages until `stop` is set.

    Raises:
        click.ClickException: `web.url` is missing, or the port is taken.
    """
    if not urlsplit(config.web.url).netloc:
        raise click.ClickException("web.url is not set: name the address at which browsers reach the pages.")
    if not (config.panel.origins or config.signin.hosts):
        click.echo("Nobody can come in to the pages yet: set panel.origins or signin.hosts.", err=True)
    _allow_connections()
    site = site_of(config, stores, receipt_keys, stop)
    nursery.preload((CHILD_LOGS, *(room.__name__ for room in APART)))
    with _listening(config) as listener:
        configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
        server = uvicorn.Server(_settings(site))
        thread = threading.Thread(target=_serve, args=(server, listener, stop), name="web")
        thread.start()
        _log.info("web-started", version=version("gmail-migrator"), port=listener.getsockname()[1])
        stop.wait()
        server.should_exit = True
        thread.join()
    surveying.halt()
    _log.info("web-stopped")


def site_of(config: Config, stores: Stores, receipt_keys: dict[str, Any], stop: threading.Event) -> Site:
    """Return the site of this installation, behind its guard.

    Raises:
        click.ClickException: a file that the configuration names cannot be used.
    """
    host, google = urlsplit(config.web.url).netloc, urlsplit(config.google.auth_uri)
    after = afterwards_doors(config, stores, host_of(config))
    site = make_site(doors_of(config, stores, receipt_keys, after, stop), [afterwards_routes(after)])
    api = panel_api(config, stores)
    if api:
        site.mount(API, api)
    spoken = speaking_to(site, stores.state)
    return guarded(spoken, host, [f"{google.scheme}://{google.netloc}"], (LAUNCH, f"{API}/"))


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
    )


def _allow_connections() -> None:
    """Let this process have as many connections as it may: an open progress page is one, and 1,024 is the usual end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _settings(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        site,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


def _listening(config: Config) -> socket.socket:
    try:
        return socket.create_server((config.web.host, config.web.port))
    except OSError as error:
        raise click.ClickException(f"web.port: cannot listen on {config.web.port}: {error.strerror}.") from None


def _serve(server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
    try:
        server.run([listener])
    finally:
        stop.set()
