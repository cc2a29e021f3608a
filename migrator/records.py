"""The ledger's records as values: what is about to be done, what was done, and how a folder stands."""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from migrator.message import NO_IDENTITY, Print

UNKNOWN_UID = 0
"""No message has it (RFC 9051 §2.3.1.1): it stands for one that is not known."""

_GAPS = 20
"""More gaps than this are taken together; what lies between them is then compared once more, nothing else."""


def as_json(record: Any) -> str:
    """Return one of these records, with those inside it, as JSON; `from_json` reads it.

    `dataclasses.asdict` would copy each value first, and this is written once per command.
    """
    return json.dumps(record, default=_fields)


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


@dataclass(frozen=True, slots=True)
class Placed:
    """One message in one folder: its number in the plan, UID, size in bytes, hashes of what was sent (see `Print`).

    `uid` is `UNKNOWN_UID` where the server stored the message (a tagged OK says so, RFC 9051 §6.3.12) and its UID
    could not be found out.
    """

    number: int
    uid: int
    size: int
    digest: bytes
    likeness: bytes
    identity: bytes = NO_IDENTITY

    LAYOUT = struct.Struct(">III16s8s8s")
    VERSION = b"\x02"
    FIRST_LAYOUT = struct.Struct(">III16s8s")
    """Without identity and version; begins with a zero, the first byte of the number in any plan below 2^24."""

    @classmethod
    def packed(cls, records: Iterable["Placed"]) -> bytes:
        """Return one list element: a byte for the version, and 44 a record."""
        rows = (cls.LAYOUT.pack(r.number, r.uid, r.size, r.digest, r.likeness, r.identity) for r in records)
        return cls.VERSION + b"".join(rows)

    @classmethod
    def unpacked(cls, blob: bytes) -> Iterator["Placed"]:
        """Yield the records of one list element, in the present layout or the one before it."""
        if blob.startswith(cls.VERSION):
            return (cls(*row) for row in cls.LAYOUT.iter_unpack(memoryview(blob)[1:]))
        return (cls(*row) for row in cls.FIRST_LAYOUT.iter_unpack(blob))


@dataclass(frozen=True, slots=True)
class Expected:
    """One message of an intent, as it can be recognised in the folder afterwards: a `Print`, its hashes in hex.

    `cut` is the same for what precedes its first NUL.
    """

    number: int
    size: int
    slack: int
    digest: str
    likeness: str
    identity: str = NO_IDENTITY.hex()
    content: str = ""
    cut: "Expected | None" = None

    @classmethod
    def of(cls, number: int, mark: Print) -> "Expected":
        """Return what to expect of a message with this fingerprint."""
        hashes = (mark.digest.hex(), mark.likeness.hex(), mark.identity.hex(), mark.content.hex())
        return cls(number, mark.size, mark.slack, *hashes, cls.of(number, mark.cut) if mark.cut else None)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Expected":
        """Return what was written as JSON."""
        return cls(**{**row, "cut": cls.from_row(row["cut"]) if row.get("cut") else None})

    @classmethod
    def again(cls, placed: "Placed") -> "Expected":
        """Return what to expect of a message that was placed once; of its size by a last line end at most."""
        hashes = (placed.digest.hex(), placed.likeness.hex(), placed.identity.hex())
        return cls(placed.number, placed.size, 2, *hashes)

    @property
    def print(self) -> Print:
        """By what the message is recognised."""
        digest, likeness, identity, content = map(
            bytes.fromhex, (self.digest, self.likeness, self.identity, self.content)
        )
        cut = self.cut.print if self.cut else None
        return Print(self.size, self.slack, digest, likeness, identity, content, cut)

    def may_be(self, size: int) -> bool:
        """Tell whether a message of this size may be the one, altered by the server or not."""
        return abs(size - self.size) <= self.slack

    def placed(self, uid: int) -> "Placed":
        """Return the record for this message lying at `uid`."""
        mark = self.print
        return Placed(self.number, uid, self.size, mark.digest, mark.likeness, mark.identity)


@dataclass(frozen=True, slots=True)
class Intent:
    """The command under way: which messages are about to appear in which folder, at or above `uidnext`.

    `more` are the further folders of messages that have some, by message number.
    """

    folder: int
    uidvalidity: int
    uidnext: int
    expected: tuple[Expected, ...]
    more: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: bytes) -> "Intent":
        """Return the intent that `as_json` wrote."""
        row = json.loads(text)
        more = {int(number): tuple(folders) for number, folders in row["more"].items()}
        return cls(**{**row, "expected": tuple(map(Expected.from_row, row["expected"])), "more": more})


@dataclass(frozen=True, slots=True)
class Deferred:
    """A message that was refused, or whose process died, for no reason that concerns it: it is tried again at `due`.

    `word` says what happened last. `since` is the time of the first failure and `due` that of the next try, in seconds
    since the epoch; `tries` counts the failures so far, without those for which nothing at all was accepted. Most
    deferred messages are accepted at a later try.

    `folder` is the one that it was refused in, -1 for none; `whole` that the folder was, rather than the message.
    `alone` is the first time that it was refused while messages before and after it were accepted there, 0 for never.
    """

    word: str
    since: float
    due: float
    tries: int = 1
    folder: int = -1
    whole: bool = False
    alone: float = 0.0

    @classmethod
    def from_json(cls, text: bytes) -> "Deferred":
        """Return the record that `as_json` wrote."""
        return cls(**json.loads(text))

    def as_of(self, now: float) -> "Deferred":
        """Return the same, due now where it first failed in the future: the clock was set back since."""
        return self if self.since <= now else replace(self, since=now, due=min(self.due, now))


@dataclass(frozen=True, slots=True)
class FolderState:
    """One folder of the mailbox as the migration knows it.

    `first` is UIDNEXT when the migration first opened it: what lies below was there before. `next` is UIDNEXT
    after our last recorded act. `gaps` are UID ranges [low, high) in which mail appeared that the ledger did not
    expect: other programs' mail, or our own whose record was lost. Everything below `first` and in the gaps is
    compared with a message before that message is appended.
    """

    name: str
    uidvalidity: int
    first: int
    next: int
    gaps: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_json(cls, text: bytes) -> "FolderState":
        """Return the state that `as_json` wrote."""
        row = json.loads(text)
        return cls(**{**row, "gaps": tuple((low, high) for low, high in row["gaps"])})

    def reopened(self, uidnext: int) -> "FolderState":
        """Return the state after the folder was found with this UIDNEXT: what is new since `next` is a gap."""
        if uidnext <= self.next:
            return self
        return replace(self, next=uidnext, gaps=_few((*self.gaps, (self.next, uidnext))))

    def with_gaps(self, uids: Iterable[int]) -> "FolderState":
        """Return the state in which these UIDs are unexplained, too; below `first` all are anyway."""
        more = ((uid, uid + 1) for uid in uids if uid >= self.first)
        return replace(self, gaps=_few(tuple(sorted((*self.gaps, *more)))))

    def unexplained(self) -> tuple[tuple[int, int], ...]:
        """Return all UID ranges [low, high) that may hold messages the ledger does not know."""
        return tuple(r for r in ((1, self.first), *self.gaps) if r[0] < r[1])


def _few(gaps: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return gaps if len(gaps) <= _GAPS else ((gaps[0][0], gaps[-1][1]),)


@dataclass(frozen=True, slots=True)
class Partial:
    """A message that is in some of its folders: where it is (folder number -> UID) and where it still has to go."""

    expected: Expected
    at: dict[int, int]
    todo: tuple[int, ...]
    mark: int

    @classmethod
    def from_json(cls, text: bytes) -> "Partial":
        """Return the state that `as_json` wrote."""
        row = json.loads(text)
        at = {int(folder): uid for folder, uid in row["at"].items()}
        return cls(Expected.from_row(row["expected"]), at, tuple(row["todo"]), row["mark"])

    def without(self, folder: int, mark: int) -> "Partial":
        """Return the state after a folder was given up; `mark` is then how the message ends."""
        return replace(self, todo=tuple(n for n in self.todo if n != folder), mark=mark)

    def at_again(self, folder: int, uid: int) -> "Partial":
        """Return the state after the message was found under another UID in a folder that it is in."""
        return replace(self, at={**self.at, folder: uid})

    def reached(self, folder: int, uid: int) -> "Partial":
        """Return the state after the message was placed in one more folder."""
        return replace(self, at={**self.at, folder: uid}, todo=tuple(n for n in self.todo if n != folder))
