"""Which part of the server is the customer's own: what NAMESPACE says, and what is assumed where it says nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from migrator.foldernames import twin_key
from migrator.namespace import ASSUMED_FOREIGN, SIGILS, owned, stem

from .connection import Connection
from .wirenames import decoded, tokens, whole_lines

_Told = list[list[tuple[str, str]]]
"""Personal, other users' and shared namespaces, each as (prefix, delimiter)."""
_CLASSES = 3


@dataclass(frozen=True, slots=True)
class Space:
    """The customer's own part: `prefix` of new folders with the delimiter, all personal and all foreign prefixes."""

    delimiter: str
    prefix: str
    personal: tuple[str, ...]
    foreign: tuple[str, ...]

    def owns(self, name: str) -> bool:
        """Whether a folder of this full name is, or would be, the customer's own."""
        return owned(name, self.personal, self.foreign)


def told(connection: Connection) -> _Told:
    """Return what NAMESPACE says; nothing where it is not offered, refused, or makes no sense."""
    if "NAMESPACE" not in connection.can():
        return []
    answer = connection.wire.run(b"NAMESPACE")
    lines = list(whole_lines(connection.wire.untagged_responses.pop("NAMESPACE", [])))
    return read(lines[-1]) if answer.ok and lines else []


def space(spaces: _Told, delimiter: str) -> Space:
    """Return the customer's own part; `delimiter` is LIST's, for where NAMESPACE names none.

    A personal prefix that is a foreign one, too, shows nothing, and so does none beside an empty foreign one: then
    only what lies below INBOX is the customer's beyond doubt.
    """
    if not any(spaces):
        return Space(delimiter, "", ("",), _assumed(delimiter))
    mark = next((mark for _, mark in spaces[0] if mark), delimiter)
    personal = [(prefix, sep or mark) for prefix, sep in spaces[0]]
    foreign = _foreign(list(chain(*spaces[1:])), delimiter)
    others = {twin_key(prefix) for prefix in foreign}
    own = [prefix for prefix in (_ended(*told_) for told_ in personal) if twin_key(prefix) not in others]
    if not own:
        own = [f"INBOX{mark}"] if "" in others else [""]
    return Space(mark, own[0], tuple(own), foreign)


def read(line: bytes) -> _Told:
    """Return the three classes of a NAMESPACE response (RFC 2342 §6; extensions are left out), or nothing."""
    classes: _Told = []
    depth, words = 0, list[bytes]()
    for kind, text in tokens(line):
        if kind == "mark":
            depth += 1 if text == b"(" else -1
            if text == b"(" and depth == 1:
                classes.append([])
            elif text == b"(" and depth == 2:  # noqa: PLR2004
                words = []
            elif text == b")" and depth == 1 and words:
                classes[-1].append(_prefix(words))
        elif depth == 0:  # NIL
            classes.append([])
        elif depth == 2:  # noqa: PLR2004
            words.append(b"" if kind == "atom" and text.upper() == b"NIL" else text)
        if depth < 0:
            return []
    return classes if depth == 0 and len(classes) == _CLASSES else []


def inbox_in_capitals(name: str, delimiter: str) -> str:
    """Return a name with INBOX, which may stand in any case (RFC 3501 §5.1), in capitals at its beginning."""
    first, mark, rest = name.partition(delimiter) if delimiter else (name, "", "")
    return f"INBOX{mark}{rest}" if first.upper() == "INBOX" else name


def _prefix(words: list[bytes]) -> tuple[str, str]:
    mark = words[1].decode("latin-1") if len(words) > 1 else ""
    mark = mark if len(mark) == 1 else ""
    return inbox_in_capitals(decoded(words[0]) or words[0].decode("latin-1"), mark), mark


def _ended(prefix: str, mark: str) -> str:
    """Return a prefix with the delimiter at its end, which some servers leave out."""
    return prefix + mark if prefix and mark and not prefix.endswith(mark) else prefix


def _foreign(others: Iterable[tuple[str, str]], delimiter: str) -> tuple[str, ...]:
    """Return foreign prefixes; one that is a word is a whole level, one that is a sigil (`~`) any name's beginning."""
    found = [_ended(prefix, sep or delimiter) if prefix[-1:].isalnum() else prefix for prefix, sep in others]
    return tuple(dict.fromkeys((*found, *(sigil for sigil in SIGILS if any(p.startswith(sigil) for p in found)))))


def _assumed(delimiter: str) -> tuple[str, ...]:
    return (*(word + delimiter for word in ASSUMED_FOREIGN), *SIGILS) if delimiter else SIGILS


def root(space_: Space) -> str:
    """Return the folder that the prefix of new folders names, empty where there is none."""
    return stem(space_.prefix) if space_.prefix else ""
