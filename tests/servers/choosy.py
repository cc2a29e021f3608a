"""A mail server that is particular about folders: it makes those that a rule lets it make, and lists them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from servers.adversary import Line

Rule = Callable[["Choosy", str], str]
_NAME = re.compile(rb'"((?:[^"\\]|\\.)*)"')


def made(server: "Choosy", name: str) -> str:
    """Make any folder."""
    server.folders[name] = ""
    return "OK made"


@dataclass
class Choosy:
    r"""One mailbox for whoever comes. `rule` answers CREATE; `folders` are names with their attributes in LIST.

    `closed` are names that can be opened for reading only, `created` all that CREATE was asked for, in order.
    """

    rule: Rule = made
    folders: dict[str, str] = field(default_factory=lambda: {"INBOX": ""})
    closed: frozenset[str] = frozenset()
    capabilities: str = "IMAP4rev1 UIDPLUS NAMESPACE"
    created: list[str] = field(default_factory=list)

    def __call__(self, line: Line) -> None:
        """Play the server on one connection."""
        line.say(b"* OK hello\r\n")
        while command := line.hear():
            tag, word, rest = (*command.split(None, 2), b"")[:3]
            name = next((found.decode() for found in _NAME.findall(rest)), "")
            answer = getattr(self, f"_{word.decode().lower()}", lambda *_: "OK done")(line, name, rest)
            line.say(tag + b" " + answer.encode() + b"\r\n")

    def _capability(self, line: Line, *_: object) -> str:
        line.say(f"* CAPABILITY {self.capabilities}\r\n".encode())
        return "OK done"

    def _namespace(self, line: Line, *_: object) -> str:
        line.say(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
        return "OK done"

    def _list(self, line: Line, _: str, rest: bytes) -> str:
        asked = _NAME.findall(rest)[1].decode()
        if not asked:
            line.say(b'* LIST (\\Noselect) "/" ""\r\n')
        for name, attributes in self.folders.items():
            if asked in {"*", name}:
                line.say(f'* LIST ({attributes}) "/" "{name}"\r\n'.encode())
        return "OK done"

    def _create(self, _: Line, name: str, __: bytes) -> str:
        self.created.append(name)
        return "NO [ALREADYEXISTS] there" if name in self.folders else self.rule(self, name)

    def _delete(self, _: Line, name: str, __: bytes) -> str:
        del self.folders[name]
        return "OK done"

    def _select(self, line: Line, name: str, _: bytes) -> str:
        if name not in self.folders:
            return "NO [NONEXISTENT] no"
        line.say(b"* 0 EXISTS\r\n* FLAGS ()\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n")
        return "OK [READ-ONLY] look" if name in self.closed else "OK [READ-WRITE] yours"
