"""The doors of a slice's process, as values: whatever it may reach, and where it may write."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from migrator.egress.resolve import Pinned

Place = tuple[str, int]
"""A host's name, or an address, and a port."""

Known = dict[Place, str]
"""What connections may go to, by name or address, each with the `host:port` that is told; "" for the store."""

_PORTS = {"https": 443, "http": 80, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True, slots=True)
class Doors:
    """What stays open once the doors are closed.

    Attributes:
        folder: the one folder in which files may be made, changed and removed.
        endpoints: Google's, by name; connections go to the addresses that these names have, and are told.
        mailbox: the mailbox host, looked up and checked before; None where the phase needs none.
        store: the state store, by hosts and ports (with Sentinels several) or by the path of its socket; not told.
        secrets: files that must not even be read.
    """

    folder: str
    endpoints: frozenset[Place]
    mailbox: Pinned | None
    store: frozenset[Place] | str
    secrets: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[Place]:
        """The names that may be looked up, with the ports asked for."""
        return self.endpoints | self._stores

    def known(self) -> Known:
        """Return what connections may go to before any name was looked up."""
        told = {place: _shown(place) for place in self.endpoints}
        told |= dict.fromkeys(self._stores, "")
        if (mailbox := self.mailbox) is not None:
            told |= {(address, mailbox.port): _shown((mailbox.host, mailbox.port)) for address in mailbox.addresses}
        return told

    @property
    def _stores(self) -> frozenset[Place]:
        return frozenset() if isinstance(self.store, str) else self.store


def _shown(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def endpoint(url: str) -> Place:
    """Return host and port of a URL; this machine where it names no host, as Redis URLs may."""
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]


def store_places(url: str) -> frozenset[Place] | str:
    """Return host and port of a Redis URL (`redis://`, `rediss://`), or the path of its socket (`unix://`)."""
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "unix" else frozenset({endpoint(url)})
