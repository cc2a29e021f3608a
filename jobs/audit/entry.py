"""One entry of the audit log: who did what, to which migration, and the hash that ties it to the entry before.

Everything in an entry is a number, a word of a closed list, an opaque id or a code of the program's own, so there is
no room for an address, a name or a text.
"""

import hashlib
import re
from dataclasses import dataclass

from jobs.audit.words import Act, Actor

BEGINNING = "0" * 64
"""Stands for the hash of the entry before the first."""

_HASH = re.compile(r"[0-9a-f]{64}")
_LATEST = 1 << 33
"""Seconds since the epoch, in the year 2242: what is later is no time."""

# What an entry may be, to the byte. A code is up to four words of letters: no digits, no dots, no blanks.
_SHAPE = re.compile(
    r'\{"act":"(?P<act>[a-z-]{1,32})"'
    r',"actor":"(?P<actor>[a-z]{1,16}(?::[0-9a-f]{32})?)"'
    r',"at":(?P<at>0|[1-9][0-9]{0,9})'
    r',"code":"(?P<code>(?:[a-z]{1,16}(?:-[a-z]{1,16}){0,3})?)"'
    r',"migration":"(?P<migration>(?:[0-9a-f]{32})?)"'
    r',"nonce":"(?P<nonce>[0-9a-f]{16})"'
    r',"number":(?P<number>[1-9][0-9]{0,17})'
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. Entries are numbered from 1; no time is before that of the entry before.

    `at` and `previous_at` (the time of the entry before, 0 for none) are whole seconds since the epoch. `migration` and
    `code` may be empty. `nonce` is random: it tells an entry that was sent twice from two that say the same.

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

    def __post_init__(self) -> None:
        if not _SHAPE.fullmatch(self.text):
            raise ValueError("an entry holds numbers, opaque ids and codes, not texts")
        if not self.previous_at <= self.at < _LATEST:
            raise ValueError("an entry's time cannot be")

    @property
    def text(self) -> str:
        """The canonical JSON: names in alphabetical order, no blanks, ASCII; RFC 8785 gives the same."""
        return (
            f'{{"act":"{self.act}","actor":"{self.actor}","at":{self.at},"code":"{self.code}"'
            f',"migration":"{self.migration}","nonce":"{self.nonce}","number":{self.number}'
            f',"previous":"{self.previous}","previous_at":{self.previous_at}}}'
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, which holds the hash of the entry before: 64 hex digits."""
        return _digest(self.text)

    @property
    def line(self) -> str:
        """The form that is stored: the hash, a blank, the canonical JSON."""
        return f"{self.hash} {self.text}"

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
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
