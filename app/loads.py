"""How full the pools of this process are: told to the metrics in a thread beside it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from app.background import beside
from app.stores import Stores, connect
from jobs.fullness import Load, tell_until


@contextmanager
def telling_loads(stores: Stores, stop: threading.Event, look: Callable[[], Mapping[str, Load]]) -> Iterator[None]:
    """Tell the metrics how full this process's pools are, while the block runs."""
    with connect(stores.urls.state) as redis, beside("loads", stop, partial(tell_until, stop, redis, look)):
        yield
