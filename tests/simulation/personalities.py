"""How real servers differ from the RFC's plain one: each class is one trait, its text names who has it.

A seed gives a server some of them. `make(name, rng)` makes one; `TRAITS` has their names and how likely each is.
"""

import random
import re
from dataclasses import replace

from migrator.failures import ALONE_SECONDS

from .clock import START
from .server import Folder, Personality, Refusal, Server, Stored

TRAITS: dict[str, tuple[type[Personality], float]] = {}


def trait(name: str, likely: float) -> object:
    """Enter a class under its name, with the share of seeds that get it."""

    def entered(kind: type[Personality]) -> type[Personality]:
        TRAITS[name] = (kind, likely)
        return kind

    return entered


def make(name: str, rng: random.Random) -> Personality:
    personality = TRAITS[name][0]()
    personality.rng = rng  # type: ignore[attr-defined]
    return personality


# --- what is offered and omitted --------------------------------------------------------------------------------------


@trait("multiappend", 0.4)
class MultiAppend(Personality):
    """Dovecot, Cyrus: many messages in one APPEND, all or nothing (RFC 3502)."""

    def begin(self, server: Server) -> None:
        server.caps |= {"MULTIAPPEND"}


@trait("literal-minus", 0.15)
class LiteralMinus(Personality):
    """Dovecot with imap_literal_minus, Cyrus with literalminus (RFC 7888 §5)."""

    def begin(self, server: Server) -> None:
        server.caps = (server.caps - {"LITERAL+"}) | {"LITERAL-"}


@trait("bare", 0.1)
class Bare(Personality):
    """Courier, UW: nothing beside IMAP4rev1 and UIDPLUS; each literal is asked for."""

    def begin(self, server: Server) -> None:
        server.caps = {"IMAP4rev1", "UIDPLUS"}


@trait("no-uidplus", 0.15)
class NoUidplus(Personality):
    """UW-IMAP, hoodiecrow: an OK that does not say where."""

    def begin(self, server: Server) -> None:
        server.caps -= {"UIDPLUS"}


@trait("inbox-prefix", 0.25)
class InboxPrefix(Personality):
    """Courier, cPanel's Dovecot, Cyrus without altnamespace: everything lies below INBOX, `.` between levels."""

    def begin(self, server: Server) -> None:
        server.prefix, server.delimiter = "INBOX.", "."


@trait("no-uidnext", 0.12)
class NoUidnext(Personality):
    """Courier 5, Winmail, DreamHost: SELECT says no UIDNEXT (RFC 3501 §6.3.1 has it optional)."""

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        return [line for line in lines if "UIDNEXT" not in line]


@trait("no-permanentflags", 0.08)
class NoPermanentflags(Personality):
    """Servers that leave PERMANENTFLAGS out: then all flags can be changed for good (RFC 3501 §7.1)."""

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        return [line for line in lines if "PERMANENTFLAGS" not in line]


@trait("no-keywords", 0.15)
class NoKeywords(Personality):
    r"""Exchange, Maildir stores with a full list: PERMANENTFLAGS without `\*`."""

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        return [line.replace(r" \*", "") for line in lines]


@trait("slow", 0.15)
class Slow(Personality):
    """Courier without gamin: over a second for each command."""

    def begin(self, server: Server) -> None:
        server.latency = 1.2


# --- what is phrased differently --------------------------------------------------------------------------------------


@trait("list-flags", 0.08)
class ListFlags(Personality):
    """Twisted: message flags stand among LIST's attributes."""

    def begin(self, server: Server) -> None:
        server.caps -= {"SPECIAL-USE", "LIST-EXTENDED"}

    def listed(self, server: Server, attributes: str, folder: Folder) -> str:
        return (attributes + r" \Seen \Answered \Flagged \Deleted \Draft").strip()


@trait("brace-in-text", 0.08)
class BraceInText(Personality):
    """UW-IMAP: the folder's name ends a status text, and may end in `{5}`; a text holds no literal (RFC 3501 §9)."""

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        return [*lines, f"* OK [UNSEEN 1] first unseen in {folder.name}"] if folder.mail else lines


@trait("subscribe-bad", 0.08)
class SubscribeBad(Personality):
    """Small servers that know no SUBSCRIBE."""

    def command(self, server: Server, verb: str, args: str) -> str | None:
        return "BAD no such command" if verb == "SUBSCRIBE" else None


# --- what is refused for a while --------------------------------------------------------------------------------------


class _ForAWhile(Personality):
    """Something passes after a time of the seed's choosing."""

    begins = START
    ends = START

    def begin(self, server: Server) -> None:
        rng: random.Random = self.rng  # type: ignore[attr-defined]
        self.begins = START + rng.choice([0, 1, 5, 30])
        self.ends = self.begins + rng.choice([20, 300, 2400, 7200])
        self.words = rng.choice(self.phrases)

    phrases: tuple[str, ...] = ("NO",)

    def lasts(self, server: Server) -> bool:
        return self.begins <= server.clock.now < self.ends


@trait("login-busy", 0.12)
class LoginBusy(_ForAWhile):
    """Dovecot's mail_max_userip_connections, a proxy whose backend restarts (RFC 5530)."""

    phrases = ("NO [LIMIT] Maximum number of connections exceeded", "NO [UNAVAILABLE] Temporary failure")

    def login(self, server: Server) -> Refusal | None:
        return Refusal(self.words, "weather") if self.lasts(server) else None


@trait("unreachable", 0.12)
class Unreachable(_ForAWhile):
    """A restart of the server, a firewall: the connection is closed before the greeting."""

    def login(self, server: Server) -> Refusal | None:
        return Refusal("", "weather", drop=True) if self.lasts(server) else None


@trait("append-unavailable", 0.12)
class AppendUnavailable(_ForAWhile):
    """A storage that hangs, said by code (RFC 5530 §3)."""

    phrases = ("NO [UNAVAILABLE] Storage is away", "NO [SERVERBUG] Internal error", "NO [INUSE] Mailbox is locked")

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal(self.words, "weather") if self.lasts(server) else None


@trait("append-odd-words", 0.12)
class AppendOddWords(AppendUnavailable):
    """Cyrus' I/O error, Exchange's throttling, and whatever nobody has seen yet: no code, no known word."""

    phrases = (
        "NO System I/O error",
        "NO Request is throttled. Suggested Backoff Time: 20000 milliseconds",
        "NO Die Nachricht konnte nicht gespeichert werden",
        "NO APPEND failed",
    )


@trait("full-for-a-while", 0.12)
class FullForAWhile(AppendUnavailable):
    """Dovecot's and Cyrus' quota; the customer makes room."""

    phrases = ("NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", "NO Over quota")


@trait("full-in-other-words", 0.08)
class FullInOtherWords(AppendUnavailable):
    """Quota as Zimbra, mail.ru or Courier's filters say it."""

    phrases = ("NO Your mailbox has reached its maximum size", "NO Kein Speicherplatz mehr", "NO [ALERT] no space left")


@trait("drops-at-append", 0.08)
class DropsAtAppend(_ForAWhile):
    """A proxy or a storage node that dies: the connection ends at every APPEND."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal("", "weather", drop=True) if self.lasts(server) else None


@trait("folder-away", 0.1)
class FolderAway(_ForAWhile):
    """One folder whose index is broken or locked: SELECT is refused in words of the storage."""

    phrases = ("NO [UNAVAILABLE] index is locked", "NO Internal error occurred. Refer to server log", "NO Mailbox busy")

    def select(self, server: Server, folder: Folder) -> Refusal | None:
        other = folder.name != "INBOX" and folder.uidvalidity % 2
        return Refusal(self.words, "weather") if other and self.lasts(server) else None


@trait("some-greylisted", 0.08)
class SomeGreylisted(_ForAWhile):
    """A virus scanner that is behind: every seventh message is refused, an hour later it is taken.

    For longer, nobody could tell it from one that is refused for good (`migrator.failures.ALONE_SECONDS`).
    """

    phrases = ("NO Message cannot be processed", "NO [CANNOT] scan pending", "NO try again later")

    def begin(self, server: Server) -> None:
        super().begin(server)
        self.ends = min(self.ends, self.begins + ALONE_SECONDS)

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal(self.words, "weather") if message.token % 7 == 3 and self.lasts(server) else None


@trait("create-over-limit", 0.06)
class CreateOverLimit(Personality):
    """A limit of folders: the third one is refused for good, what there is takes mail (RFC 5530 OVERQUOTA, LIMIT)."""

    made = 0

    def create(self, server: Server, name: str) -> Refusal | None:
        if len(server.folders) < 4:
            return None
        return Refusal("NO [LIMIT] Too many mailboxes", "folder")


# --- what is refused for good -----------------------------------------------------------------------------------------


@trait("too-large", 0.1)
class TooLarge(Personality):
    """Dovecot's quota_max_mail_size, Exchange's size limits."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal("NO [TOOBIG] Message is too large", "message") if len(message.raw) > 700 else None


@trait("no-nul", 0.15)
class NoNul(Personality):
    """Cyrus: no NUL in a message."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal("NO Message contains NUL characters", "message") if b"\0" in message.raw else None


@trait("virus", 0.06)
class Virus(Personality):
    """A scanner that refuses one message for good and says why."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal("NO Message contains a virus", "message") if message.token % 11 == 5 else None


@trait("keywords-refused", 0.08)
class KeywordsRefused(Personality):
    r"""`\*` is offered, keywords are not taken (Exchange with some agents, Kerio)."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        if not any(not flag.startswith("\\") for flag in message.flags):
            return None
        return Refusal("NO APPEND failed", "other-way")


@trait("no-children", 0.06)
class NoChildren(Personality):
    r"""Dovecot with mbox: a folder that can hold mail has none below it (`\NoInferiors`)."""

    def create(self, server: Server, name: str) -> Refusal | None:
        above = name.rpartition(server.delimiter)[0]
        if above and above + server.delimiter != server.prefix and above in server.folders:
            return Refusal("NO [CANNOT] Mailbox exists and cannot have inferior mailboxes", "other-way")
        return None

    def listed(self, server: Server, attributes: str, folder: Folder) -> str:
        return (attributes + r" \NoInferiors").strip()


@trait("name-refused", 0.06)
class NameRefused(Personality):
    """Servers that take only plain names."""

    def create(self, server: Server, name: str) -> Refusal | None:
        return Refusal("NO Invalid mailbox name", "other-way") if re.search(r"[%{}&]", name) else None


@trait("poison", 0.06)
class Poison(Personality):
    """One message that ends the connection every time (facts: Dovecot at a damaged cache, a filter that crashes)."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return Refusal("", "message", drop=True) if message.token == 4 else None


# --- what is kept, and what is said about it --------------------------------------------------------------------------


@trait("partly-stored", 0.1)
class PartlyStored(Personality):
    """Stalwart: a MULTIAPPEND is stored one by one; at a NO those before it stay."""

    def begin(self, server: Server) -> None:
        server.caps |= {"MULTIAPPEND"}

    def keeps_part(self, server: Server) -> bool:
        return True


@trait("x-for-8bit", 0.15)
class XFor8Bit(Personality):
    """Cyrus: each 8-bit byte of the header becomes `X`."""

    def stored(self, server: Server, message: Stored) -> Stored:
        head, gap, body = message.raw.partition(b"\r\n\r\n")
        return replace(message, raw=bytes(b if b < 128 else 88 for b in head) + gap + body)


@trait("own-header", 0.08)
class OwnHeader(Personality):
    """UW and GNU mbox stores, Exchange: a header of the server's own, so neither size nor digest is what was sent."""

    def stored(self, server: Server, message: Stored) -> Stored:
        return message if message.raw.startswith(b"X-UID:") else replace(message, raw=b"X-UID: 7\r\n" + message.raw)


@trait("from-escaped", 0.08)
class FromEscaped(Personality):
    """mbox stores: a line that begins with `From ` gets a `>`."""

    def stored(self, server: Server, message: Stored) -> Stored:
        return replace(message, raw=re.sub(rb"(?m)^From (?=\w+ on)", rb">From ", message.raw))


@trait("size-estimated", 0.08)
class SizeEstimated(Personality):
    """Exchange without EnableExactRFC822Size: RFC822.SIZE is not the body's length."""

    def size(self, server: Server, size: int, message: Stored) -> int:
        return size + 40 + size // 10


@trait("size-of-body", 0.05)
class SizeOfBody(Personality):
    """GreenMail: RFC822.SIZE without the header."""

    def size(self, server: Server, size: int, message: Stored) -> int:
        return len(message.raw.partition(b"\r\n\r\n")[2])


@trait("flags-dropped", 0.08)
class FlagsDropped(Personality):
    """GNU imap4d with Maildir: flags and keywords of APPEND are not kept."""

    def stored(self, server: Server, message: Stored) -> Stored:
        return replace(message, flags=frozenset())


@trait("sees-at-select", 0.08)
class SeesAtSelect(Personality):
    """GNU imap4d: no UIDPLUS, and a session sees its own appends only after the next SELECT."""

    def begin(self, server: Server) -> None:
        server.caps -= {"UIDPLUS"}

    def visible(self, server: Server, uids: list[int], folder: Folder, at_select: int) -> list[int]:
        return [uid for uid in uids if uid < at_select]


@trait("unreadable-mail", 0.08)
class UnreadableMail(Personality):
    """Dovecot at a message whose file has another size than its cache says: NO, or the connection ends."""

    def begin(self, server: Server) -> None:
        self.drop = bool(server.folders["INBOX"].uidvalidity % 2)
        inbox = server.folders["INBOX"]
        inbox.put(
            Stored(
                b"Subject: broken\r\n\r\nno token here, unreadable" + b"." * 300,
                frozenset(),
                "01-Jan-2020 00:00:00 +0000",
            )
        )

    def fetched(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        return (
            Refusal("NO [SERVERBUG] cannot read", "weather", drop=self.drop) if b"unreadable" in message.raw else None
        )


# --- who else is there ------------------------------------------------------------------------------------------------


@trait("others-deliver", 0.15)
class OthersDeliver(Personality):
    """New mail keeps arriving in the mailbox by other ways while the import runs."""

    def appended(self, server: Server, folder: Folder, uid: int) -> None:
        if uid % 3 == 0:
            server.folders["INBOX"].put(
                Stored(b"Subject: other\r\n\r\nnews %d\r\n" % uid, frozenset(), "01-Jan-2033 00:00:00 +0000")
            )


@trait("customer-tidies", 0.1)
class CustomerTidies(Personality):
    """The customer removes one copy while the import runs, as people do."""

    done = False

    def appended(self, server: Server, folder: Folder, uid: int) -> None:
        older = [u for u in folder.mail if u < uid and folder.mail[u].token >= 0]
        if older and not self.done and len(older) == 3:
            self.done = True
            server.removed.add(folder.mail.pop(older[0]).token)


@trait("folder-made-anew", 0.06)
class FolderMadeAnew(Personality):
    """Another program deletes a folder and makes it again: the same name, another UIDVALIDITY."""

    done = False

    def appended(self, server: Server, folder: Folder, uid: int) -> None:
        if not self.done and uid == 4 and folder.name != "INBOX":
            self.done = True
            server.made_anew(folder.name)


@trait("uidvalidity-anew", 0.05)
class UidvalidityAnew(Personality):
    """Servers whose UIDs do not last: another UIDVALIDITY at each SELECT (RFC 3501 §2.3.1.1)."""

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        server.renumber(folder)
        return [f"* OK [UIDVALIDITY {folder.uidvalidity}] new" if "UIDVALIDITY" in line else line for line in lines]


class _Shared(Personality):
    """A namespace that other users read: whatever lies below `Public`."""

    def begin(self, server: Server) -> None:
        server.foreign = (f"Public{server.delimiter}",)
        server.make("Public", selectable=False)


@trait("public-namespace", 0.1)
class PublicNamespace(_Shared):
    """Dovecot with a public namespace `Public/`, as hosts set it up for teams; anybody reads what lies there."""

    def begin(self, server: Server) -> None:
        super().begin(server)
        between = server.delimiter
        server.said = f'(("{server.prefix}" "{between}")) NIL (("Public{between}" "{between}"))'


@trait("public-unsaid", 0.06)
class PublicUnsaid(_Shared):
    """The same where NAMESPACE is not offered: only LIST shows that there is such a tree."""

    def begin(self, server: Server) -> None:
        super().begin(server)
        server.caps -= {"NAMESPACE"}


@trait("shared-archive", 0.08)
class SharedArchive(Personality):
    """Cyrus with `INBOX.`: the shared prefix is empty, and a team's `archive` lies at the top."""

    def begin(self, server: Server) -> None:
        server.prefix, server.delimiter, server.foreign = "INBOX.", ".", ("",)
        server.make("archive")
        server.said = '(("INBOX." ".")) (("user." ".")) (("" "."))'
