"""What the web server and the console share: a site served until it is told to stop."""

import errno
import logging
import resource
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click
import uvicorn

from app.httpserver import TimedProtocol
from app.recycling import STOP_SECONDS, Stop
from web.security import Site

_CONNECTIONS = 65_536

_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""This machine has no such address; another of the host's will do."""

_WHY = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; name one of its own, or :: for all of them",
    errno.EAFNOSUPPORT: "this machine has no IPv6; name an IPv4 address, or 0.0.0.0 for all of them",
    errno.EACCES: "not permitted; choose a port from 1024 on, or give the service CAP_NET_BIND_SERVICE",
}

# Its lines hold the codes of consents. `access_log=False` alone is undone by whoever gives the logger a way out.
logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)


@contextmanager
def listening(host: str, port: int, section: str) -> Iterator[tuple[socket.socket, ...]]:
    """Listen at every address that a host has on this machine; `::` is all of them, of IPv4 and IPv6.

    Args:
        host: an address, in brackets or not, or a name such as `localhost`; one of its addresses is enough.
        port: where; 0 is any free one.
        section: of the configuration, where `host` and `port` stand.

    Raises:
        click.ClickException: nobody can listen there; says why, and what to do.
    """
    with ExitStack() as opened:
        try:
            listeners = tuple(opened.enter_context(one) for one in _listeners(host, port))
        except (OSError, UnicodeError) as error:
            raise click.ClickException(_cannot_listen(host, port, section, error)) from None
        yield listeners


def _listeners(host: str, port: int) -> Iterator[socket.socket]:
    """Give a listener for each address; one that this machine does not have is passed over where there is another."""
    absent, addresses = 0, _addresses(host, port)
    for family, address in addresses:
        try:
            yield _listener(family, address)
        except OSError as error:
            absent += 1
            if error.errno not in _ABSENT or absent == len(addresses):
                raise


def _addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """Return families and addresses of a host, `host` empty for all of IPv4; raises OSError where it has none."""
    name = host.strip().removeprefix("[").removesuffix("]")
    rows = socket.getaddrinfo(name or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # noqa: S104
    return list(dict.fromkeys((row[0], row[4]) for row in rows))


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, dualstack_ipv6=both)


def _cannot_listen(host: str, port: int, section: str, error: Exception) -> str:
    why = _WHY.get(error.errno or 0, error.strerror) if isinstance(error, OSError) else ""
    if isinstance(error, socket.gaierror) or not why:
        why = "it is no address of this machine: name one, or :: for all of them"
    return f"{section}.host, {section}.port: cannot listen on {host} port {port}: {why}."


@contextmanager
def serving(site: Site, listeners: Sequence[socket.socket], stop: threading.Event, name: str) -> Iterator[None]:
    """Serve a site until the block ends; `stop` is set when the server ends by itself. `name` is the thread's."""
    server = uvicorn.Server(_settings(site))
    thread = threading.Thread(target=_serve, args=(server, listeners, stop), name=name)
    thread.start()
    try:
        yield
    finally:
        server.config.timeout_graceful_shutdown = stop.seconds if isinstance(stop, Stop) else STOP_SECONDS
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
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _serve(server: uvicorn.Server, listeners: Sequence[socket.socket], stop: threading.Event) -> None:
    try:
        server.run(list(listeners))
    finally:
        stop.set()
