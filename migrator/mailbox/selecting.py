"""Opening a folder: SELECT, what its answer says (RFC 9051 §6.3.2), and asking for what it may leave out (RFC 3501)."""

import re

from . import answers
from .values import Selected
from .wire import Nonsense, Wire

_PERMANENT = re.compile(rb"\[PERMANENTFLAGS \(([^)]*)\)", re.IGNORECASE)
_STATUS = re.compile(rb".*\(([^)]*)\)\s*", re.DOTALL)
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_HIGHEST = 2**32 - 1  # of every number (RFC 9051 §9)
_DIGITS = len(str(_HIGHEST))


def select(wire: Wire, name: str, mailbox: bytes) -> Selected:
    """Open the folder for writing, or raise FolderRefused; `mailbox` is its quoted name.

    Where PERMANENTFLAGS is missing, the folder's flags are permanent (RFC 3501 §6.3.1), and nobody said that keywords
    can be made.
    """
    answer = wire.run(b"SELECT " + mailbox)
    if not answer.ok:
        raise answers.folder_refusal(answer)
    wire.state = "SELECTED"
    wire.is_readonly = True  # imaplib would fail every command in a read-only folder; `read_only` says it below
    keywords_allowed, known_keywords = "\\*" in _permanent(wire), _keywords(_last(wire, "FLAGS"))
    uidvalidity, uidnext, exists = _numbers(wire, mailbox)
    return Selected(
        name=name,
        uidvalidity=uidvalidity,
        uidnext=uidnext,
        exists=exists,
        keywords_allowed=keywords_allowed,
        known_keywords=known_keywords,
        read_only=answer.code == "READ-ONLY",
    )


def _numbers(wire: Wire, mailbox: bytes) -> tuple[int, int, int]:
    """Return UIDVALIDITY, UIDNEXT and EXISTS; what SELECT did not tell (Courier: UIDNEXT) by STATUS, or by looking."""
    uidvalidity, uidnext = _number(_last(wire, "UIDVALIDITY"), 1), _number(_last(wire, "UIDNEXT"), 1)
    exists = _number(_last(wire, "EXISTS"), 0)
    if None in (uidvalidity, uidnext, exists):
        told = _status(wire, mailbox)
        uidvalidity = uidvalidity or _number(told.get("UIDVALIDITY", b""), 1)
        uidnext = uidnext or _number(told.get("UIDNEXT", b""), 1)
        exists = _number(told.get("MESSAGES", b""), 0) if exists is None else exists
    return uidvalidity or 0, uidnext or _highest_uid(wire, exists) + 1, exists or 0


def _status(wire: Wire, mailbox: bytes) -> dict[str, bytes]:
    """Return what STATUS tells of the folder, by name in capitals (RFC 9051 §7.3.4); nothing where it is refused."""
    if not wire.run(b"STATUS %b (UIDNEXT UIDVALIDITY MESSAGES)" % mailbox).ok:
        return {}
    found = _STATUS.fullmatch(_last(wire, "STATUS"))
    words = found[1].decode("ascii", "replace").upper().split() if found else []
    return {name: value.encode() for name, value in zip(words[::2], words[1::2], strict=False)}


def _highest_uid(wire: Wire, exists: int | None) -> int:
    """Return the UID of the last message, 0 in an empty folder: what comes from now on has a higher one."""
    wire.run(b"UID FETCH * (UID)")
    lines = [line for line in wire.untagged_responses.pop("FETCH", []) if isinstance(line, bytes)]
    found = [int(uid) for line in lines for uid in _UID.findall(line)]
    if exists and not found:
        raise Nonsense("no UID at all")
    return max(found, default=0)


def _last(wire: Wire, key: str) -> bytes:
    """Return the last untagged response of this kind, from its last literal on."""
    *_, value = wire.untagged_responses.get(key) or [b""]
    return value if isinstance(value, bytes) else b""


def _permanent(wire: Wire) -> frozenset[str]:
    lines = [line for line in wire.untagged_responses.get("OK", []) if isinstance(line, bytes)]
    found = [match[1] for line in lines if (match := _PERMANENT.match(line))]
    return frozenset(found[-1].decode("ascii", "replace").split()) if found else frozenset()


def _keywords(text: bytes) -> frozenset[str]:
    words = text.strip(b"()").decode("ascii", "replace").split()
    return frozenset(word for word in words if not word.startswith("\\"))


def _number(text: bytes, least: int) -> int | None:
    """Return a number that may stand here, or None."""
    value = int(text) if text.isdigit() and len(text) <= _DIGITS else -1
    return value if least <= value <= _HIGHEST else None
