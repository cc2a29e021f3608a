"""Turns: when each import was served, read from the workers' own logs, and whether anybody was passed over."""

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One slice: from when to when (seconds since the epoch), of which import."""

    began: float
    ended: float
    migration: str


def turns(logs: Iterable[Path]) -> list[Turn]:
    """Return every slice that ended, by its beginning; one that was killed with its worker has no line."""
    rows = (json.loads(line) for log in logs for line in log.read_text().splitlines() if '"slice-ended"' in line)
    return sorted(Turn(_at(row) - row["seconds"], _at(row), row["migration"]) for row in rows)


def first_work(every: Sequence[Turn], first_calls: Mapping[str, float]) -> list[float]:
    """Return, for each import, the seconds between the beginning of its first turn and its first call at Google.

    An import whose first slice was killed has its first call before the first turn that is known: left out.
    """
    began: dict[str, float] = {}
    for turn in every:
        began.setdefault(turn.migration, turn.began)
    return sorted(at - began[name] for name, at in first_calls.items() if name in began and at >= began[name])


def most_passed(every: Sequence[Turn], upheavals: Sequence[tuple[float, float]]) -> int:
    """Return how often at most one import was served while another one waited for its turn.

    1 is a perfect ring, with the turns that were under way 2. Waiting counts from the end of the last turn. Left out
    is who waited during an upheaval (from, to): a killed worker's imports wait for its lease to end.
    """
    starts = [turn.began for turn in every]
    last: dict[str, float] = {}
    worst = 0
    for turn in every:
        since = last.get(turn.migration)
        if since is not None and not any(since < to and turn.began > begun for begun, to in upheavals):
            between = every[bisect_right(starts, since) : bisect_left(starts, turn.began)]
            served = Counter(other.migration for other in between if other.migration != turn.migration)
            worst = max(worst, max(served.values(), default=0))
        last[turn.migration] = turn.ended
    return worst


def turns_each(every: Sequence[Turn]) -> dict[str, int]:
    """Return how many turns each import had."""
    counted: defaultdict[str, int] = defaultdict(int)
    for turn in every:
        counted[turn.migration] += 1
    return dict(counted)


def _at(row: Mapping[str, str]) -> float:
    return datetime.fromisoformat(row["time"]).timestamp()
