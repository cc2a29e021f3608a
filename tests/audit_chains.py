"""What the audit log's tests share: chains made to order, laid into a real store or judged as they are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redis import Redis

from jobs import audit
from jobs.audit import Act, Checkpoint, Entry, Verdict
from jobs.audit.check import judge
from jobs.audit.entry import BEGINNING
from jobs.audit.lists import HEAD, Snapshot, end_date, month_key

MIGRATION = "5f" * 16
NOVEMBER = 1795000000
"""A moment in November 2026, in seconds since the epoch."""

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


def laid(entries: Sequence[Entry]) -> Lines:
    """Return list and line of each entry."""
    return [(month_key(entry.at), entry.line) for entry in entries]


def judged(lines: Lines, head: str | None, *checkpoints: Checkpoint, now: int = NOVEMBER) -> Verdict:
    return judge(Snapshot(head, (), now), lines, checkpoints)


def lay(redis: Redis, entries: Sequence[Entry]) -> None:
    """Write a chain into the store as the log would have."""
    with redis.pipeline(transaction=False) as all_of_it:
        for key, line in laid(entries):
            all_of_it.rpush(key, line)
        for key in {key for key, _ in laid(entries)}:
            all_of_it.expireat(key, end_date(entries[-1].at))
        all_of_it.set(HEAD, entries[-1].line, exat=end_date(entries[-1].at))
        all_of_it.execute()
