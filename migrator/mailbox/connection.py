"""Opening a connection: reach the host, prove who it is, log in; and what goes wrong there as errors of our tree."""

import contextlib
import imaplib
import logging
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import ProtocolError

from migrator.errors import (
    CertificateInvalid,
    ConnectionLost,
    LoginRefused,
    MailboxUnreachable,
    MigrationError,
    ServerMisbehaves,
    UnknownHost,
)

from . import answers
from .login import RefusedWithoutReason, log_in
from .target import Credentials, Target
from .wire import Connect, Flood, Nonsense, Wire

# Its debug messages hold user names and mail, its warnings quote the server.
logging.getLogger("imapclient").setLevel(logging.CRITICAL)

_CUT = frozenset({"refused", "no-imap"})  # the connection was, on its way to the mailbox
_PAUSES = (0.3, 1.5)  # seconds on average before it is tried again; what is cut then waits for another slice

_EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 10, 62, 64  # X509_V_ERR_* of OpenSSL


def by_name(host: str, port: int, seconds: float) -> socket.socket:
    """Connect to whatever address the host's name has: the plain way, see `Connect`."""
    return socket.create_connection((host, port), seconds)


class Connection(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """IMAPClient over our own `Wire`."""

    def __init__(self, target: Target, connect: Connect, connect_timeout: float, read_timeout: float) -> None:
        self._make: Callable[[], Wire] = partial(Wire, target, connect, connect_timeout, read_timeout)
        tls = target.tls == "implicit"
        timeout = SocketTimeout(connect_timeout, read_timeout)
        super().__init__(target.host, target.port, ssl=tls, timeout=timeout)
        self.wire.hush()
        self.normalise_times = False

    def _create_IMAP4(self) -> Wire:  # noqa: N802
        return self._make()

    @property
    def wire(self) -> Wire:
        """The connection underneath."""
        wire: Wire = self._imap
        return wire

    def can(self) -> frozenset[str]:
        """Return the capabilities as they are now, in capitals (RFC 9051 §6.1.1)."""
        with _parsed():
            return frozenset(name.decode("ascii", "replace") for name in self.capabilities())

    def namespace(self) -> Any:
        """Return the namespaces as IMAPClient does."""
        with _parsed():
            spaces = super().namespace()
            told = [space for group in spaces for space in group or ()]
            if not all(isinstance(prefix, str) and isinstance(delimiter, str | None) for prefix, delimiter in told):
                raise Nonsense("no prefix")
            return spaces

    def fetch(self, *args: Any) -> Any:
        """Return messages as IMAPClient does."""
        with _parsed():
            return super().fetch(*args)


def opened(
    target: Target,
    credentials: Credentials,
    connect: Connect,
    connect_timeout: float,
    read_timeout: float,
    second_logins: Iterator[float],
    wait: Callable[[float], None],
) -> Connection:
    """Return a connection that is logged in and knows the capabilities of now, or raise an error of our tree.

    A connection that is refused or cut on the way is tried again at once, twice at most. So is a login that is refused
    without a reason told, as often and after as many seconds as `second_logins` gives.
    """
    pauses = iter(_PAUSES)
    while True:
        try:
            return _entered(target, credentials, connect, connect_timeout, read_timeout)
        except MailboxUnreachable as error:
            pause = next(pauses, None) if error.detail in _CUT else None
            if pause is None:
                raise
            wait(pause * random.uniform(0.5, 1.5))  # noqa: S311
        except RefusedWithoutReason as error:
            pause = next(second_logins, None)
            if pause is None:
                raise LoginRefused(error.detail) from None
            wait(pause)


def _entered(
    target: Target, credentials: Credentials, connect: Connect, connect_timeout: float, read_timeout: float
) -> Connection:
    connection = greeted(target, connect, connect_timeout, read_timeout)
    with _opening(), _ended_by_errors(connection):
        log_in(connection.wire, connection.can(), credentials)
        connection.can()  # the server's list after login is another one; IMAPClient keeps it
    return connection


def greeted(target: Target, connect: Connect, connect_timeout: float, read_timeout: float) -> Connection:
    """Return a connection that is protected as the target says, and not logged in; or raise an error of our tree."""
    with _opening():
        connection = Connection(target, connect, connect_timeout, read_timeout)
        with _ended_by_errors(connection):
            _protect(connection, target)
    return connection


def _protect(connection: Connection, target: Target) -> None:
    if connection.wire.state != "NONAUTH":  # a greeting PREAUTH: whose mailbox would this be? (RFC 9051 §11.1)
        raise LoginRefused("preauth")
    if target.tls == "starttls":
        if "STARTTLS" not in connection.can():
            raise CertificateInvalid("no-tls")
        connection.starttls(connection.wire.context())


_UNPARSABLE = (
    *(ProtocolError, ValueError, ArithmeticError, TypeError, LookupError, AttributeError, AssertionError),
    RecursionError,
)


@contextlib.contextmanager
def _parsed() -> Iterator[None]:
    """Call nonsense what IMAPClient's parsers fail at in so many ways."""
    try:
        yield
    except _UNPARSABLE:
        raise Nonsense("not to be parsed") from None


@contextlib.contextmanager
def _ended_by_errors(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.wire.shutdown()
        raise


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    try:
        yield
    except MigrationError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise CertificateInvalid(_certificate_word(error)) from None
    except (socket.gaierror, UnicodeError) as error:  # a label over 63 bytes fails in the IDNA codec
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise answers.unreachable("name-service") from None
        raise UnknownHost from None
    except TimeoutError:
        raise answers.unreachable("timed-out") from None
    except ConnectionRefusedError:
        raise answers.unreachable("refused") from None
    except Flood:
        raise answers.unreachable("floods") from None
    except (imaplib.IMAP4.error, OSError, EOFError):
        raise answers.unreachable("no-imap") from None


def _certificate_word(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "expired"
    return "wrong-name" if error.verify_code in {_WRONG_NAME, _WRONG_ADDRESS} else "untrusted"


@contextlib.contextmanager
def speaking() -> Iterator[None]:
    """Turn whatever breaks the conversation into ConnectionLost: what was done last is unknown.

    An answer nobody asked for (ServerMisbehaves), or BAD to a command with mail in it, breaks it too: the server may be
    reading mail as commands, and must not get another byte.
    """
    try:
        yield
    except TimeoutError:
        raise ConnectionLost("timed-out") from None
    except Nonsense:
        raise ServerMisbehaves from None
    except imaplib.IMAP4.error:
        raise ConnectionLost("out-of-step") from None
    except (OSError, EOFError):
        raise ConnectionLost("broken") from None
