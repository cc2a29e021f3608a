"""The folders of the mailbox: what is there, and making new ones. Nothing outside the customer's own part."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from unicodedata import normalize

from migrator.errors import FolderRefused, RefusedUnexplained
from migrator.folders import ExistingFolder, MailboxShape

from . import answers
from .connection import Connection
from .namespaces import Space, inbox_in_capitals, root, space, told
from .rights import Rights
from .specialuse import SPECIAL_USES, doubtful, special_use
from .wirenames import decoded, encoded, unquoted, whole_lines

__all__ = ["create", "encoded", "own_space", "shape"]

_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_LIST = re.compile(rb"\s*\(([^)]*)\)\s+(NIL|" + _QUOTED + rb")\s+(" + _QUOTED + rb"|\S.*?)(?:\s+\(.*\))?\s*", re.DOTALL)


def shape(connection: Connection, rights: Rights) -> MailboxShape:
    """Return prefix, delimiter and folders of the customer's own namespace (RFC 2342), not those of others.

    Raises MailboxUnreachable where the server does not list its folders.
    """
    can = connection.can()
    own = own_space(connection)
    folders = [folder for folder in _everything(connection) if own.owns(folder.name)]
    lacking = rights.lacking([f.name for f in folders if f.selectable and f.name != "INBOX"])
    found = tuple(replace(folder, shared=folder.name in lacking) for folder in folders)
    return MailboxShape(own.delimiter, own.prefix, found, "CREATE-SPECIAL-USE" in can, own.foreign)


def own_space(connection: Connection) -> Space:
    """Return which part of the server is the customer's own."""
    spaces = told(connection)
    delimiter = next((mark for group in spaces[:1] for _, mark in group if mark), "")
    return space(spaces, delimiter or _delimiter(connection))


def _delimiter(connection: Connection) -> str:
    """Return the delimiter that LIST tells when asked for no name (RFC 9051 §6.3.9), empty where there is none."""
    return next((found for found, _ in _list(connection, b'""') if found), "")


def _everything(connection: Connection) -> list[ExistingFolder]:
    """Return all folders, each once, with the special uses that are to be believed."""
    found: dict[str, ExistingFolder] = {}
    for folder in _listed(connection):
        found[folder.name] = _merged(found.get(folder.name, folder), folder)
    uses = [folder.special_use for folder in found.values() if folder.selectable and folder.name != "INBOX"]
    unbelieved = doubtful(uses)
    return [replace(f, special_use=None) if f.special_use in unbelieved else f for f in found.values()]


def _listed(connection: Connection) -> list[ExistingFolder]:
    """Return the folder of each line that LIST gives for all; without special uses where asking for them is refused."""
    extended = {"SPECIAL-USE", "LIST-EXTENDED"} <= connection.can()
    for pattern in (b'"*" RETURN (SPECIAL-USE)', b'"*"') if extended else (b'"*"',):
        with suppress(FolderRefused):
            return [folder for _, folder in _list(connection, pattern)]
    raise answers.unreachable("server-fault")


def _merged(one: ExistingFolder, other: ExistingFolder) -> ExistingFolder:
    return ExistingFolder(
        one.name,
        one.special_use or other.special_use,
        one.selectable or other.selectable,
        childless=one.childless or other.childless,
    )


def _list(connection: Connection, pattern: bytes) -> Iterator[tuple[str, ExistingFolder]]:
    """Give delimiter and folder of each LIST line (RFC 9051 §7.3.1); lines that are none are left out.

    Read here and not by IMAPClient, which takes an unquoted folder name `007` for the number 7.

    Raises FolderRefused.
    """
    answer = connection.wire.run(b'LIST "" ' + pattern)
    lines = connection.wire.untagged_responses.pop("LIST", [])
    if not answer.ok:
        raise answers.folder_refusal(answer)
    offered = "SPECIAL-USE" in connection.can()
    for line in whole_lines(lines):
        if found := read(line, offered=offered):
            yield found


def read(line: bytes, *, offered: bool) -> tuple[str, ExistingFolder] | None:
    """Return delimiter and folder of one LIST line; None where it is none. `offered`: the server has SPECIAL-USE."""
    found = _LIST.fullmatch(line)
    if not found:
        return None
    attributes, mark, raw = found.groups()
    words = frozenset(attributes.decode("ascii", "replace").lower().split())
    delimiter = unquoted(mark).decode("latin-1")
    delimiter = delimiter if len(delimiter) == 1 else ""
    return delimiter, _folder(words, unquoted(raw), delimiter, offered=offered)


def _folder(attributes: frozenset[str], raw: bytes, delimiter: str, *, offered: bool) -> ExistingFolder:
    text = decoded(raw)
    if text is None:  # neither modified UTF-7 nor UTF-8: it cannot be spoken of, so it is not one to write to
        return ExistingFolder(raw.decode("latin-1"), None, selectable=False)
    name = inbox_in_capitals(text, delimiter)
    name = name.removesuffix(delimiter) if delimiter else name
    selectable = not attributes & {"\\noselect", "\\nonexistent"}
    use = special_use(attributes, offered=offered) if selectable and name != "INBOX" else None
    return ExistingFolder(name, use, selectable, childless="\\noinferiors" in attributes)


def create(connection: Connection, rights: Rights, name: str, special_use_: str | None, own: Space) -> bool:
    """Make sure the folder is there under exactly this name, the customer's alone, and subscribed.

    Return whether it was made just now; raise FolderRefused with a word.

    Parents come first where the server does not make them itself (it should: RFC 9051 §6.3.4). A server that makes
    another name of it (Cyrus: `a..b` becomes `a.b`) has refused this one. Subscribing is a courtesy to clients.
    """
    mailbox = encoded(name)
    if name.upper() == "INBOX":
        connection.wire.run(b"SUBSCRIBE " + mailbox)
        return False
    if own.delimiter and "" in name.split(own.delimiter):
        raise FolderRefused("empty-level")
    if not own.owns(name):
        raise FolderRefused("foreign-name")
    made = _make(connection, name, special_use_, own)
    if not made and (word := rights.lacking_now(name)):
        raise FolderRefused(word)
    subscribing = connection.wire.begin(b"SUBSCRIBE " + mailbox)
    word = rights.lacking_now(name) if made else ""  # asked before SUBSCRIBE is answered: no round trip of its own
    connection.wire.finish(subscribing)
    if word:  # it inherits, or lies in a namespace that was never told of: take it away again
        connection.wire.run(b"UNSUBSCRIBE " + mailbox)
        connection.wire.run(b"DELETE " + mailbox)
        raise FolderRefused(word)
    return made


def _make(connection: Connection, name: str, special_use_: str | None, own: Space) -> bool:
    answer = _create(connection, name, special_use_)
    if not answer.ok and not _holds_mail(connection, name):
        parent = name.rpartition(own.delimiter)[0] if own.delimiter else ""
        above = _shown(connection, parent) if parent else None
        if above and above.childless:
            raise FolderRefused("no-subfolders")
        if not parent or (above and above.selectable) or not (own.owns(parent) or parent == root(own)):
            raise answers.create_refusal(answer)
        _make(connection, parent, None, own)
        answer = _create(connection, name, special_use_)
    if not _holds_mail(connection, name):
        raise FolderRefused("name-changed") if answer.ok else answers.create_refusal(answer)
    return answer.ok


def _create(connection: Connection, name: str, special_use_: str | None) -> answers.Answer:
    """CREATE, with the special use where the server takes one; without it where another folder has it (RFC 6154 §3)."""
    command = b"CREATE " + encoded(name)
    if special_use_ in SPECIAL_USES and "CREATE-SPECIAL-USE" in connection.can():
        answer = connection.wire.run(b"%b (USE (%b))" % (command, special_use_.encode()))
        if answer.ok or answer.code == "ALREADYEXISTS":
            return answer
    return connection.wire.run(command)


def _holds_mail(connection: Connection, name: str) -> bool:
    folder = _shown(connection, name)
    return folder is not None and folder.selectable


def _shown(connection: Connection, name: str) -> ExistingFolder | None:
    """Return the folder that LIST shows under this very name (`*` and `%` in it match others too), or None.

    A server that lists names in another spelling than it is asked in shows it among all folders alone; one whose file
    system keeps one Unicode form (a Mac's) shows it in that form, and opens it by either.
    """
    shown = list[ExistingFolder]()
    for pattern in (encoded(name), b'"*"'):
        with suppress(FolderRefused, RefusedUnexplained):  # a name that LIST does not accept is none
            shown += [folder for _, folder in _list(connection, pattern)]
        if folder := next((folder for folder in shown if folder.name == name), None):
            return folder
    form = next((folder for folder in shown if normalize("NFC", folder.name) == normalize("NFC", name)), None)
    return form if form and connection.wire.run(b"STATUS %b (MESSAGES)" % encoded(name)).ok else None
