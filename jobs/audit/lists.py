"""Where the audit log lies: a list of entries per month in the state store, and a copy of the newest entry.

`audit:2026-11` holds the entries of that month, oldest first, and ends `AUDIT_DAYS` after the month. `audit:head` is
the newest entry once more: what the next one is tied to. It ends together with the list it stands for.
"""

import calendar
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from redis import Redis

from jobs.audit.entry import Entry

AUDIT_DAYS = 400
"""A month's entries are kept for so many days after the month's last."""

HEAD = "audit:head"

_DAY = 86400
_MONTH_DAYS = 31
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log as it stood at one moment: the newest entry's line, and each month's list with its length.

    `now` is the store's clock in seconds since the epoch. Lists only grow, so all of it can be read later.
    """

    head: str | None
    lists: tuple[tuple[str, int], ...]
    now: int

    @property
    def length(self) -> int:
        """Entries that are kept."""
        return sum(length for _, length in self.lists)


def snapshot(redis: Redis) -> Snapshot:
    """Look at the head and the lists in one moment."""
    client = answers_of(redis)
    now = int(client.time()[0])
    newest = text(client.get(HEAD))
    keys = months(now, max(now, _time_in(newest)))
    with client.pipeline(transaction=True) as look:
        look.get(HEAD)
        for key in keys:
            look.llen(key)
        head, *lengths = look.execute()
    lists = tuple((key, length) for key, length in zip(keys, lengths, strict=True) if length)
    return Snapshot(text(head), lists, now)


def lines(redis: Redis, taken: Snapshot, skipped: int = 0) -> Iterator[tuple[str, str]]:
    """Yield list and line of each entry of the snapshot, without the first `skipped`, page by page."""
    client = answers_of(redis)
    for key, length in taken.lists:
        begin, skipped = min(skipped, length), max(0, skipped - length)
        for first in range(begin, length, _PAGE):
            page = client.lrange(key, first, min(first + _PAGE, length) - 1)
            yield from ((key, str(text(line))) for line in page)


def lines_backwards(redis: Redis, taken: Snapshot, skipped: int = 0) -> Iterator[str]:
    """Yield the line of each entry of the snapshot from the newest on, without the first `skipped`, page by page."""
    client = answers_of(redis)
    for key, length in reversed(taken.lists):
        end, skipped = length - min(skipped, length), max(0, skipped - length)
        for last in range(end, 0, -_PAGE):
            page = client.lrange(key, max(0, last - _PAGE), last - 1)
            yield from (str(text(line)) for line in reversed(page))


def month_key(at: int) -> str:
    """Return the name of the list that takes the entries of a time (seconds since the epoch)."""
    return _key_of_day(at // _DAY)


def end_date(at: int) -> int:
    """Return when the list of that time's month ends, in seconds since the epoch."""
    return _next_month(at) + AUDIT_DAYS * _DAY


def months(now: int, last: int) -> list[str]:
    """Name every list that may exist: from the oldest still kept to the one after `last`, should it begin meanwhile."""
    at, keys = max(0, now - (AUDIT_DAYS + _MONTH_DAYS) * _DAY), []
    while at <= _next_month(last):
        keys.append(month_key(at))
        at = _next_month(at)
    return keys


def text(value: bytes | str | None) -> str | None:
    """Return an answer of Redis as text. What is not UTF-8 is not ours, and does not become it by what is put there."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def answers_of(redis: Redis) -> Any:
    """Return the client without redis-py's annotations, which give each answer as sync or async."""
    return redis


def _time_in(head: str | None) -> int:
    """Return the newest entry's time, which is ahead of a clock that was set back; 0 when it cannot be read."""
    try:
        return Entry.from_line(head or "").at
    except ValueError:
        return 0


def _next_month(at: int) -> int:
    year, month = time.gmtime(at)[:2]
    return calendar.timegm((year + month // 12, month % 12 + 1, 1, 0, 0, 0))


@lru_cache(maxsize=64)  # a million entries lie in few days
def _key_of_day(day: int) -> str:
    return time.strftime("audit:%Y-%m", time.gmtime(day * _DAY))
