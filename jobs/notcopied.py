"""Messages that were not copied: by reason, how many, and the first of them by their ids at Gmail; never what they are.

The ids are there for the links into the customer's own Gmail, for as long as the ledger is kept.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from redis import Redis

from migrator.ledger import Ledger
from migrator.message import gmail_id
from migrator.outcome import Mark

LISTED = 50
"""Messages listed one by one for one reason; more would be a list nobody reads. The counts hold all."""

_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class NotCopied:
    """Messages that ended alike.

    Attributes:
        mark: their outcome, skipped or failed.
        word: the ledger's word for the reason of a failure; empty where the mark says all.
        count: how many there are.
        gmail_ids: the newest of them, in hexadecimal as Gmail's own pages name them.
    """

    mark: Mark
    word: str
    count: int
    gmail_ids: tuple[str, ...]


def not_copied(redis: Redis, migration_id: str, listed: int = LISTED) -> tuple[NotCopied, ...]:
    """Return all messages that were not copied, failures first, then by the order of outcomes.

    Args:
        redis: the state store.
        migration_id: the import; of one that is not known nothing is returned.
        listed: how many ids are returned for one reason, at most.
    """
    ledger = Ledger(redis, migration_id)
    marks = ledger.marks()
    reasons = ledger.reasons()
    found = (row for mark in _left(marks) for row in _by_word(mark, marks, reasons, listed))
    rows = [NotCopied(mark, word, count, _ids(redis, ledger, numbers)) for mark, word, count, numbers in found]
    return tuple(sorted(rows, key=lambda row: (not row.mark.is_failure, row.mark, -row.count, row.word)))


def _left(marks: bytes) -> Iterator[Mark]:
    return (mark for mark in Mark if not mark.is_open and not mark.is_in_mailbox and bytes([mark]) in marks)


def _by_word(
    mark: Mark, marks: bytes, reasons: dict[int, str], listed: int
) -> Iterable[tuple[Mark, str, int, Sequence[int]]]:
    """Return the messages of a mark by their word; only failures have one, and only they are walked through."""
    places = (found.start() for found in re.finditer(re.escape(bytes([mark])), marks))
    if not mark.is_failure:
        first = [place for place, _ in zip(places, range(listed), strict=False)]
        return [(mark, "", marks.count(bytes([mark])), first)]
    words: dict[str, list[int]] = defaultdict(list)
    for place in places:
        words[reasons.get(place, "")].append(place)
    return [(mark, word, len(numbers), numbers[:listed]) for word, numbers in words.items()]


def _ids(redis: Redis, ledger: Ledger, numbers: Sequence[int]) -> tuple[str, ...]:
    """Return some messages' ids; all of a million would be 8 MB for a page of links."""
    key = ledger.key("ids")
    with redis.pipeline(transaction=False) as asked:
        for number in numbers:
            asked.getrange(key, number * _ID_BYTES, (number + 1) * _ID_BYTES - 1)
        return tuple(gmail_id(int.from_bytes(blob)) for blob in asked.execute() if len(blob) == _ID_BYTES)
