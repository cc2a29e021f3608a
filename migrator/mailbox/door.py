"""The mailbox as the rest of the product sees it: folders, mail in, mail looked at; errors of our tree alone."""

import contextlib
import functools
import imaplib
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from migrator.errors import ConnectionLost, FolderRefused, MailboxFull, RefusedUnexplained
from migrator.folders import MailboxShape

from . import answers, copying, listing, look, removing, storing
from .connection import Connection, by_name, opened, speaking
from .namespaces import Space
from .removing import Removal
from .rights import Rights
from .selecting import select
from .sending import Ways
from .target import Credentials, Target
from .values import Appended, Attributes, Item, Quota, Refused, Selected, Unsent
from .wire import Connect, Wire
from .writer import Writer

_P = ParamSpec("_P")
_R = TypeVar("_R")
_NONE: Iterator[float] = iter(())
_GOODBYE = 2.0  # seconds a server has to answer LOGOUT


def open_mailbox(
    target: Target,
    credentials: Credentials,
    *,
    connect_timeout: float = 10,
    read_timeout: float = 60,
    connect: Connect = by_name,
    second_logins: Iterator[float] = _NONE,
    wait: Callable[[float], None] = time.sleep,
) -> "Mailbox":
    """Connect and log in; time-outs in seconds. `connect` makes the TCP connection, to pin an address checked before.

    A connection that is refused or cut is tried again within two seconds; `wait` waits. A login that is refused with no
    reason told (a directory behind the server may be away for a moment) is tried again after the next of
    `second_logins`, in seconds: few, for servers lock out who tries too often.

    Raises LoginRefused, UnknownHost, CertificateInvalid ("expired", "wrong-name", "untrusted", "no-tls") or
    MailboxUnreachable.
    """
    return Mailbox(opened(target, credentials, connect, connect_timeout, read_timeout, second_logins, wait))


def _spoken(act: Callable[Concatenate["Mailbox", _P], _R]) -> Callable[Concatenate["Mailbox", _P], _R]:
    @functools.wraps(act)
    def guarded(self: "Mailbox", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self.conversation():
            return act(self, *args, **kwargs)

    return guarded


class Mailbox:
    """One logged-in connection; not for several threads. Close it, or use it by `with`.

    `tls` says how it is protected: version and cipher ("TLSv1.3 TLS_AES_256_GCM_SHA384"), or "none"; `address` is the
    server's IP address.

    Every method raises ConnectionLost when the conversation breaks; the connection is then closed and stays so.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._wire = connection.wire
        self._lost = False
        self._own: Space | None = None
        self._rights = Rights(connection)
        self._selected: Selected | None = None
        self._exists = 0
        self._appended = False
        self._writer: Writer | None = None
        self.capabilities = connection.can()
        self.tls = _protection(self._wire)
        self.address = str(self._wire.sock.getpeername()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def conversation(self) -> Iterator[None]:
        """Guard what is said: once broken, or left in the middle by any exception, never taken up again.

        After half a message even LOGOUT would be taken for the rest of it.
        """
        if self._lost:
            raise ConnectionLost("closed")
        self._wire.expect()
        try:
            with speaking():
                yield
        except BaseException as error:
            if isinstance(error, ConnectionLost) or not self._wire.in_step:
                self._lost = True
                self._wire.shutdown()
            raise

    @_spoken
    def shape(self) -> MailboxShape:
        """Return prefix, delimiter and folders of the customer's own namespace; raises MailboxUnreachable."""
        return listing.shape(self._connection, self._rights)

    def holds_mail(self, shape: MailboxShape) -> bool:
        """Tell whether any folder of this shape holds mail; those that cannot be opened are passed over."""
        for name in ("INBOX", *(folder.name for folder in shape.folders if folder.selectable)):
            with contextlib.suppress(FolderRefused, RefusedUnexplained):
                if self.select(name).exists:
                    return True
        return False

    @_spoken
    def quota(self) -> Quota | None:
        """Return the storage quota; None where the server keeps none or does not tell."""
        return look.quota(self._connection)

    @_spoken
    def create(self, name: str, special_use: str | None = None) -> bool:
        r"""Make sure a folder of this full name is there and subscribed; `special_use` as in `\Sent` (RFC 6154 §3).

        Returns whether it was made just now.

        Raises FolderRefused: "control-character", "empty-level", "name-refused", "name-changed", "no-permission";
        "foreign-name": it would lie outside the customer's own namespace; "shared": it is there, and others may read
        it; "no-subfolders": the folder above it can hold none; "too-many-folders".
        """
        if self._own is None:
            self._own = listing.own_space(self._connection)
        return listing.create(self._connection, self._rights, name, special_use, self._own)

    @_spoken
    def select(self, name: str) -> Selected:
        """Open a folder for `append` and for looking; raises FolderRefused ("missing", ...) or RefusedUnexplained."""
        mailbox = listing.encoded(name)
        self._selected = self._writer = None
        selected = select(self._wire, name, mailbox)
        self._selected, self._writer = selected, Writer(self._wire, mailbox, selected)
        self._exists, self._appended = selected.exists, False
        return selected

    @_spoken
    def append(
        self, selected: Selected, items: Sequence[Item], *, careful: bool = False
    ) -> list[Appended | Refused | Unsent]:
        r"""Append messages, in order, to the selected folder; one result each.

        Flags are `\Seen \Answered \Flagged \Deleted \Draft` and keywords (atoms of at most 50 bytes); anything else
        is a ValueError and nothing is sent. Dates are kept within 2 January 1970 and now.

        ConnectionLost (also after BAD): what was stored is unknown. Connect again, look, and send the rest `careful`:
        one by one, the server asked before each message, so that what it cannot take is refused alone.
        """
        if self._writer is None or selected != self._selected:
            raise ValueError("select the folder first")
        self._appended = True
        results = list(self._writer.append(items, Ways.of(self.capabilities, careful=careful)))
        self._exists += sum(isinstance(result, Appended) for result in results)
        if self._writer.broken:
            self._lost = True
            self._wire.shutdown()
            return results
        return self._with_quota(items, results)

    def _with_quota(
        self, items: Sequence[Item], results: list[Appended | Refused | Unsent]
    ) -> list[Appended | Refused | Unsent]:
        """Ask for the quota where messages were refused, and say of each what its figures make of the reason."""
        doubts = (MailboxFull, RefusedUnexplained)
        if not any(isinstance(result, Refused) and isinstance(result.error, doubts) for result in results):
            return results
        quota = look.quota(self._connection)
        return [
            Refused(answers.in_view_of(quota, result.error, len(item.wire))) if isinstance(result, Refused) else result
            for item, result in zip(items, results, strict=True)
        ]

    @_spoken
    def copy(self, uids: Sequence[int], to: str) -> dict[int, int]:
        """Copy messages of the selected folder to another; return their UIDs there by their UIDs here.

        Without UIDPLUS (RFC 4315) they are looked for; 0 stands for a UID that could not be found out.

        Raises FolderRefused, MailboxFull or RefusedUnexplained.
        """
        selected, mailbox = self._open(), listing.encoded(to)
        if "UIDPLUS" in self.capabilities:
            return copying.copy(self._wire, uids, mailbox)
        return copying.copy_and_look(self._wire, uids, mailbox, to, self._exists, listing.encoded(selected.name))

    @property
    def removal(self) -> Removal:
        """How this server lets single messages be removed: `expunge`, `move` (to another folder), `none`."""
        return removing.way(self.capabilities)

    @_spoken
    def expunge(self, uids: Sequence[int]) -> None:
        r"""Remove these messages of the selected folder for good, and no other that is marked `\Deleted`.

        Only where `removal` is `expunge`. Raises FolderRefused ("no-permission", ...).
        """
        self._open()
        removing.expunge(self._wire, uids)

    @_spoken
    def move(self, uids: Sequence[int], to: str) -> None:
        """Move messages of the selected folder to another; only where `removal` is not `none`. Raises FolderRefused."""
        self._open()
        removing.move(self._wire, uids, listing.encoded(to))

    @_spoken
    def delete(self, name: str) -> None:
        """Delete a folder and all that lies in it; select another first. Raises FolderRefused, RefusedUnexplained."""
        if self._open().name == name:
            raise ValueError("select another folder first")
        removing.delete(self._wire, listing.encoded(name))

    @_spoken
    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Return sizes in octets of those of `uids` that are there; `range(n, 2**32)` asks for all from n on."""
        return look.sizes(self._wire, uids, self._in_folder())

    @_spoken
    def flags(self, uids: Sequence[int]) -> dict[int, frozenset[str]]:
        r"""Return flags and keywords, without `\Recent`."""
        return look.flags(self._wire, uids, self._in_folder())

    @_spoken
    def dates(self, uids: Sequence[int]) -> dict[int, datetime]:
        """Return INTERNALDATE, aware, in the server's zone."""
        return look.dates(self._wire, uids, self._in_folder())

    @_spoken
    def attributes(self, uids: Sequence[int]) -> dict[int, Attributes]:
        """Return flags, keywords and INTERNALDATE, in one round trip."""
        return look.attributes(self._wire, uids, self._in_folder())

    @_spoken
    def add_flags(self, uids: Sequence[int], flags: Iterable[str]) -> None:
        """Set flags and keywords on messages of the selected folder; a server that takes none of them raises nothing.

        Raises ValueError, and sends nothing, as `append` does.
        """
        self._open()
        storing.add_flags(self._wire, uids, flags)

    def heads(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Give (UID, Message-ID, Date, From and Subject as header fields), ascending, where they can be read."""
        with self.conversation():
            yield from look.heads(self._wire, uids, self._in_folder())

    def bodies(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        r"""Give (UID, octets), ascending, some 8 MiB or one larger message at a time; sets no `\Seen`.

        What the server refuses to read is left out. Where it hangs up instead: `migrator.readback`.
        """
        with self.conversation():
            yield from look.bodies(self._wire, uids, self._in_folder())

    def close(self) -> None:
        """Log out, waiting at most two seconds for the server, and close."""
        if self._lost:
            return
        self._lost = True
        with contextlib.suppress(imaplib.IMAP4.error, OSError, EOFError):  # it ends either way
            self._wire.sock.settimeout(_GOODBYE)
            self._wire.run(b"LOGOUT")
        self._wire.shutdown()

    def _in_folder(self) -> int:
        self._open()
        return self._exists

    def _open(self) -> Selected:
        if self._selected is None:
            raise ValueError("select a folder first")
        if self._appended:
            self._wire.run(b"NOOP")  # Courier notices what came by APPEND only then
            self._appended = False
        return self._selected


def _protection(wire: Wire) -> str:
    sock: Any = wire.sock
    if not isinstance(sock, ssl.SSLSocket):
        return "none"
    cipher = sock.cipher()
    return f"{sock.version()} {cipher[0]}" if cipher else "none"
