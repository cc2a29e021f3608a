"""How one message ended, or that it has not yet: one byte in the ledger, words for people."""

from enum import IntEnum


class Mark(IntEnum):
    """How one message stands. 0 and 1 are open; everything else is an outcome."""

    PENDING = 0
    PENDING_LARGE = 1
    COPIED = 10
    COPIED_ALTERED = 11
    ALREADY_THERE = 12
    ALREADY_ELSEWHERE = 13
    SKIPPED_CHAT = 20
    SKIPPED_SPAM = 21
    SKIPPED_TRASH = 22
    SKIPPED_LABEL = 23
    SKIPPED_GONE = 24
    SKIPPED_PERIOD = 25
    FAILED_REFUSED = 30
    FAILED_FOLDER = 31
    FAILED_DAMAGED = 32
    FAILED_MISSING = 33
    FAILED_GOOGLE = 34

    @property
    def is_open(self) -> bool:
        """True while the message has no outcome."""
        return self < Mark.COPIED

    @property
    def is_in_mailbox(self) -> bool:
        """True for messages that lie in the mailbox: what was brought, and what was there already."""
        return Mark.COPIED <= self <= Mark.ALREADY_ELSEWHERE

    @property
    def is_placed(self) -> bool:
        """True for messages of which the ledger records where they lie, and their size."""
        return Mark.COPIED <= self <= Mark.ALREADY_THERE

    @property
    def is_failure(self) -> bool:
        """True for messages that a resume tries again."""
        return self >= Mark.FAILED_REFUSED

    @property
    def words(self) -> str:
        """The outcome in words: `copied`, `already there`, `skipped (chat)`, `failed (refused)`."""
        kind, _, reason = self.name.lower().partition("_")
        if self in _ALREADY:
            return _ALREADY[self]
        return f"{kind} ({reason})" if reason else kind


_ALREADY = {Mark.ALREADY_THERE: "already there", Mark.ALREADY_ELSEWHERE: "already there (other folder)"}
