r"""Whether a copy lies in the mailbox as the import put it there; the decision of an undo, without any mailbox.

A copy counts as changed, and stays, when it was answered, forwarded, starred, unstarred, tagged or marked as deleted
since. `\Seen` does not count: looking at what arrived is what everybody does before he takes it back, and many mail
programs set it by themselves; so do they with `$Junk` and its like.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrator.ledger import FLAG_BITS
from migrator.records import Expected, Placed

_TOUCHED = frozenset(
    {"\\answered", "\\deleted", "$forwarded", "forwarded", "$redirected", "redirected", "$mdnsent", "mdnsent"}
    | {f"$label{n}" for n in range(1, 6)}  # Thunderbird's tags
    | {f"$mailflagbit{n}" for n in range(3)}  # the colours of Apple's flags
)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a UID now: its size in bytes, its flags and keywords."""

    size: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about the next `records` of a folder: UIDs to remove, and how many copies are left why."""

    records: int
    remove: tuple[int, ...]
    changed: int
    missing: int


def decide(
    records: Sequence[Placed], first: int, found: Mapping[int, Found], given: bytes, foreign: frozenset[int]
) -> Step:
    """Return what to do about the copies recorded in a folder.

    Args:
        records: as the ledger has them.
        first: the folder's UIDNEXT when the import first opened it; what lies below was there before.
        found: what lies there now, by UID.
        given: the flags each message was given, a byte of `FLAG_BITS` by message number.
        foreign: numbers of messages at whose UID the check found something else.
    """
    ours = [record for record in records if record.uid >= first]
    there = [record for record in ours if record.uid in found]
    remove = [r.uid for r in there if r.number not in foreign and _unchanged(r, found[r.uid], given)]
    return Step(len(records), tuple(sorted(set(remove))), len(there) - len(remove), len(ours) - len(there))


def _unchanged(record: Placed, now: Found, given: bytes) -> bool:
    byte = given[record.number] if record.number < len(given) else 0
    return Expected.again(record).may_be(now.size) and not touched(now.flags, byte)


def touched(flags: Iterable[str], given: int = 0) -> bool:
    """Tell whether somebody has done something with a message that was given these flags (bits of `FLAG_BITS`)."""
    lower = {flag.lower() for flag in flags}
    return bool(lower & _TOUCHED) or any(
        (flag.lower() in lower) != bool(given & bit) for flag, bit in FLAG_BITS.items()
    )
