"""Which of the customer's folders others may read, or the customer may not use in full: by access control lists.

INBOX is the measure (RFC 4314): who may read it reads the customer's mail already (an administrator, a delegate of the
whole mailbox), and a folder that anybody else may read is shared. A server that lets the customer see no list
(right `a`) is asked for the customer's own rights: a folder with fewer of them than INBOX is not wholly theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import answers
from .answers import Answer
from .connection import Connection
from .wirenames import encoded, tokens, whole_lines

_AT_ONCE = 50
_PASSING = frozenset({"UNAVAILABLE", "SERVERBUG", "INUSE"})
_NEEDED = frozenset("lrswi")


@dataclass(frozen=True, slots=True)
class _Held:
    """Who may read a folder, and what the customer may do with it; None where the server does not tell."""

    readers: frozenset[bytes] | None
    mine: frozenset[str] | None

    def lacks(self, measure: "_Held") -> str:
        """Return a word for why this folder is less the customer's own than the measure; empty where it is not."""
        if measure.mine is not None and not measure.mine & _NEEDED <= (self.mine or frozenset()):
            return "no-permission"
        if measure.readers is not None and (self.readers is None or not self.readers <= measure.readers):
            return "shared"
        return ""


class Rights:
    """What one connection has asked about folders; each is asked about once, many in one go."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[str, _Held] = {}

    def lacking(self, names: Sequence[str]) -> dict[str, str]:
        """Return those of `names` that are not the customer's alone, each with a word for why ("shared", ...).

        None where the server has no ACL.
        """
        if "ACL" not in self._connection.can() or not names:
            return {}
        new = [name for name in dict.fromkeys(("INBOX", *names)) if name not in self._held]
        for start in range(0, len(new), _AT_ONCE):
            self._ask(new[start : start + _AT_ONCE])
        words = {name: self._held[name].lacks(self._held["INBOX"]) for name in names}
        return {name: word for name, word in words.items() if word}

    def lacking_now(self, name: str) -> str:
        """Return why a folder is not the customer's alone, as it stands now; empty where it is."""
        self._held.pop(name, None)
        return self.lacking([name]).get(name, "")

    def _ask(self, names: Sequence[str]) -> None:
        """Ask about folders in one round trip."""
        wire = self._connection.wire
        commands = [b"%b %b" % (verb, encoded(name)) for name in names for verb in (b"GETACL", b"MYRIGHTS")]
        tags = [wire.begin(command) for command in commands]
        answered = [self._answer(tag) for tag in tags]
        for name, acl, mine in zip(names, answered[::2], answered[1::2], strict=True):
            self._held[name] = _Held(_readers(acl), _rights(mine))

    def _answer(self, tag: bytes) -> list[bytes] | None:
        """Return the words of the response to a command; None where it was refused or makes no sense."""
        wire = self._connection.wire
        answer: Answer = wire.finish(tag)
        lines = [line for key in ("ACL", "MYRIGHTS") for line in whole_lines(wire.untagged_responses.pop(key, []))]
        if answer.code in _PASSING:
            raise answers.unreachable("server-fault")
        if not answer.ok or not lines:
            return None
        return [text for kind, text in tokens(lines[-1]) if kind != "mark"][1:]


def _readers(words: list[bytes] | None) -> frozenset[bytes] | None:
    """Return who may read; a right that is taken away (`-anyone`) gives nothing."""
    if words is None:
        return None
    pairs = zip(words[::2], words[1::2], strict=False)
    return frozenset(who.lower() for who, rights in pairs if b"r" in rights and not who.startswith(b"-"))


def _rights(words: list[bytes] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(b"".join(words).decode("ascii", "replace"))
