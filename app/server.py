"""The web server put together: the site, the rooms behind it, and what it listens on."""

import logging
import socket
import threading
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import click
import structlog
import uvicorn

import app.connecting
from app.config import Config
from app.connecting import connect
from app.logs import CHILD_LOGS, configure_logs
from app.sentences import sentence
from app.stores import Stores
from jobs import audit, nursery, requests
from jobs.audit import CUSTOMER, Act
from jobs.errors import IllegalTransition
from jobs.launch import Import, prepare
from jobs.migration import new_id
from migrator.mailbox import Password
from oauth import pending
from oauth.pending import Purpose
from web.doors import Doors
from web.security import guarded
from web.site import make_site

_log = structlog.get_logger()

# Its lines hold the codes of consents. `access_log=False` alone is undone by whoever gives the logger a way out.
logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)

_RETURN = "/consent/return"
_CUSTOMER = "web"


def run_server(config: Config, stores: Stores, receipt_keys: dict[str, Any], stop: threading.Event) -> None:
    """Serve the pages until `stop` is set.

    Raises:
        click.ClickException: `web.url` is missing, or the port is taken.
    """
    if not urlsplit(config.web.url).netloc:
        raise click.ClickException("web.url is not set: name the address at which browsers reach the pages.")
    nursery.preload((CHILD_LOGS, app.connecting.__name__))
    with _listening(config) as listener:
        configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
        server = uvicorn.Server(_settings(config, doors_of(config, stores, receipt_keys)))
        thread = threading.Thread(target=_serve, args=(server, listener, stop), name="web")
        thread.start()
        _log.info("web-started", version=version("gmail-migrator"), port=listener.getsockname()[1])
        stop.wait()
        server.should_exit = True
        thread.join()
    _log.info("web-stopped")


def doors_of(config: Config, stores: Stores, receipt_keys: dict[str, Any]) -> Doors:
    """Return what the pages may do in this installation."""
    client = config.client
    back = config.web.url.rstrip("/") + _RETURN

    def begin(session: str, account: str) -> str:
        purpose = Purpose(new_id(), expected=account)
        return pending.begin(stores.keys, stores.vault, client, back, session, purpose)

    def connected(session: str, answer: str) -> str:
        taken = pending.take(stores.keys, stores.vault, session, answer)
        made = connect(config, stores, taken, answer, actor=CUSTOMER)
        # A record from now on: a customer who never starts has his access revoked when the record expires.
        requests.create(stores.state, _CUSTOMER, migration_id=made.migration, start=False)
        return made.migration

    def start(migration: str, user: str, password: str) -> None:
        record = requests.read(stores.state, migration)
        if record.reason != "not-started":
            raise IllegalTransition(record.state, record.phase)
        wanted = Import(_CUSTOMER, Password(user, password), config.migrations.choices, config.migrations.order)
        prepare(stores.state, stores.vault, migration, wanted)
        audit.append(stores.state, CUSTOMER, Act.STARTED, migration)
        requests.resume(stores.state, migration)

    return Doors(stores.state, begin, connected, start, sentence, receipt_keys)


def _settings(config: Config, doors: Doors) -> uvicorn.Config:
    google = urlsplit(config.google.auth_uri)
    site = guarded(make_site(doors), urlsplit(config.web.url).netloc, [f"{google.scheme}://{google.netloc}"])
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
