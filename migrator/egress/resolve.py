"""A host's name looked up once, all answers checked, and connections made to them alone.

Whoever runs a name's server may answer differently each time it is asked. So it is asked once in the life of a slice,
and the certificate is still checked against the name.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrator.egress.addresses import is_public
from migrator.egress.hosts import Tls, check_port, checked_host
from migrator.egress.race import first_to_answer, interleaved
from migrator.errors import HostNotAllowed, MailboxUnreachable, UnknownHost

Resolver = Callable[..., list[tuple[Any, ...]]]
"""`socket.getaddrinfo`, or what answers like it."""

_MOST_ADDRESSES = 8
"""So many of a host's addresses are tried."""

_LATER_SECONDS = 60
"""Until the next try where the name service does not answer."""


class Trust(StrEnum):
    """Who named the host."""

    OPERATOR = "operator"
    """In the configuration: any address, any port."""
    CUSTOMER = "customer"
    """Public addresses, and the rules of `hosts`."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A host, its port, and the checked addresses that connections go to, in the order they are tried."""

    host: str
    port: int
    addresses: tuple[str, ...]


def pin(host: str, port: int, tls: Tls, trust: Trust, resolver: Resolver = socket.getaddrinfo) -> Pinned:
    """Look the host up, once, and check all answers.

    Raises:
        HostNotAllowed: a customer may not name it, or one of its addresses is not public, or it has none: these are
            one answer, lest somebody learn which names there are inside.
        UnknownHost: the operator's host has no address.
        MailboxUnreachable: the name service did not answer.
    """
    if trust is Trust.OPERATOR:
        return Pinned(host, port, _addresses(host, port, resolver)[:_MOST_ADDRESSES])
    check_port(port, tls)
    name = checked_host(host)
    try:
        # With the dot at its end no search list is tried: those of containers come before the name itself.
        found = _addresses(f"{name}.", port, resolver)
    except UnknownHost:
        raise HostNotAllowed from None
    if not all(map(is_public, found)):
        raise HostNotAllowed
    return Pinned(name, port, found[:_MOST_ADDRESSES])


def _addresses(host: str, port: int, resolver: Resolver) -> tuple[str, ...]:
    try:
        found = resolver(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise MailboxUnreachable(time.time() + _LATER_SECONDS, "name-service") from None
        raise UnknownHost from None
    except UnicodeError:  # no name at all to the IDNA codec
        raise UnknownHost from None
    if not found:
        raise UnknownHost
    return interleaved(dict.fromkeys(str(answer[4][0]) for answer in found))


class Reach:
    """Makes the TCP connections to a host's checked addresses, for `open_mailbox(..., connect=...)`; looks nothing up.

    The address that served last is tried first; one that answered since and did not serve, last.
    """

    def __init__(self, pinned: Pinned | None) -> None:
        self._pinned = pinned
        self._order = list(pinned.addresses) if pinned else []

    def __call__(self, host: str, port: int, seconds: float) -> socket.socket:
        """Connect to the first address that answers.

        Raises:
            HostNotAllowed: any other host or port than the checked one, which may be none.
            OSError: none answers in time.
        """
        if self._pinned is None or (host, port) != (self._pinned.host, self._pinned.port):
            raise HostNotAllowed
        sock, address = first_to_answer(self._order, port, seconds)
        self._order.remove(address)
        self._order.append(address)
        return sock

    def served(self, address: str) -> None:
        """Begin with this address from now on, if it is one of the host's."""
        self._order.sort(key=lambda one: one != address)


def connecting(pinned: Pinned | None, first: str = "") -> Reach:
    """Return what reaches this host; `first` is the address that served before, "" where none is known."""
    reach = Reach(pinned)
    reach.served(first)
    return reach
