"""What the server's answers mean: response codes where it gives them, else its words, as errors of our tree."""

import re
import time
from dataclasses import dataclass, field

from migrator.errors import FolderRefused, LoginRefused, MailboxFull, MailboxUnreachable, MessageRefused, MigrationError

UNREACHABLE_FOR = 60  # seconds until the next try
FULL_FOR = 900

MESSAGE_WORDS = frozenset(
    {
        *("nul-characters", "bare-newlines", "invalid-header", "8-bit-header", "empty", "too-large", "keywords"),
        *("protocol-error", "refused"),
    }
)

_CODE = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\] ?(.*)", re.DOTALL)

# Seen at Dovecot 2.3 (D), Cyrus 3.6 (C), Courier 5.0 (K).
_MESSAGE_TEXTS = (
    ("nul characters", "nul-characters"),  # C
    ("bare newlines", "bare-newlines"),  # C
    ("invalid header", "invalid-header"),  # C
    ("non-ascii characters in header", "8-bit-header"),  # C with reject8bit
    ("8-bit", "8-bit-header"),
    ("zero byte", "empty"),  # D
    ("zero-length", "empty"),  # C
    ("larger than the maximum", "too-large"),  # D
    ("too large", "too-large"),
    ("too big", "too-large"),
    ("user flags", "keywords"),  # C
    ("keyword", "keywords"),  # D
)
_QUOTA_TEXTS = ("over quota", "quota exceeded", "exceeded your mail quota", "mailbox is full")  # C, D, K
_MISSING_TEXTS = ("does not exist", "doesn't exist", "nonexistent", "mailbox has been deleted")
_READ_ONLY_TEXTS = ("permission denied", "read-only", "readonly")
_FAULTS = frozenset({"SERVERBUG", "UNAVAILABLE", "INUSE", "CONTACTADMIN"})  # RFC 5530 §3
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
    """Return why CREATE, SELECT or the target of COPY was not accepted."""
    if answer.code in _FAULTS:
        return unreachable("server-fault")
    if is_full(answer):
        return full()
    if answer.code in {"TRYCREATE", "NONEXISTENT"} or answer.says(_MISSING_TEXTS):
        return FolderRefused("missing")
    if answer.code == "NOPERM" or answer.says(_READ_ONLY_TEXTS):
        return FolderRefused("no-permission")
    return FolderRefused("name-refused")


def message_refusal(answer: Answer) -> MigrationError:
    """Return why APPEND did not take a message; whether the mailbox is full is `is_full`'s question, asked first."""
    if answer.status == "BAD":
        return MessageRefused("protocol-error")
    for text, word in _MESSAGE_TEXTS:
        if text in answer.text:
            return MessageRefused(word)
    if answer.code in {"TRYCREATE", "NONEXISTENT"} or answer.says(_MISSING_TEXTS):
        return FolderRefused("missing")
    if answer.code == "NOPERM" or answer.says(_READ_ONLY_TEXTS):
        return FolderRefused("read-only")
    if answer.code in _FAULTS:
        return unreachable("server-fault")
    return MessageRefused("too-large" if answer.code in {"TOOBIG", "LIMIT"} else "refused")


def is_full(answer: Answer) -> bool:
    """Whether the storage quota stood in the way; only Dovecot says so by code (RFC 9208 §4.3)."""
    return answer.code == "OVERQUOTA" or answer.says(_QUOTA_TEXTS)


def keywords_refused(answer: Answer) -> bool:
    """Whether it was the keywords: Cyrus takes 100 kinds a folder, Dovecot 50 bytes each."""
    refusal = message_refusal(answer)
    return isinstance(refusal, MessageRefused) and refusal.detail == "keywords"


def unreachable(word: str) -> MailboxUnreachable:
    """Return that the server cannot be spoken to now, to be tried again in a minute."""
    return MailboxUnreachable(time.time() + UNREACHABLE_FOR, word)


def full(word: str = "") -> MailboxFull:
    """Return that the mailbox has no room, to be tried again in a quarter of an hour."""
    return MailboxFull(time.time() + FULL_FOR, word)
