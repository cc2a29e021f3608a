"""What the server's answers mean: response codes where it gives them, else its words, as errors of our tree.

One judgement for every command. A reason counts only where it is certain what it concerns: the message (too large, NUL,
a bad header, a virus), its folder (missing, no permission), or the room in the mailbox. Words that match no pattern are
no reason: whether such a refusal is the message's fault or everybody's is found out by what else the server accepts
(`migrator.refusals`).
"""

import re
import time
from dataclasses import dataclass, field

from migrator.errors import (
    FolderRefused,
    LoginRefused,
    MailboxFull,
    MailboxUnreachable,
    MessageRefused,
    MigrationError,
    RefusedUnexplained,
)

from .values import Quota

UNREACHABLE_FOR = 15  # seconds until the next try; the import's own pause grows (`migrator.pauses`)
FULL_FOR = 900

MESSAGE_WORDS = frozenset(
    {*("nul-characters", "bare-newlines", "invalid-header", "8-bit-header", "empty", "too-large", "virus")}
)
"""What a message is refused for by itself; each is in `failures.OWN_FAULT`."""

UNEXPLAINED_WORDS = frozenset({"refused", "protocol-error", "server-fault"})
"""The details of `RefusedUnexplained`: NO without a reason we know, BAD, and a fault the server admits to."""

_CODE = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\] ?(.*)", re.DOTALL)

# Words of a trouble that passes, whatever else is said: a virus scanner that is down says "virus", too.
_PASSING = re.compile(
    r"temporar|try (it )?(again|later)|later|unavailable|not (available|responding|ready)|tim(ed?|ing) ?-?out|timeout"
    r"|busy|throttl|overload|too (many|fast|frequent)|\brate\b|\block|\bi/o\b|internal|database|cache|index"
    r"|scanner|bandwidth|connection|per (second|minute|hour|day)|hourly|daily|budget|shutting|restart"
)
_SIZE = (
    r"too (large|big)|(larger|bigger|longer) than|oversized?\b"
    r"|(message|mail|item|size)\W+(\w+\W+){0,4}?(exceed\w*|over)\W+(\w+\W+){0,5}?(size|max\w*|[\d.,]+ ?[kmg]i?b?)\b"
    r"|size\W+(\w+\W+){0,3}?(limit|exceed\w*)|exceed\w*\W+(\w+\W+){0,4}?size"
)
_BAD = r"(invalid|bad|malformed|illegal|broken|missing|not valid|improper|unacceptable|forbidden)"
_BLOCKED = r"(block|reject|prohibit|not allowed|forbidden)"
_HARMFUL = (
    r"\bvirus|malware|infected|trojan|\bspam|phishing"
    rf"|(content|attachment)s?\W+(\w+\W+){{0,5}}?{_BLOCKED}|{_BLOCKED}\w*\W+(\w+\W+){{0,3}}?(content|attachment)"
)
_MESSAGE_TEXTS = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\bnuls?\b|\bnull (char|byte|octet)", "nul-characters"),
        (r"\bbare\W+(newline|line ?feed|lf|cr|carriage)", "bare-newlines"),
        (r"(non-?ascii|8-?bit|eight-?bit)\b.*(header|character|data)|8-?bit", "8-bit-header"),
        (rf"{_BAD}\W+(\w+\W+){{0,3}}?headers?\b|\bheaders?\W+(\w+\W+){{0,3}}?{_BAD}", "invalid-header"),
        (r"zero[ -](byte|length|size)|\bempty (message|mail|literal)", "empty"),
        (_SIZE, "too-large"),
        (_HARMFUL, "virus"),
    )
)
_QUOTA = re.compile(
    r"\bquota\b\W+(\w+\W+){0,5}?(exceed\w*|full|reached|exhausted|over|limit\w*)"
    r"|\b(over|exceed\w*|reached|insufficient|not enough|out of|no)\W+(\w+\W+){0,4}?quota\b|overquota"
)
_NO_ROOM = re.compile(
    r"\b(storage|space|mailbox|inbox|account)\W+(\w+\W+){0,4}?(full|exceed\w*|exhausted|insufficient|limit|over)\b"
    r"|\b(exceed\w*|insufficient|not enough|out of|no|no more|no free)\W+(\w+\W+){0,4}?(storage|space|room)\b"
    r"|\bmailbox\W+(\w+\W+){0,3}?too (large|big)"
)
_MISSING_TEXTS = ("does not exist", "doesn't exist", "nonexistent", "mailbox has been deleted")
_PERMISSION_TEXTS = ("permission denied", "read-only", "readonly")
_FAULTS = frozenset({"SERVERBUG", "UNAVAILABLE", "INUSE", "CONTACTADMIN", "CORRUPTION", "EXPUNGEISSUED"})  # RFC 5530 §3
_BUSY_TEXTS = ("too many connections", "maximum number of connections", "try again", "temporar")


@dataclass(frozen=True, slots=True)
class Answer:
    """A tagged answer (RFC 9051 §7.1): `status` OK, NO or BAD, the response code with its argument, and the words.

    The words may quote folder names, so they are lower-cased for matching and never shown.
    """

    status: str
    code: str = ""
    argument: bytes = field(default=b"", repr=False)
    text: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the command was carried out."""
        return self.status == "OK"

    def says(self, texts: tuple[str, ...]) -> bool:
        """Whether one of `texts` occurs in the words."""
        return any(text in self.text for text in texts)


def read(status: str, rest: bytes) -> Answer:
    """Return the answer whose line goes on with `rest` after tag and status."""
    found = _CODE.match(rest)
    code, argument, words = found.groups() if found else (b"", b"", rest)
    return Answer(status, code.decode().upper(), argument or b"", words.decode("utf-8", "replace").lower())


def login_refusal(answer: Answer) -> MigrationError:
    """Return why LOGIN or AUTHENTICATE was not accepted (codes: RFC 5530 §3; LIMIT is Dovecot's)."""
    if answer.code in _FAULTS | {"LIMIT"} or (not answer.code and answer.says(_BUSY_TEXTS)):
        return unreachable("too-many-connections" if answer.code == "LIMIT" else "server-busy")
    words = {"EXPIRED": "expired", "PRIVACYREQUIRED": "privacy-required", "AUTHORIZATIONFAILED": "not-authorized"}
    return LoginRefused(words.get(answer.code, "wrong-credentials"))


def folder_refusal(answer: Answer) -> MigrationError:
    """Return why SELECT, LIST or COPY was not accepted."""
    if answer.code in {"TRYCREATE", "NONEXISTENT"}:
        return FolderRefused("missing")
    if answer.code == "NOPERM":
        return FolderRefused("no-permission")
    if full := _full(answer):
        return full
    if answer.code in _FAULTS:
        return RefusedUnexplained("server-fault")
    if answer.says(_MISSING_TEXTS):
        return FolderRefused("missing")
    if answer.says(_PERMISSION_TEXTS):
        return FolderRefused("no-permission")
    return RefusedUnexplained("refused")


def create_refusal(answer: Answer) -> MigrationError:
    """Return why CREATE was not accepted; what names no passing trouble may be about the name, so others are tried.

    A limit that CREATE meets is one of folders (RFC 5530 §3: LIMIT, OVERQUOTA), and says nothing about mail.
    """
    if answer.code in {"LIMIT", "OVERQUOTA"} or is_full(answer):
        return FolderRefused("too-many-folders")
    if answer.code in _FAULTS or (not answer.code and _PASSING.search(answer.text)):
        return RefusedUnexplained("server-fault" if answer.code else "refused")
    if answer.code == "NOPERM" or answer.says(_PERMISSION_TEXTS):
        return FolderRefused("no-permission")
    return FolderRefused("name-refused")


def message_refusal(answer: Answer, *, read_only: bool = False) -> MigrationError:
    """Return why APPEND did not accept a message.

    `read_only`: SELECT said so of its folder. Words about a permission are believed only then: a server whose disk
    cannot be written to speaks of permissions, too.
    """
    if answer.status == "BAD":
        return RefusedUnexplained("protocol-error")
    if answer.code in {"TRYCREATE", "NONEXISTENT"}:
        return FolderRefused("missing")
    if answer.code == "NOPERM" or (read_only and answer.says(_PERMISSION_TEXTS)):
        return FolderRefused("read-only")
    if full := _full(answer):
        return full
    if answer.code in _FAULTS:
        return RefusedUnexplained("server-fault")
    if word := _message_word(answer):
        return MessageRefused(word)
    if not answer.code and answer.says(_MISSING_TEXTS):
        return FolderRefused("missing")
    return RefusedUnexplained("refused")


def _message_word(answer: Answer) -> str:
    if answer.code == "TOOBIG":  # RFC 4469 §4.2
        return "too-large"
    if _PASSING.search(answer.text):
        return ""
    return next((word for pattern, word in _MESSAGE_TEXTS if pattern.search(answer.text)), "")


def is_full(answer: Answer) -> bool:
    """Tell whether the storage quota stood in the way; only Dovecot says so by code (RFC 9208 §4.3)."""
    return _full(answer) is not None


def _full(answer: Answer) -> MailboxFull | None:
    if answer.code == "OVERQUOTA":
        return full()
    if answer.code in _FAULTS or _PASSING.search(answer.text):
        return None
    if _QUOTA.search(answer.text):
        return full()
    return full(UNSURE) if _NO_ROOM.search(answer.text) else None


UNSURE = "unsure"
"""The detail of `MailboxFull` where the words alone say so, and do not speak of a quota."""


def in_view_of(quota: Quota | None, refusal: MigrationError, size: int) -> MigrationError:
    """Return what the refusal of a message of `size` bytes means, the quota's figures being known (RFC 9208 §4.2).

    A message that is larger than the whole quota will never fit. Where the server's words are vague or mean nothing to
    us, its figures say whether the mailbox is full.
    """
    if not isinstance(refusal, MailboxFull | RefusedUnexplained) or quota is None or not quota.limit:
        return refusal
    if size > quota.limit:
        return MessageRefused("too-large")
    fits = (quota.used or 0) + size <= quota.limit
    if isinstance(refusal, RefusedUnexplained):
        return refusal if fits or refusal.detail != "refused" else full()
    return RefusedUnexplained("refused") if fits and refusal.detail == UNSURE else refusal


def may_be_keywords(answer: Answer) -> bool:
    """Tell whether a message that was refused so may be accepted with fewer keywords: no other reason is known."""
    refusal = message_refusal(answer)
    return isinstance(refusal, RefusedUnexplained) and refusal.detail != "server-fault"


def unreachable(word: str) -> MailboxUnreachable:
    """Return that the server cannot be spoken to now, to be tried again soon."""
    return MailboxUnreachable(time.time() + UNREACHABLE_FOR, word)


def full(word: str = "") -> MailboxFull:
    """Return that the mailbox has no room, to be tried again in a quarter of an hour."""
    return MailboxFull(time.time() + FULL_FOR, word)
