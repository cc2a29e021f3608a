"""What is to be said of a message beside its outcome: one byte in the ledger, words for the report."""

from enum import IntFlag


class Remark(IntFlag):
    """What happened to a message at Gmail that its copy does not show."""

    UNKNOWN_LABEL = 1
    """It carries a label that Gmail itself does not list."""
    DELETED_LATER = 2
    """It was deleted at Gmail after it was copied; a draft that is saved again or sent is deleted, too."""
    TRASHED_LATER = 4
    """It was moved to spam or trash at Gmail after it was copied."""
    CHANGED_MEANWHILE = 8
    """Its labels, read or star were changed at Gmail while the import ran."""

    @property
    def word(self) -> str:
        """The remark in the report: `unknown-label`, `deleted-later`, ..."""
        return str(self.name).lower().replace("_", "-")


def counted(remarks: bytes) -> dict[str, int]:
    """Return how many messages there are remarks of each kind about, by word; none of those that are about nobody."""
    counts = {remark.word: sum(bool(byte & remark) for byte in set_bytes(remarks)) for remark in Remark}
    return {word: count for word, count in counts.items() if count}


def set_bytes(remarks: bytes) -> bytes:
    """Return the bytes alone that say something."""
    return remarks.replace(b"\0", b"")
