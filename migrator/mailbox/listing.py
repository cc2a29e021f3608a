"""The folders of the mailbox: what is there, and making new ones."""

import re
import unicodedata
from collections.abc import Iterator

from imapclient.imap_utf7 import decode, encode

from migrator.errors import FolderRefused, RefusedUnexplained
from migrator.folders import ExistingFolder, MailboxShape

from . import answers
from .connection import Connection

_SPECIAL_USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash")
_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_LIST = re.compile(rb"\(([^)]*)\) (NIL|" + _QUOTED + rb") (" + _QUOTED + rb"|.*)", re.DOTALL)


def shape(connection: Connection) -> MailboxShape:
    """Return prefix, delimiter and folders of the user's own namespace (RFC 2342), not those shared with him."""
    can = connection.can()
    prefix, delimiter, foreign = _namespaces(connection) if "NAMESPACE" in can else ("", "", ())
    extended = {"SPECIAL-USE", "LIST-EXTENDED"} <= can
    listed = list(_list(connection, b'"*"' + (b" RETURN (SPECIAL-USE)" if extended else b"")))
    if not delimiter:
        delimiter = next((found for found, _ in _list(connection, b'""')), "")
    own = tuple(folder for _, folder in listed if not folder.name.startswith(foreign))
    return MailboxShape(delimiter, prefix, own, "CREATE-SPECIAL-USE" in can)


def _namespaces(connection: Connection) -> tuple[str, str, tuple[str, ...]]:
    spaces = connection.namespace()
    prefix, delimiter = spaces.personal[0] if spaces.personal else ("", None)
    others = [other for group in (spaces.other, spaces.shared) for other, _ in group or ()]
    return prefix, delimiter or "", tuple(other for other in others if other)


def _list(connection: Connection, pattern: bytes) -> Iterator[tuple[str, ExistingFolder]]:
    """Give delimiter and folder of each LIST line (RFC 9051 §7.3.1).

    Read here and not by IMAPClient, which takes an unquoted folder name `007` for the number 7.
    """
    answer = connection.wire.run(b'LIST "" ' + pattern)
    lines = connection.wire.untagged_responses.pop("LIST", [])
    if not answer.ok:
        raise answers.folder_refusal(answer)
    for line in _joined(lines):
        if found := _LIST.fullmatch(line):
            flags, delimiter, name = found.groups()
            yield _unquoted(delimiter).decode(), _folder(flags.decode("ascii", "replace").split(), name)


def _joined(lines: list[bytes | tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Give each line whole: imaplib cuts one that ends in a literal into (line, literal) and what follows, b""."""
    for line in lines:
        if isinstance(line, tuple):
            head, literal = line
            yield head[: head.rindex(b"{")] + b'"%b"' % literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        elif line:
            yield line


def _unquoted(text: bytes) -> bytes:
    if text == b"NIL":
        return b""
    return re.sub(rb"\\(.)", rb"\1", text[1:-1]) if text.startswith(b'"') else text


def _folder(flags: list[str], name: bytes) -> ExistingFolder:
    lower = {flag.lower() for flag in flags}
    use = next((use for use in _SPECIAL_USES if use.lower() in lower), None)
    raw = _unquoted(name)
    try:
        text = decode(raw)
    except ValueError:  # not modified UTF-7: it cannot be spoken of, so it is not one to write to
        return ExistingFolder(raw.decode("latin-1"), None, selectable=False)
    return ExistingFolder(text, use, selectable=not lower & {"\\noselect", "\\nonexistent"})


def encoded(name: str) -> bytes:
    """Return a folder name as a quoted string in modified UTF-7 (RFC 3501 §5.1.3), or raise FolderRefused."""
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise FolderRefused("control-character")
    try:
        text = encode(name)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise FolderRefused("name-refused") from None
    return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def create(connection: Connection, name: str, special_use: str | None, delimiter: str) -> bool:
    """Make sure the folder is there under exactly this name, and subscribed; raise FolderRefused with a word.

    Return whether it was made just now.

    Parents come first where the server does not make them itself (it should: RFC 9051 §6.3.4). A server that makes
    another name of it (Cyrus: `a..b` becomes `a.b`) has refused this one. Subscribing is a courtesy to clients.
    """
    mailbox, made = encoded(name), False
    if name.upper() != "INBOX":
        if delimiter and "" in name.split(delimiter):
            raise FolderRefused("empty-level")
        made = _make(connection, name, special_use, delimiter)
    connection.wire.run(b"SUBSCRIBE " + mailbox)
    return made


def _make(connection: Connection, name: str, special_use: str | None, delimiter: str) -> bool:
    answer = _create(connection, name, special_use)
    if not answer.ok and not _exists(connection, name):
        parent = name.rpartition(delimiter)[0] if delimiter else ""
        if not parent or _exists(connection, parent):
            raise answers.create_refusal(answer)
        _make(connection, parent, None, delimiter)
        answer = _create(connection, name, special_use)
    if not _exists(connection, name):
        raise FolderRefused("name-changed") if answer.ok else answers.create_refusal(answer)
    return answer.ok


def _create(connection: Connection, name: str, special_use: str | None) -> answers.Answer:
    """CREATE, with the special use where the server takes one; without it where another folder has it (RFC 6154 §3)."""
    command = b"CREATE " + encoded(name)
    if special_use in _SPECIAL_USES and "CREATE-SPECIAL-USE" in connection.can():
        answer = connection.wire.run(b"%b (USE (%b))" % (command, special_use.encode()))
        if answer.ok or answer.code == "ALREADYEXISTS":
            return answer
    return connection.wire.run(command)


def _exists(connection: Connection, name: str) -> bool:
    """Whether LIST shows a folder that can be selected under this very name (`*` and `%` in it match others too)."""
    try:
        found = list(_list(connection, encoded(name)))
    except (FolderRefused, RefusedUnexplained):  # a name that LIST does not take is none
        return False
    return any(folder.name == name and folder.selectable for _, folder in found)
