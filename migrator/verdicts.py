"""Which copies are read back to be compared, and what a copy is then said to be; decided without any mailbox."""

from enum import StrEnum

from migrator.message import Print, is_certain
from migrator.records import Placed

_SAMPLE = 100
"""One in so many is read back although nothing speaks for it; which ones follows from the keyed digest."""


class Verdict(StrEnum):
    """What a copy that was looked up turned out to be."""

    IDENTICAL = "identical"
    ALTERED = "altered"
    BY_SIZE = "by_size"
    UNREADABLE = "unreadable"
    UNCHECKED = "unchecked"
    MISSING = "missing"
    OTHER = "other"

    @property
    def is_there(self) -> bool:
        """True for copies that lie in the mailbox."""
        return self in {Verdict.IDENTICAL, Verdict.ALTERED, Verdict.BY_SIZE, Verdict.UNREADABLE}


def is_doubtful(record: Placed, size: int) -> bool:
    """True for a copy that servers are known to alter, that has another size, or that is in the sample."""
    known_to_change = record.digest[:8] != record.likeness
    return known_to_change or size != record.size or _is_in_sample(record)


def _is_in_sample(record: Placed) -> bool:
    return int.from_bytes(record.digest[-4:]) % _SAMPLE == 0


def judged(record: Placed, found: Print, *, named: bool) -> Verdict:
    """Return what a copy is that was read back.

    `named`: the server said at which UID it stored the message, so what lies there is that message, however altered
    (RFC 4315 §3; RFC 9051 §2.3.1.1: it cannot change after that). At a UID that was found by looking may lie another
    message, with a Message-ID of its own.
    """
    if found.digest == record.digest:
        return Verdict.IDENTICAL
    return Verdict.OTHER if not named and _is_another(record, found) else Verdict.ALTERED


def _is_another(record: Placed, found: Print) -> bool:
    certain = is_certain(record.identity) and is_certain(found.identity)
    return certain and record.identity != found.identity
