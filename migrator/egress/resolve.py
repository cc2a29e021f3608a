"""A host's name looked up once, all answers checked, and connections made to them alone.

Whoever runs a name's server may answer differently each time it is asked. So it is asked once in the life of a slice,
and the certificate is still checked against the name.
"""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrator.egress.addresses import is_public
from migrator.egress.broker import Door
from migrator.egress.hosts import Tls, check_port, checked_host
from migrator.egress.race import first_to_answer, interleaved
from migrator.errors import HostNotAllowed, MailboxUnreachable, UnknownHost

Resolver = Callable[..., list[tuple[Any, ...]]]
"""`socket.getaddrinfo`, or what answers like it."""

Over = Callable[[], bool]

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
    """Makes the TCP connections to a host's checked addresses; looks nothing up.

    The address that served last is tried first; one that answered since and did not serve, last.
    """

    def __init__(self, pinned: Pinned) -> None:
        self._port = pinned.port
        self._order = list(pinned.addresses)
        self._lock = threading.Lock()

    def __call__(self, seconds: float, over: Over = lambda: False, served: str = "") -> socket.socket:
        """Connect to the first address that answers, beginning with the one that served, if it is one of the host's.

        Raises:
            OSError: none answers in time.
        """
        with self._lock:
            self._order.sort(key=lambda one: bool(served) and one != served)
            order = tuple(self._order)
        sock, address = first_to_answer(order, self._port, seconds, over)
        with self._lock:
            self._order.remove(address)
            self._order.append(address)
        return sock


def door_to(
    host: str,
    port: int,
    *,
    tls: Tls = "implicit",
    trust: Trust = Trust.OPERATOR,
    resolver: Resolver = socket.getaddrinfo,
) -> Door:
    """Return the door to a host that is looked up once, when it is first asked for; its `host:port` is noted."""
    found: list[Reach] = []
    lock = threading.Lock()

    def connect(seconds: float, over: Over, served: str) -> socket.socket:
        with lock:
            if not found:
                found.append(Reach(_pinned(host, port, tls, trust, resolver)))
        return found[0](seconds, over, served)

    return Door(connect, f"{host}:{port}")


def _pinned(host: str, port: int, tls: Tls, trust: Trust, resolver: Resolver) -> Pinned:
    try:
        return pin(host, port, tls, trust, resolver)
    except UnknownHost:
        raise socket.gaierror(socket.EAI_NONAME, "unknown") from None
    except MailboxUnreachable:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer") from None
