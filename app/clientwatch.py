"""A thread of the worker's that looks whether Google accepts our OAuth client again, while it refuses it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from app.background import beside
from app.config import Config
from app.stores import connect
from jobs.clientrefused import watch_until
from oauth.token_errors import Refusal
from oauth.trying import asked_about_client

_ASK_SECONDS = 10.0


@contextmanager
def watching_client(config: Config, state_url: str, stop: threading.Event) -> Iterator[None]:
    """Look while the block runs, or until `stop` is set."""

    def ask() -> Refusal:
        return asked_about_client(config.client_as_of_now, _ASK_SECONDS)

    with connect(state_url) as redis, beside("client", stop, partial(watch_until, stop, redis, ask)):
        yield
