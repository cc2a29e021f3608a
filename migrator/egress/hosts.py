"""What a customer may write as the host of a mailbox, and with which ports.

`getaddrinfo` takes far more for a host than a name: "2130706433", "0x7f.1" and full-width digits are 127.0.0.1 to it.
So a text is a name by our own rule or refused, and it is refused in one word: what is wrong with it would tell
somebody who tries what lies behind the wall.
"""

import re
from typing import Literal

import idna

from migrator.errors import HostNotAllowed

_LONGEST = 253
"""Characters of a name without its last dot (RFC 1035 §2.3.4)."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123 §2.1, in small letters."""

_TOP = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,57}[a-z0-9]")
"""A top-level label holds letters only (RFC 3696 §2), so that no form of an IPv4 address ends in one."""

_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

_SPECIAL = frozenset({"alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test"})
"""Top-level names that are no public ones (IANA "Special-Use Domain Names"; `internal`: ICANN resolution 2024.07.29.06;
`arpa` with `home.arpa`, RFC 8375)."""

_PRIVATE = frozenset({"corp", "home", "intranet", "lan", "localdomain", "mail", "private"})
"""Top-level names in private use, which nobody can have (RFC 6762 appendix G; ICANN "Name Collision")."""

Tls = Literal["implicit", "starttls", "none"]
_PORTS = frozenset({(993, "implicit"), (143, "starttls")})
"""RFC 8314 §3.2, RFC 9051 §6.2.1. No other port: a mail server's neighbours are none of the customer's business."""


def checked_host(text: str) -> str:
    """Return the name in ASCII and small letters, as it is resolved and shown to the server.

    Letters beyond ASCII are taken by IDNA 2008 as they stand (RFC 5891 §4, nothing is mapped to something else).

    Raises:
        HostNotAllowed: it is no full name that may be public; always the same error.
    """
    name = _ascii(text.translate(_SMALL))
    labels = name.split(".")
    if len(name) > _LONGEST or len(labels) == 1 or not all(map(_LABEL.fullmatch, labels)):
        raise HostNotAllowed
    if not _TOP.fullmatch(labels[-1]) or labels[-1] in _SPECIAL | _PRIVATE:
        raise HostNotAllowed
    return name


def check_port(port: int, tls: Tls) -> None:
    """Raise HostNotAllowed unless it is 993 with TLS from the start, or 143 with STARTTLS."""
    if (port, tls) not in _PORTS:
        raise HostNotAllowed


def _ascii(text: str) -> str:
    try:
        return ".".join(_label(label) for label in text.split("."))
    except idna.IDNAError:
        raise HostNotAllowed from None


def _label(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        return label
    return idna.encode(label, strict=True, std3_rules=True).decode("ascii")
