"""What a closed process is given of the outside, by whoever starts it."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from migrator.egress import Doors

_log = structlog.get_logger()

BROKEN_OUT = "egress-refused:syscall"
"""The kernel ended it over a call that none of our code makes."""


def _unheard(_: str) -> None:
    """Nobody notes which hosts it contacts."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a closed process reaches.

    Attributes:
        doors: what its parent connects it to.
        readable: files and folders that it may read, beside the libraries.
        contacted: told each `host:port` once, before it is connected to.
    """

    doors: Doors
    readable: tuple[str, ...] = ()
    contacted: Callable[[str], None] = _unheard


def tell_refusal(what: str) -> None:
    """Say in the log what a process outside slices tried; of a slice its worker says it, and ends it."""
    _log.critical("egress-refused", code=f"egress-refused:{what}")
