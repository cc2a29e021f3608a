"""Addresses as browsers have them: scheme, host and port in one spelling (URL Standard; RFC 9110 §4.2.3, §7.2).

Browsers say a host in lower case, in A-labels, and without the scheme's own port; people write all of it otherwise.
"""

import re
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from migrator.hostnames import host_key

_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\\\s]+)(?::([0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_LAST_PORT = 65_535
_NO_HOST = "must name a host: https://host"


def origin_of(address: str) -> str:
    """Return the origin that a person's address means; `https://Import.Example.org:443/` is the plain one.

    Raises:
        ValueError: it is no origin; the text says what to write, and repeats nothing of it.
    """
    parts = _split(address)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must end after the host, without a path or query: https://host")
    return f"{parts.scheme}://{parts.netloc}"


def url_of(address: str) -> str:
    """Return an address with its origin in the plain spelling, and the rest as it is; raises as `origin_of`."""
    return _split(address).geturl()


def authority_of(given: str, scheme: str) -> str:
    """Return host and port as browsers say them in `Host`: the port only where it is not the scheme's own.

    Raises:
        ValueError: there is no host in it, or more than a host and a port.
    """
    found = _AUTHORITY.fullmatch(given)
    if found is None:
        raise ValueError(_NO_HOST)
    host, port = _host(found[1]), int(found[2] or _PORTS[scheme])
    if not 0 < port <= _LAST_PORT:
        raise ValueError(f"must name a port between 1 and {_LAST_PORT}, or none")
    return host if port == _PORTS[scheme] else f"{host}:{port}"


def comparable(name: object) -> object:
    """Return an origin in its plain spelling, and anything else as it is: `null`, a name that is no address."""
    with suppress(ValueError):
        return origin_of(name) if isinstance(name, str) else name
    return name


def is_origin_of(origin: str, host: str) -> bool:
    """True if a browser's `Origin` is at this host (as `authority_of` gives it)."""
    with suppress(ValueError):
        return _split(origin).netloc == host
    return False


def is_at(given: str, host: str) -> bool:
    """True if a `Host` header names this host, with or without the port that goes without saying (RFC 9110 §7.2)."""
    with suppress(ValueError):
        return host in {authority_of(given, scheme) for scheme in _PORTS}
    return False


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address.strip())
    except ValueError:  # brackets without an IPv6 address in them
        raise ValueError(_NO_HOST) from None
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with https://")
    if "@" in parts.netloc:
        raise ValueError("must name no user: https://host")
    return parts._replace(netloc=authority_of(parts.netloc, parts.scheme))


def _host(given: str) -> str:
    name = host_key(given)
    labels = name.split(".")
    with suppress(AddressValueError):
        if name.startswith("["):
            return f"[{IPv6Address(name[1:-1])}]"
        if labels[-1].isdecimal():
            return str(IPv4Address(name))
        if all(map(_LABEL.fullmatch, labels)):
            return name
    raise ValueError(_NO_HOST)
