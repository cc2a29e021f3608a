"""`migrator worker | web | console`: what runs until it is told to stop."""

import click

from app.config import Config
from app.console import keep_console, serve_console_at
from app.home import at_home
from app.receipts import signing_key
from app.recycling import handed_listeners, until_told
from app.server import keep_serving, serve_at
from app.stores import open_stores
from app.work import serve
from jobs.worker import leave
from migrator.signingkeys import public_keys


@click.command()
@click.pass_obj
def worker(config: Config) -> None:
    """Work on imports until SIGTERM or Ctrl-C."""
    stop = until_told()
    with at_home(config.store), open_stores(config.store, "worker") as stores:
        well = serve(config, stores, stop)
    leave(0 if well else 1)


@click.command()
@click.pass_obj
def web(config: Config) -> None:
    """Serve the pages until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS."""
    stop, listeners = until_told(), handed_listeners()
    with at_home(config.store), open_stores(config.store, "web") as stores:
        keys = public_keys(signing_key(config), config.receipts.retired_keys_file)
        code = 0 if listeners else keep_serving(config, stop)
        if listeners:
            serve_at(listeners, config, stores, keys, stop)
    leave(code)  # threads may still wait for processes of ours, which end with this one


@click.command()
@click.pass_obj
def console(config: Config) -> None:
    """Serve the operators' console until SIGTERM or Ctrl-C; behind a proxy of yours that ends TLS."""
    stop, listeners = until_told(), handed_listeners()
    with open_stores(config.store, "console") as stores:
        code = 0 if listeners else keep_console(config, stores, stop)
        if listeners:
            serve_console_at(listeners, config, stores, stop)
    leave(code)


COMMANDS = (worker, web, console)
