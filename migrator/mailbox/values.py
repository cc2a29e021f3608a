"""What goes into the mailbox and what comes back, as values."""

from dataclasses import dataclass, field
from datetime import datetime

from migrator.errors import MigrationError


@dataclass(frozen=True, slots=True)
class Selected:
    r"""The open folder as SELECT described it, or the server when asked for what SELECT left out (RFC 3501 §6.3.1).

    `uidvalidity`: 0 where the server has none to tell: its UIDs hold for this connection alone. `uidnext`: no message
    that comes from now on has a smaller UID. `keywords_allowed`: new keywords may be made (PERMANENTFLAGS has `\*`).
    `known_keywords`: those it has already.
    """

    name: str = field(repr=False)
    uidvalidity: int
    uidnext: int
    exists: int
    keywords_allowed: bool
    known_keywords: frozenset[str] = field(repr=False)
    read_only: bool


@dataclass(frozen=True, slots=True)
class Item:
    """A message to append: its bytes with CRLF line ends, flags and keywords, arrival in ms since the epoch (UTC)."""

    wire: bytes | bytearray = field(repr=False)
    flags: tuple[str, ...] = field(repr=False)
    date: int


@dataclass(frozen=True, slots=True)
class Appended:
    """The message is in the folder. `dropped_keywords`: some of its keywords the folder would not take.

    `uid` is 0 where the server said that it is stored, and under which UID could not be found out.
    `refused_keywords`: without these it was accepted, having been refused with them. `uidvalidity` is 0 where the
    folder is the one that was selected; otherwise `uid` is one of the folder with that UIDVALIDITY, if there is one.
    """

    uid: int
    dropped_keywords: bool = False
    refused_keywords: frozenset[str] = field(default=frozenset(), repr=False)
    uidvalidity: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not take this message, and stored nothing of it.

    `error` is MessageRefused (a word of `answers.MESSAGE_WORDS`), MailboxFull, FolderRefused ("missing", "read-only")
    or RefusedUnexplained (a word of `answers.UNEXPLAINED_WORDS`).
    """

    error: MigrationError


@dataclass(frozen=True, slots=True)
class Attributes:
    r"""What a message carries beside its bytes: flags and keywords without `\Recent`, INTERNALDATE (aware, or None)."""

    flags: frozenset[str] = field(repr=False)
    date: datetime | None


class Unsent:
    """The message was not sent: so many before it were refused, and none accepted, that nothing was to be learned."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Storage used and allowed, in bytes; None where the server names no figure (RFC 9208 §5.1.1: units of 1,024)."""

    used: int | None
    limit: int | None
