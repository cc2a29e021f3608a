"""Which message of a folder is which mail: decided by what both are recognised by, each message taken once.

A mail that lies in a folder may have been altered by the server: line ends, characters, header fields, even its body;
and its RFC822.SIZE may be an estimate (Exchange and GreenMail give one). So neither size nor bytes alone decide:

- two mails with a Message-ID whose identities differ are never the same, and not read;
- what may be the same is read, and the best match wins: the same bytes, bytes altered as servers are known to do, the
  same body under the same identity, and last another body under the same identity, at least half as long;
- what cannot be read is no match, and neither is a copy that was cut short, but at a NUL.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from migrator.message import NO_IDENTITY, Print, is_certain

_WHOLE = 2  # a copy that has less than one of so many parts of a mail was cut short


class Lying(NamedTuple):
    """A message in a folder, as it is told without reading it; `identity` is `NO_IDENTITY` where it is not known."""

    uid: int
    size: int
    identity: bytes


class Lot:
    """The messages of a folder that may be looked for, packed: a mailbox may hold a million."""

    LAYOUT = struct.Struct(">II8s")

    def __init__(self, packed: bytes = b"") -> None:
        self._packed = packed
        self._taken: set[int] = set()
        self._unsure = [row for row in self if not is_certain(row.identity)]

    @classmethod
    def of(cls, lying: Iterable[Lying]) -> "Lot":
        """Return these."""
        return cls(cls.pack(lying))

    @classmethod
    def pack(cls, lying: Iterable[Lying]) -> bytes:
        """Return 16 bytes a message."""
        return b"".join(cls.LAYOUT.pack(row.uid, min(row.size, 2**32 - 1), row.identity) for row in lying)

    def __iter__(self) -> Iterator[Lying]:
        return map(Lying._make, self.LAYOUT.iter_unpack(self._packed))

    def __len__(self) -> int:
        return len(self._packed) // self.LAYOUT.size

    def take(self, uid: int) -> None:
        """Let a message be found no more: it stands for one already."""
        self._taken.add(uid)

    def candidates(self, wanted: Print, *, by_size: bool = True) -> list[Lying]:
        """Return those that may be this mail: of the same identity; where that is not certain, or of the same size.

        Of mails that say neither who wrote them nor when, all may be the same: a size may be an estimate.
        """
        certain = is_certain(wanted.identity)
        found = list(self._identical(wanted.identity)) if certain else []
        for row in self._unsure:
            alike = row.identity == wanted.identity and (by_size or wanted.identity != NO_IDENTITY)
            sized = by_size and abs(row.size - wanted.size) <= wanted.slack
            if alike or (sized and (row.identity == NO_IDENTITY or not certain)):
                found.append(row)
        return [row for row in found if row.uid not in self._taken]

    def _identical(self, identity: bytes) -> Iterator[Lying]:
        step = self.LAYOUT.size
        at = self._packed.find(identity)
        while at >= 0:
            start = at - at % step
            if at - start == step - len(identity):
                yield Lying._make(self.LAYOUT.unpack_from(self._packed, start))
            at = self._packed.find(identity, at + 1)


def match(
    wanted: Sequence[Print], lot: Lot, read: Callable[[Sequence[int]], Mapping[int, Print]], *, by_size: bool = True
) -> list[int | None]:
    """Return for each mail the UID of the message of the lot that is the same, or None; each message stands for one.

    `read` gives the fingerprints of messages by their UIDs, without those that cannot be read. `by_size`: whether
    messages that say neither who wrote them nor when are compared, too.
    """
    tries = [(at, mark) for at, whole in enumerate(wanted) for mark in (whole, whole.cut) if mark]
    possible = [[row.uid for row in lot.candidates(mark, by_size=by_size)] for _, mark in tries]
    uids = sorted({uid for some in possible for uid in some})
    marks = read(uids) if uids else {}
    found: list[int | None] = [None] * len(wanted)
    free = set(marks)
    for is_same in (_is_identical, _is_alike, _has_its_content, _is_rewritten):
        for (at, mark), uids in zip(tries, possible, strict=True):
            same = [uid for uid in uids if uid in free and is_same(mark, marks[uid])]
            if found[at] is None and same:
                found[at] = min(same, key=lambda uid: (abs(marks[uid].size - mark.size), uid))
                free.discard(found[at])
    return found


def _is_identical(mark: Print, there: Print) -> bool:
    return there.digest == mark.digest


def _is_alike(mark: Print, there: Print) -> bool:
    return there.likeness == mark.likeness


def _has_its_content(mark: Print, there: Print) -> bool:
    return _has_its_identity(mark, there) and there.content == mark.content


def _is_rewritten(mark: Print, there: Print) -> bool:
    """A server that writes a body anew changes its length; another body of the same length is another mail."""
    return (
        _has_its_identity(mark, there) and abs(there.size - mark.size) > mark.slack and there.size * _WHOLE >= mark.size
    )


def _has_its_identity(mark: Print, there: Print) -> bool:
    return is_certain(mark.identity) and there.identity == mark.identity
