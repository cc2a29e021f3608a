"""What a closed process is given of the outside, by whoever starts it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import structlog

from jobs import storeline
from jobs.lasting import Lasting, serving_on
from jobs.spawning import Child
from jobs.storeproxy import Access, Proxy, serving
from migrator.egress import Doors, brokered

_log = structlog.get_logger()

BROKEN_OUT = "egress-refused:syscall"
"""The kernel ended it over a call that none of our code makes."""


def unheard(_: str) -> None:
    """Nobody notes which hosts it contacts."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a closed process reaches.

    Attributes:
        doors: what its parent connects it to.
        readable: files and folders that it may read, beside the libraries.
        contacted: told each `host:port` once, before it is connected to.
        store: what it may ask of the state store; None where that is nothing.
    """

    doors: Doors
    readable: tuple[str, ...] = ()
    contacted: Callable[[str], None] = unheard
    store: Access | Lasting | None = None


@contextmanager
def reaching(child: Child, outside: Outside | None, refused: Callable[[str], None]) -> Iterator[socket.socket]:
    """Let a process reach that while the block runs; gives the end of its line to the store, to be handed to it.

    Args:
        child: the process.
        outside: what it reaches; None for one that reaches nothing.
        refused: told `connect` when it asks for another door, and `store` when it asks the store for anything else;
            for that it is ended.
    """
    if outside is None:
        yield storeline.cut()
        return
    proxy: Proxy | None = None
    try:
        with (
            brokered(child.channel, outside.doors, outside.contacted, refused),
            _served(outside.store, child.kill) as proxy,
        ):
            yield proxy.line
    finally:
        if proxy and proxy.has_refused:
            refused("store")


def _served(store: Access | Lasting | None, end: Callable[[], None]) -> AbstractContextManager[Proxy]:
    return serving_on(store, end) if isinstance(store, Lasting) else serving(store, end)


def tell_refusal(what: str) -> None:
    """Say in the log what a process outside slices tried; of a slice its worker says it, and ends it."""
    _log.critical("egress-refused", code=f"egress-refused:{what}")
