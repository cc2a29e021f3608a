"""What the audit log's tests share: chains made to order, laid into a real store or judged as they are."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis import Redis

from jobs import audit
from jobs.audit import Act, Checkpoint, Entry, Shelf, Verdict
from jobs.audit.check import OPEN_DAY, judge
from jobs.audit.entry import BEGINNING
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.log import Snapshot
from jobs.audit.oldlog import HEAD
from jobs.audit.putting import put_entries
from jobs.audit.shelf import day_of

MIGRATION = "5f" * 16
NOVEMBER = 1795000000
"""A moment in November 2026, in seconds since the epoch."""

KEY = AuditKey(b"k" * 32)
NOWHERE = Shelf(Path("/nowhere"), KEY)

Lines = list[tuple[str, str]]


def chain(times: Sequence[int], first: int = 1, previous: str = BEGINNING, previous_at: int = 0) -> list[Entry]:
    """Return a right chain with entries at these times."""
    made: list[Entry] = []
    for number, at in enumerate(times, first):
        made.append(
            Entry(
                number=number,
                at=at,
                actor=audit.staff("0a" * 16) if number % 3 == 0 else audit.WORKER,
                act=Act.OPENED,
                migration=MIGRATION,
                code="copying",
                nonce=f"{number:016x}",
                previous=made[-1].hash if made else previous,
                previous_at=made[-1].at if made else previous_at,
            )
        )
    return made


def again(entries: Sequence[Entry], number: int, **changes: Any) -> list[Entry]:
    """Return the chain with one entry changed, and everything after it tied anew: a log written anew from there on."""
    made = list(entries[: number - 1])
    for entry in entries[number - 1 :]:
        tied = replace(entry, previous=made[-1].hash, previous_at=made[-1].at) if made else entry
        made.append(replace(tied, **changes) if entry.number == number else tied)
    return made


def stored(entry: Entry) -> str:
    """Return an entry as the keeper stores it."""
    return KEY.signed(Purpose.ENTRY, entry.line)


def laid(entries: Sequence[Entry]) -> Lines:
    """Return each entry's day and line; of the last day's none is in a file yet."""
    last = day_of(entries[-1].at)
    return [(OPEN_DAY if day_of(entry.at) == last else day_of(entry.at), stored(entry)) for entry in entries]


def judged(lines: Lines, newest: str | None, *checkpoints: Checkpoint, now: int = NOVEMBER) -> Verdict:
    return judge(Snapshot(newest, (), (), now), lines, frozenset(checkpoints), shelf=NOWHERE)


def lay(redis: Redis, entries: Sequence[Entry]) -> None:
    """Put a chain into the store as the keeper would, all of it into the open day."""
    with redis.pipeline(transaction=True) as turn:
        put_entries(turn, entries, KEY)
        turn.execute()


def lay_old(redis: Redis, entries: Sequence[Entry]) -> None:
    """Write a chain into the store as the first versions did."""
    with redis.pipeline(transaction=False) as all_of_it:
        for entry in entries:
            month = time.strftime("audit:%Y-%m", time.gmtime(entry.at))
            all_of_it.rpush(month, entry.line)
            all_of_it.expire(month, 431 * 86400)
        all_of_it.set(HEAD, entries[-1].line, ex=431 * 86400)
        all_of_it.execute()
