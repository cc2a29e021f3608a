r"""Whether a copy lies in the mailbox as the import put it there; the decision of an undo, without any mailbox.

A copy counts as changed, and stays, when it was answered, forwarded, starred, unstarred, tagged or marked as deleted
since. `\Seen` does not count: looking at what arrived is what everybody does before he takes it back, and many mail
programs set it by themselves; so do they with `$Junk` and its like.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrator.ledger import FLAG_BITS
from migrator.records import UNKNOWN_UID, Expected, Placed

_TOUCHED = frozenset(
    {"\\answered", "\\deleted", "$forwarded", "forwarded", "$redirected", "redirected", "$mdnsent", "mdnsent"}
    | {f"$label{n}" for n in range(1, 6)}  # Thunderbird's tags
    | {f"$mailflagbit{n}" for n in range(3)}  # the colours of Apple's flags
)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a UID now: its size in bytes (0 where it was not asked for), its flags and keywords."""

    size: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about the next `records` of a folder: UIDs to remove, and how many copies are left why.

    `changed` by the customer; `missing`, as far as we see; `doubtful`: we do not know for certain which message it is.
    """

    records: int
    remove: tuple[int, ...]
    changed: int
    missing: int
    doubtful: int = 0


def decide(
    records: Sequence[Placed],
    first: int,
    found: Mapping[int, Found],
    given: bytes,
    foreign: frozenset[int],
    *,
    certain: bool,
) -> Step:
    """Return what to do about the copies recorded in a folder.

    Args:
        records: as the ledger has them.
        first: the folder's UIDNEXT when the import first opened it; what lies below was there before.
        found: what lies there now, by UID.
        given: the flags each message was given, a byte of `FLAG_BITS` by message number.
        foreign: numbers of messages at whose UID the check found something else.
        certain: the server itself named the UIDs, or all copies of another size were read back and compared. Then what
            lies there is what was stored (RFC 9051 §2.3.1.1), whatever size it has; else it may be another message.
    """
    lost = [record for record in records if record.uid == UNKNOWN_UID]
    ours = [record for record in records if record.uid >= first and record.uid != UNKNOWN_UID]
    there = [record for record in ours if record.uid in found]
    known = [r for r in there if r.number not in foreign and (certain or _is_of_its_size(r, found[r.uid]))]
    remove = {r.uid for r in known if not touched(found[r.uid].flags, _given(r, given))}
    return Step(
        records=len(records),
        remove=tuple(sorted(remove)),
        changed=len(known) - len(remove),
        missing=len(ours) - len(there),
        doubtful=len(lost) + len(there) - len(known),
    )


def _is_of_its_size(record: Placed, now: Found) -> bool:
    return Expected.again(record).may_be(now.size)


def _given(record: Placed, given: bytes) -> int:
    return given[record.number] if record.number < len(given) else 0


def touched(flags: Iterable[str], given: int = 0) -> bool:
    """Tell whether somebody has done something with a message that was given these flags (bits of `FLAG_BITS`)."""
    lower = {flag.lower() for flag in flags}
    return bool(lower & _TOUCHED) or any(
        (flag.lower() in lower) != bool(given & bit) for flag, bit in FLAG_BITS.items()
    )
