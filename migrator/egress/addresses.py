"""Which addresses are public: where a host that a customer named may lie.

Python's `is_global` does not answer this: it is true for NAT64, for 6to4 and multicast, and differs between versions.
Of IPv6 one block is in general use, and all that is taken out of it is listed; the same for IPv4.
Sources: IANA "IPv4 Special-Purpose Address Registry", "IPv6 Special-Purpose Address Registry", "IPv6 Address Space".
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network (RFC 791 §3.2)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598); metadata of some clouds
        "127.0.0.0/8",  # loopback (RFC 1122 §3.2.1.3)
        "168.63.129.16/32",  # not in the registry: Azure's host, seen by each of its machines
        "169.254.0.0/16",  # link-local (RFC 3927); metadata of most clouds
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890 §2.1)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # AMT (RFC 7450)
        "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved (RFC 1112 §4), and limited broadcast
    )
)

_PUBLIC_6 = IPv6Network("2000::/3")
"""Global unicast (RFC 4291 §2.4). Outside: ::/96, ::ffff:0:0/96, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64,
5f00::/16, fc00::/7, fe80::/10, ff00::/8 and all that nobody has yet."""

_NOT_PUBLIC_6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments (RFC 2928): Teredo, ORCHID, benchmarking, AMT and others
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4: an IPv4 address, perhaps a private one, in IPv6 (RFC 3056)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3ffe::/16",  # the 6bone, given back (RFC 3701)
        "3fff::/20",  # documentation (RFC 9637)
    )
)


def is_public(address: str) -> bool:
    """Tell whether an address, as `getaddrinfo` gives it, is one that anybody on the Internet may have.

    No text but the plain form of an address is one: a zone (`%eth0`) says that it is not.
    """
    try:
        given = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(given) if isinstance(given, IPv4Address) else _is_public_6(given)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in block for block in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    inside = address.scope_id is None and address in _PUBLIC_6
    return inside and not any(address in block for block in _NOT_PUBLIC_6)
