"""Folder names as they stand on the wire, and the lines they stand in (RFC 3501 §5.1.3, §9)."""

import re
import unicodedata
from collections.abc import Iterator

from imapclient.imap_utf7 import decode, encode

from migrator.errors import FolderRefused

_TOKEN = re.compile(rb'(?P<mark>[()])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<atom>[^\s()"]+)', re.DOTALL)


def encoded(name: str) -> bytes:
    """Return a folder name as a quoted string in modified UTF-7 (RFC 3501 §5.1.3), or raise FolderRefused."""
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise FolderRefused("control-character")
    try:
        text = encode(name)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise FolderRefused("name-refused") from None
    return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def decoded(raw: bytes) -> str | None:
    """Return the name that modified UTF-7, or else plain UTF-8 beyond ASCII, stands for; None where it is neither."""
    try:
        return decode(raw) if raw.isascii() else raw.decode()
    except ValueError:
        return None


def unquoted(text: bytes) -> bytes:
    """Return the content of a quoted string, or an atom as it is; nothing for NIL."""
    if text == b"NIL":
        return b""
    return re.sub(rb"\\(.)", rb"\1", text[1:-1], flags=re.DOTALL) if text.startswith(b'"') else text


def tokens(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Give ("mark", parenthesis), ("quoted", content) or ("atom", text), in order; what is none of these is skipped."""
    for found in _TOKEN.finditer(line):
        kind = found.lastgroup or ""
        yield kind, unquoted(found[0]) if kind == "quoted" else found[0]


def whole_lines(lines: list[bytes | tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Give each line whole: imaplib cuts one at its literals, into (text up to it, literal) and what follows."""
    held = b""
    for line in lines:
        if isinstance(line, tuple):
            head, literal = line
            held += head[: head.rindex(b"{")] + b'"%b"' % literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            continue
        if held or line:
            yield held + line
        held = b""
    if held:
        yield held
