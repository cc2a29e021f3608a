"""One line of a server's response, read by RFC 9051 §7: what it is, and whether a literal follows it; pure."""

import re
from dataclasses import dataclass, field

_NUMBERED = rb"\* (?:\d{1,10} )?"
_UNTAGGED = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9.-]*)(?: (.*))?", re.DOTALL)
_TAGGED = re.compile(rb"([^\s*+]+) (OK|NO|BAD)(?: (.*))?", re.DOTALL | re.IGNORECASE)
_TEXT = re.compile(_NUMBERED + rb"(?:OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)
_LITERAL = re.compile(rb"\{(\d{1,20})\}\r?\n\Z")
_CODE = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\]")


@dataclass(frozen=True, slots=True)
class Response:
    """What a line says: `word` in capitals (OK, FETCH, ...), the `tag` it answers (b"" for none), and what follows.

    A number before the word of an untagged response stands first in `rest`, as imaplib has it.
    """

    word: str
    tag: bytes
    rest: bytes = field(repr=False)

    @property
    def code(self) -> tuple[str, bytes] | None:
        """The response code of a status, in capitals, and its argument (RFC 9051 §7.1)."""
        found = _CODE.match(self.rest) if self.word in {"OK", "NO", "BAD"} else None
        return (found[1].decode("ascii").upper(), found[2] or b"") if found else None


def read(line: bytes) -> Response | None:
    """Return what a line says, or None if it is no response. `line` has no line end; literals follow it elsewhere."""
    if found := _UNTAGGED.fullmatch(line):
        number, word, rest = found.groups()
        return Response(word.decode("ascii").upper(), b"", b" ".join(part for part in (number, rest) if part))
    if found := _TAGGED.fullmatch(line):
        tag, word, rest = found.groups()
        return Response(word.decode("ascii").upper(), tag, rest or b"")
    return None


def literal(first: bytes, line: bytes) -> int | None:
    """Return the octets of the literal that `line` announces; None if it announces none.

    `first` is the response's first line. A status (OK, NO, BAD, BYE) ends in text, and text holds no literal: a folder
    named `Todo {5}` in it is none. No more does an answer with a tag, or a request to go on.
    """
    found = _LITERAL.search(line) if line.endswith((b"}\r\n", b"}\n")) else None
    return int(found[1]) if found and first.startswith(b"* ") and not _TEXT.match(first) else None
