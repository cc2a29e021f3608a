"""What goes through, minute by minute, of all imports together: counted by the scripts in `jobs/lua`, read here.

Of bytes there are only the steps by which operators are shown the imports' own (`show_bytes` in `jobs/lua`), each of 20
messages at least, in the minute of the step: nobody shall learn a message's size from a minute in which it came alone,
nor from what lies between two sums.
"""

import time
from dataclasses import dataclass, field
from typing import cast

from redis import Redis

from jobs.migration import SHOWN_BYTES, SHOWN_MESSAGES
from jobs.retention import QUEUE_SECONDS
from jobs.scripts import decoded

MINUTE = 60
TOTAL = "flow:total"
_CODE = "code:"
_CONSENT = "consent:"
_DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute, which began at `at` (seconds since the epoch).

    `bytes` is rounded to 10 MB; None while the minute is under way, or where no import's bytes moved. `codes`: how
    often an import began to wait, to pause or to fail for a reason of that class, or a slice died by it. `units`:
    Google's units by Google project.
    """

    at: int
    messages: int = 0
    bytes: int | None = None
    codes: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything since the counting began, which a lost store or three idle days make begin anew.

    `bytes` is rounded, and less than what came: of each import, up to 19 messages and a minute are not in it yet.
    `dead`: tickets that died, each replaced by a new one. `consents`: those that connected nothing, by why.
    """

    messages: int
    bytes: int
    codes: dict[str, int]
    dead: int
    consents: dict[str, int]


def count_consent(redis: Redis, code: str) -> None:
    """Count a consent that connected nothing, by why."""
    _count(redis, f"{_CONSENT}{code}", 1)


def minutes(redis: Redis, count: int = 60, *, now: float | None = None) -> tuple[Minute, ...]:
    """Return the last minutes, the oldest first; the last one is under way."""
    current = int(time.time() if now is None else now) // MINUTE * MINUTE
    times = range(current - (count - 1) * MINUTE, current + 1, MINUTE)
    with redis.pipeline(transaction=False) as asked:
        for at in times:
            asked.hgetall(f"flow:{at}")
            asked.hgetall(f"used:{at}")
        rows = iter(map(_row, asked.execute()))
    return tuple(_minute(at, next(rows), next(rows), over=at < current) for at in times)


def totals(redis: Redis) -> Totals:
    """Return everything since the counting began."""
    row = _row(redis.hgetall(TOTAL))
    size, consents = _rounded(row.get("bytes", 0)), _codes(row, _CONSENT)
    return Totals(row.get("messages", 0), size, _codes(row), row.get(_DEAD, 0), consents)


def count_dead(redis: Redis, tickets: int) -> None:
    """Count tickets that died."""
    _count(redis, _DEAD, tickets)


def _count(redis: Redis, what: str, number: int) -> None:
    with redis.pipeline(transaction=True) as counted:
        counted.hincrby(TOTAL, what, number)
        counted.expire(TOTAL, QUEUE_SECONDS)
        counted.execute()


def _minute(at: int, row: dict[str, int], units: dict[str, int], *, over: bool) -> Minute:
    told = over and row.get("told", 0) >= SHOWN_MESSAGES
    return Minute(at, row.get("messages", 0), _rounded(row["bytes"]) if told else None, _codes(row), units)


def _rounded(size: int) -> int:
    return round(size / SHOWN_BYTES) * SHOWN_BYTES


def _codes(row: dict[str, int], kind: str = _CODE) -> dict[str, int]:
    return {name.removeprefix(kind): number for name, number in sorted(row.items()) if name.startswith(kind)}


def _row(answer: object) -> dict[str, int]:
    rows = cast("dict[object, object]", answer)
    return {decoded(name): int(float(decoded(value))) for name, value in rows.items()}
