"""The demo's second half: the pages beside a worker, so that a newcomer clicks through an import of his own."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError

import tenacity
from rich.console import Console

from app.config import Config
from app.importing import working
from app.server import run_server
from app.stores import Stores

DOMAIN = "mailbox.example"
"""The newcomer's address is at this domain, which stands for the host's own."""

_UP_SECONDS = 30


def sections(mailbox: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the configuration says of the pages: a free port, and the newcomer's mail server to sign in at.

    Args:
        mailbox: `host` and `port` of the server, without TLS.
    """
    port = _free_port()
    server = {"host": mailbox["host"], "port": mailbox["port"], "tls": "none", "login": "local-part"}
    return {
        "web": {"url": f"http://localhost:{port}", "port": port, "name": "Demo Mail"},
        "signin": {"hosts": {DOMAIN: server}},
        "logs": {"level": "error"},
    }


def show_pages(console: Console, config: Config, stores: Stores, keys: dict[str, Any], mailbox: dict[str, Any]) -> bool:
    """Bring the pages up and say so; on a terminal they stay until Ctrl-C. True when they answered."""
    with _served(config, stores, keys) as stop:
        up = _answers(config.web.url)
        mark, style = ("✓", "green") if up else ("✗", "bold red")
        console.print(f"{mark} the customer's pages are up: {config.web.url}", style=style, highlight=False)
        if up and console.is_terminal:
            console.print(
                f"\nNow an import of your own: open {config.web.url} in a browser on this machine.\n"
                f"Sign in as {mailbox['user']}@{DOMAIN} with the password {mailbox['password']}, "
                "and choose the one account that the stand-in for Google has.\n"
                "Ctrl-C ends the demo.",
                highlight=False,
                soft_wrap=True,
            )
            stop.wait()
    return up


@contextmanager
def _served(config: Config, stores: Stores, keys: dict[str, Any]) -> Iterator[threading.Event]:
    with working(config, stores) as stop:
        server = threading.Thread(target=run_server, args=(config, stores.as_role("web"), keys, stop), name="pages")
        server.start()
        try:
            yield stop
        finally:
            stop.set()
            server.join()


def _answers(url: str) -> bool:
    def ask() -> bool:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own number

    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(URLError),
        stop=tenacity.stop_after_delay(_UP_SECONDS),
        wait=tenacity.wait_fixed(0.1),
        retry_error_callback=lambda _: False,
    )
    return bool(patiently(ask))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
