"""One entry of the audit log: who did what, to which migration, and the hash that ties it to the entry before.

Everything in an entry is a number, a word of a closed list, an opaque id or a code of the program's own, so there is
no room for an address, a name or a text.

A *note* is what a process says it is about to do; the keeper of the log makes an entry of it.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

from jobs.audit.words import Act, Actor

BEGINNING = "0" * 64
"""Stands for the hash of the entry before the first."""

_HASH = re.compile(r"[0-9a-f]{64}")
_LATEST = 1 << 33
"""Seconds since the epoch, in the year 2242: what is later is no time."""

# What a note and an entry may be, to the byte. A code is up to four words of letters: no digits, dots or blanks.
_WHAT = r'\{"act":"(?P<act>[a-z-]{1,32})","actor":"(?P<actor>[a-z]{1,16}(?::[0-9a-f]{32})?)"'
_AT = r',"at":(?P<at>0|[1-9][0-9]{0,9})'
_ABOUT = (
    r',"code":"(?P<code>(?:[a-z]{1,16}(?:-[a-z]{1,16}){0,3})?)"'
    r',"migration":"(?P<migration>(?:[0-9a-f]{32})?)"'
    r',"nonce":"(?P<nonce>[0-9a-f]{16})"'
)
_NOTE = re.compile(_WHAT + _AT + _ABOUT + r"\}")
_SHAPE = re.compile(
    _WHAT + _AT + r'(?:,"by":"(?P<by>[a-z]{1,16})")?' + _ABOUT + r',"number":(?P<number>[1-9][0-9]{0,17})'
    r',"previous":"(?P<previous>[0-9a-f]{64})"'
    r',"previous_at":(?P<previous_at>0|[1-9][0-9]{0,9})\}'
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the chain was at one entry; enough to notice later that anything up to it was rewritten.

    `number` is 0, and `hash` 64 zeros, for a log without entries.

    Raises:
        ValueError: the number is negative, or the hash is not 64 hex digits.
    """

    number: int
    hash: str

    def __post_init__(self) -> None:
        if self.number < 0 or not _HASH.fullmatch(self.hash):
            raise ValueError("a checkpoint is a number and 64 hex digits")

    @classmethod
    def read(cls, text: str) -> "Checkpoint":
        """Read `<number>:<hash>`.

        Raises:
            ValueError: it is written in another way.
        """
        number, _, digest = text.partition(":")
        if not re.fullmatch(r"0|[1-9][0-9]{0,17}", number):
            raise ValueError("a checkpoint is written <number>:<64 hex digits>")
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody is about to do, as he says it himself; fields as of `Entry`.

    Raises:
        ValueError: a value has another shape.
    """

    at: int
    actor: Actor
    act: Act
    migration: str
    code: str
    nonce: str

    def __post_init__(self) -> None:
        if not _NOTE.fullmatch(self.line):
            raise ValueError("a note holds numbers, opaque ids and codes, not texts")

    @property
    def line(self) -> str:
        """The form that is stored: JSON, names in alphabetical order, no blanks, ASCII."""
        return (
            f'{{"act":"{self.act}","actor":"{self.actor}","at":{self.at},"code":"{self.code}"'
            f',"migration":"{self.migration}","nonce":"{self.nonce}"}}'
        )

    @classmethod
    def make(cls, at: int, actor: Actor, act: Act, migration: str = "", code: str = "") -> "Note":
        """Return a new note, with a nonce of its own."""
        return cls(at, actor, act, migration, code, secrets.token_hex(8))

    @classmethod
    def from_line(cls, line: str) -> "Note":
        """Read the stored form.

        Raises:
            ValueError: it is not exactly what `line` would write.
        """
        found = _NOTE.fullmatch(line)
        if not found:
            raise ValueError("not a note")
        return cls(
            int(found["at"]),
            Actor(found["actor"]),
            Act(found["act"]),
            found["migration"],
            found["code"],
            found["nonce"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. Entries are numbered from 1; no time is before that of the entry before.

    `at` and `previous_at` (the time of the entry before, 0 for none) are whole seconds since the epoch. `migration` and
    `code` may be empty. `nonce` is random: it tells an entry that was sent twice from two that say the same. `by` is
    the role whose process wrote it, as the store knows it; empty in entries from before roles were told apart.

    Raises:
        ValueError: a value has another shape.
    """

    number: int
    at: int
    actor: Actor
    act: Act
    migration: str
    code: str
    nonce: str
    previous: str
    previous_at: int
    by: str = ""

    def __post_init__(self) -> None:
        if not _SHAPE.fullmatch(self.text):
            raise ValueError("an entry holds numbers, opaque ids and codes, not texts")
        if not self.previous_at <= self.at < _LATEST:
            raise ValueError("an entry's time cannot be")

    @property
    def text(self) -> str:
        """The canonical JSON: names in alphabetical order, no blanks, ASCII; RFC 8785 gives the same."""
        by = f',"by":"{self.by}"' if self.by else ""
        return (
            f'{{"act":"{self.act}","actor":"{self.actor}","at":{self.at}{by},"code":"{self.code}"'
            f',"migration":"{self.migration}","nonce":"{self.nonce}","number":{self.number}'
            f',"previous":"{self.previous}","previous_at":{self.previous_at}}}'
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, which holds the hash of the entry before: 64 hex digits."""
        return _digest(self.text)

    @property
    def line(self) -> str:
        """The hash, a blank, the canonical JSON; what is stored has a MAC between them (`jobs.audit.key`)."""
        return f"{self.hash} {self.text}"

    @classmethod
    def after(cls, last: "Entry | None", note: Note, by: str, at: int) -> "Entry":
        """Return the entry that a note becomes next to `last`; `at` is when, if that is not before it."""
        return cls(
            number=last.number + 1 if last else 1,
            at=max(at, last.at) if last else at,
            actor=note.actor,
            act=note.act,
            migration=note.migration,
            code=note.code,
            nonce=note.nonce,
            previous=last.hash if last else BEGINNING,
            previous_at=last.at if last else 0,
            by=by,
        )

    def follows(self, last: "Entry") -> bool:
        """True when this is the entry after `last`."""
        return (self.number, self.previous, self.previous_at) == (last.number + 1, last.hash, last.at)

    @property
    def checkpoint(self) -> Checkpoint:
        """This entry as a checkpoint."""
        return Checkpoint(self.number, self.hash)

    @classmethod
    def from_line(cls, line: str) -> "Entry":
        """Read the stored form.

        Raises:
            ValueError: the hash does not fit, or it is not exactly what `line` would write.
        """
        digest, _, text = line.partition(" ")
        if _digest(text) != digest:
            raise ValueError("the hash does not fit the entry")
        found = _SHAPE.fullmatch(text)
        if not found:
            raise ValueError("not an entry")
        return cls(
            number=int(found["number"]),
            at=int(found["at"]),
            actor=Actor(found["actor"]),
            act=Act(found["act"]),
            migration=found["migration"],
            code=found["code"],
            nonce=found["nonce"],
            previous=found["previous"],
            previous_at=int(found["previous_at"]),
            by=found["by"] or "",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
