"""What is left to a process once its doors are closed, as values."""

from dataclasses import dataclass
from urllib.parse import urlsplit

Place = tuple[str, int]
"""A host's name, or an address, and a port."""

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Inside:
    """What a closed process may do by itself.

    Attributes:
        folder: the one folder in which files may be made, changed and removed.
        names: hosts and ports that a library may look up; the worker does, when it is asked for a connection.
        secrets: files that must not even be read.
    """

    folder: str
    names: frozenset[Place]
    secrets: tuple[str, ...] = ()


def endpoint(url: str) -> Place:
    """Return host and port of a URL; this machine where it names no host."""
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]
