"""Opening a folder: SELECT, and what its answer says (RFC 9051 §6.3.2)."""

import re

from . import answers
from .values import Selected
from .wire import Wire

_PERMANENT = re.compile(rb"\[PERMANENTFLAGS \(([^)]*)\)")


def select(wire: Wire, name: str, mailbox: bytes) -> Selected:
    """Open the folder for writing, or raise FolderRefused or RefusedUnexplained; `mailbox` is its quoted name."""
    answer = wire.run(b"SELECT " + mailbox)
    if not answer.ok:
        raise answers.folder_refusal(answer)
    wire.state = "SELECTED"
    wire.is_readonly = True  # imaplib would fail every command in a read-only folder; `read_only` says it below
    permanent = _permanent(wire)
    return Selected(
        name=name,
        uidvalidity=_number(wire, "UIDVALIDITY"),
        uidnext=_number(wire, "UIDNEXT"),
        exists=_number(wire, "EXISTS"),
        keywords_allowed="\\*" in permanent,
        known_keywords=_keywords(_last(wire, "FLAGS")),
        read_only=answer.code == "READ-ONLY",
    )


def _number(wire: Wire, key: str) -> int:
    value = _last(wire, key)
    if not value.isdigit():
        raise wire.abort("SELECT without " + key)
    return int(value)


def _last(wire: Wire, key: str) -> bytes:
    """Return the last untagged response of this kind; a literal has no place in one and counts as none."""
    *_, value = wire.untagged_responses.get(key) or [b""]
    return value if isinstance(value, bytes) else b""


def _permanent(wire: Wire) -> frozenset[str]:
    lines = [line for line in wire.untagged_responses.get("OK", []) if isinstance(line, bytes)]
    found = [match[1] for line in lines if (match := _PERMANENT.match(line))]
    return frozenset(found[-1].decode("ascii", "replace").split()) if found else frozenset()


def _keywords(text: bytes) -> frozenset[str]:
    words = text.strip(b"()").decode("ascii", "replace").split()
    return frozenset(word for word in words if not word.startswith("\\"))
