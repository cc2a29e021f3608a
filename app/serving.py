"""What the web server and the console share: a site served until it is told to stop."""

import logging
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click
import uvicorn

from web.security import Site

_CONNECTIONS = 65_536

# Its lines hold the codes of consents. `access_log=False` alone is undone by whoever gives the logger a way out.
logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)


@contextmanager
def listening(host: str, port: int, setting: str) -> Iterator[socket.socket]:
    """Listen; `setting` is what the port is called in the configuration.

    Raises:
        click.ClickException: the port is taken.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise click.ClickException(f"{setting}: cannot listen on {port}: {error.strerror}.") from None
    with listener:
        yield listener


@contextmanager
def serving(site: Site, listener: socket.socket, stop: threading.Event, name: str) -> Iterator[None]:
    """Serve a site until the block ends; `stop` is set when the server ends by itself. `name` is the thread's."""
    server = uvicorn.Server(_settings(site))
    thread = threading.Thread(target=_serve, args=(server, listener, stop), name=name)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def allow_connections() -> None:
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


def _serve(server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
    try:
        server.run([listener])
    finally:
        stop.set()
