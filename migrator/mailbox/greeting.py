"""What a mail server says before anybody logs in: that it is one, under which certificate, and what it can."""

import contextlib
import imaplib
import ssl
from dataclasses import dataclass
from typing import Any

from .connection import Connection, by_name, greeted
from .target import Target


@dataclass(frozen=True, slots=True)
class Greeting:
    """A server that may be spoken to.

    Attributes:
        capabilities: in capitals, as told before the login; many servers tell more after it.
        valid_until: the end of its certificate in seconds since the epoch; None without TLS.
    """

    capabilities: frozenset[str]
    valid_until: float | None


def greeting(target: Target, seconds: float = 10) -> Greeting:
    """Connect, look at certificate and capabilities, and leave; `seconds` for each answer.

    Raises UnknownHost, CertificateInvalid, MailboxUnreachable, or LoginRefused ("preauth").
    """
    connection = greeted(target, by_name, seconds, seconds)
    try:
        return Greeting(connection.can(), _valid_until(connection))
    finally:
        _leave(connection)


def _valid_until(connection: Connection) -> float | None:
    sock: Any = connection.wire.sock
    if not isinstance(sock, ssl.SSLSocket):
        return None
    certificate: Any = sock.getpeercert()
    return float(ssl.cert_time_to_seconds(certificate["notAfter"]))


def _leave(connection: Connection) -> None:
    with contextlib.suppress(imaplib.IMAP4.error, OSError, EOFError):  # it ends either way
        connection.wire.run(b"LOGOUT")
    connection.wire.shutdown()
