"""A host's name looked up once, all answers checked, and connections made to them alone.

Whoever runs a name's server may answer differently each time it is asked. So it is asked once in the life of a slice,
and the certificate is still checked against the name.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from migrator.egress.addresses import is_public
from migrator.egress.hosts import Tls, check_port, checked_host
from migrator.errors import HostNotAllowed, MailboxUnreachable, UnknownHost

Resolver = Callable[..., list[tuple[Any, ...]]]
"""`socket.getaddrinfo`, or what answers like it."""

Connect = Callable[[str, int, float], socket.socket]
"""What a mailbox is opened with: host, port, seconds."""

_MOST_ADDRESSES = 4
"""So many of a host's addresses are tried; they share the time."""

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
    """A host, its port, and the checked addresses that connections go to, in the order of the name service."""

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
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in found))


def connecting(pinned: Pinned | None) -> Connect:
    """Return what makes the TCP connections to this host, for `open_mailbox(..., connect=...)`; it looks nothing up.

    It raises HostNotAllowed for any other host or port (without a host for all), and the last address's OSError when
    none answers in time.
    """
    return partial(_connect, pinned)


def _connect(pinned: Pinned | None, host: str, port: int, seconds: float) -> socket.socket:
    if pinned is None or (host, port) != (pinned.host, pinned.port):
        raise HostNotAllowed
    until = time.monotonic() + seconds
    *others, last = pinned.addresses
    for left, address in zip(range(len(others) + 1, 1, -1), others, strict=True):
        try:
            return _reached(address, port, (until - time.monotonic()) / left)
        except OSError:  # the next one may be up; what the last one says is what is told
            continue
    return _reached(last, port, until - time.monotonic())


def _reached(address: str, port: int, seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(max(seconds, 0.1))  # none left would mean: do not wait at all
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
