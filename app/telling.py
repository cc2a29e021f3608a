"""The panel told of what happens: a thread of the worker's that posts webhooks, where the configuration names a place.

Several workers may do it: of one event one of them tells.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import click

from app.background import beside
from app.config import Config
from app.stores import connect
from jobs.hook import Hook, secret_of
from jobs.webhooks import deliver_until

_EVERY_SECONDS = 1.0


def hook_of(config: Config) -> Hook | None:
    """Return where the host wants to be told; None where it does not.

    Raises:
        click.ClickException: the address or the secret is missing or cannot be used; the text says which.
    """
    said = config.hook
    if not said.url and not said.secret_file:
        return None
    if not said.url or not said.secret_file:
        raise click.ClickException("hook.url and hook.secret_file are needed together.")
    try:
        return Hook(said.url, secret_of(config.hook_secret), said.ca_file)
    except ValueError as error:
        raise click.ClickException(f"hook.url, hook.secret_file: {error}.") from None


@contextmanager
def telling(hook: Hook | None, state_url: str, stop: threading.Event) -> Iterator[None]:
    """Tell the host of what happens while the block runs, or until `stop` is set; without a hook do nothing."""
    if hook is None:
        yield
        return
    with connect(state_url) as redis:
        deliver = partial(deliver_until, stop, redis, hook, _EVERY_SECONDS)
        with beside("webhooks", stop, deliver):
            yield
