"""How fast imports go, as the pages have seen it: counts sampled whenever somebody looks, forgotten with the server."""

import threading
import time
from collections import OrderedDict

from redis import Redis

from jobs.migration import Migration
from jobs.progress import WINDOW_SECONDS, Progress, Sample, progress_of
from jobs.report import Report, report_on

_MOST_IMPORTS = 2_000
"""Imports whose samples are kept; those looked at longest ago are dropped first."""

_APART_SECONDS = 2.0
"""Samples closer together say nothing new."""


class Paces:
    """The samples of the imports that were looked at lately; safe for threads."""

    def __init__(self) -> None:
        self._samples: OrderedDict[str, tuple[Sample, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, redis: Redis, migration: Migration) -> tuple[Report, Progress]:
        """Return an import's numbers, and how far and how fast it is.

        Raises:
            UnknownMigration: there is none with this id (any more).
        """
        report = report_on(redis, migration.id)
        done = sum(report.outcomes.values())
        samples = self._with(migration.id, Sample(time.monotonic(), done, report.bytes))
        return report, progress_of(report.total, report.outcomes, samples)

    def _with(self, migration_id: str, sample: Sample) -> tuple[Sample, ...]:
        with self._lock:
            before = self._samples.pop(migration_id, ())
            kept = tuple(one for one in before if one.at >= sample.at - WINDOW_SECONDS)
            if len(kept) > 1 and sample.at - kept[-2].at < _APART_SECONDS:
                kept = kept[:-1]
            self._samples[migration_id] = (*kept, sample)
            while len(self._samples) > _MOST_IMPORTS:
                self._samples.popitem(last=False)
            return self._samples[migration_id]
