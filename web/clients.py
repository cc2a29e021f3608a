"""From where somebody asks: the part of his address by which tries are counted, whatever proxies and browsers write.

Only the host's own proxies are believed. What a browser sends stands left of what they add, or is overwritten by them;
whatever is no IP address counts as whoever the connection is with.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED, FORWARDED_FOR = "forwarded", "x-forwarded-for"
LISTS = frozenset({FORWARDED, FORWARDED_FOR})
"""Headers to which proxies append: a browser may have begun them."""

SIGNS = (FORWARDED, FORWARDED_FOR, "x-real-ip", "via")
"""Headers that proxies write."""

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}")
"""`[2001:db8::1]:443`, `[2001:db8::1]`, `192.0.2.1:443` (RFC 7239 §6)."""

_OF_ONE_CUSTOMER = 64
"""The bits of an IPv6 address that a line is given (RFC 4291 §2.5.4); the rest its owner chooses."""

_OF_ONE_SITE = 48
"""Bits of what one holder is given at most (RFC 6177 §2)."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The host's proxies in front of a site, and where they say who asks.

    Attributes:
        header: which header they write it to, in small letters; empty where browsers connect directly.
        count: how many of them append to it, where it is one of `LISTS`.
        networks: where they are, each with its own address; where empty, whoever has no public address may be one.
    """

    header: str = ""
    count: int = 1
    networks: tuple[Network, ...] = ()


DIRECT = Proxies()
"""No proxy: browsers connect to us."""


def client_by(proxies: Proxies, request: Request) -> str:
    """Return by what the tries of a request's sender are counted; empty where he comes by a Unix socket and no header.

    Args:
        proxies: the host's.
        request: the sender's.
    """
    peer = request.client.host if request.client else ""
    return network_of(_named(proxies, request, peer) or peer)


def network_of(client: str) -> str:
    """Return the part of an address that stands for one customer: IPv4 whole, IPv6 its /64; any other text as it is."""
    address = address_in(client)
    if address is None or address.version == 4:  # noqa: PLR2004 - the protocol's name
        return str(address or client)
    return str(ipaddress.ip_network((int(address), _OF_ONE_CUSTOMER), strict=False))


def site_of(network: str) -> str:
    """Return the /48 around an IPv6 network, as `network_of` returns it: whoever has one has 65,536 of those."""
    if ":" not in network:
        return ""
    return str(ipaddress.IPv6Network(network).supernet(new_prefix=_OF_ONE_SITE))


def address_in(text: str) -> Address | None:
    """Return the address that a text holds, bare or with brackets, port, zone or quotes; None where it is none.

    An IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address.
    """
    bare = text.strip().strip('"')
    found = _WITH_PORT.fullmatch(bare)
    try:
        address = ipaddress.ip_address((found[1] or found[2]) if found else bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _named(proxies: Proxies, request: Request, peer: str) -> str:
    """Return the address that our proxies name, empty where they name none or are not who is connected."""
    if not proxies.header or not _is_proxy(proxies, address_in(peer)):
        return ""
    lines = request.headers.getlist(proxies.header)
    if proxies.header not in LISTS:  # one address, written by the nearest proxy: of two, one is a browser's
        return _usable(lines[0]) if len(lines) == 1 else ""
    entries = ",".join(lines).split(",")
    if proxies.header == FORWARDED:
        entries = [_for(entry) for entry in entries]
    return _beyond(proxies, entries) if proxies.networks else _usable(_nth(entries, proxies.count))


def _beyond(proxies: Proxies, entries: list[str]) -> str:
    """Return the nearest entry, from the right, that is none of our proxies; empty before that comes no address."""
    for entry in reversed(entries):
        address = address_in(entry)
        if address is None:
            return ""
        if not _within(address, proxies.networks):
            return entry
    return entries[0]


def _nth(entries: list[str], count: int) -> str:
    return entries[-count] if len(entries) >= count else ""


def _for(entry: str) -> str:
    """Return whom an element of `Forwarded` names (RFC 7239 §4); empty where none, or two.

    It is split without regard to quotes: those of our proxies hold no comma, and one that a browser leaves open must
    not swallow what they append.
    """
    pairs = (pair.partition("=") for pair in entry.split(";"))
    named = [value.strip() for name, _, value in pairs if name.strip().lower() == "for"]
    return named[0] if len(named) == 1 else ""


def _usable(entry: str) -> str:
    return entry if address_in(entry) else ""


def _is_proxy(proxies: Proxies, peer: Address | None) -> bool:
    """Tell whether a connection may be one of our proxies'; that of a Unix socket is nobody else's."""
    if peer is None:
        return True
    return _within(peer, proxies.networks) if proxies.networks else not peer.is_global


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
