"""A migration watched on the terminal until it ends or needs a person."""

import threading
import time

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from app.report import headline
from jobs.migration import ENDS, Migration, State
from jobs.progress import Progress, Sample, progress_of
from jobs.requests import read
from jobs.retrying import is_held
from migrator.ledger import Ledger

_GLANCE = 0.5
_LINE_SECONDS = 5.0
_SAMPLES = 600
_RESTS = ENDS | {State.PAUSED, State.FAILED}
"""An import that is held for messages that failed rests, too."""


def watch(console: Console, redis: Redis, migration_id: str, stop: threading.Event) -> Migration:
    """Show state, count, pace and time left until the migration rests or `stop` is set; return it as it is then."""
    ledger, samples, spoken = Ledger(redis, migration_id), list[Sample](), time.monotonic()
    with _bar(console) as bar:
        task = bar.add_task("planning", total=None, pace="")
        while True:
            migration, progress = read(redis, migration_id), _progress(ledger, samples)
            done = progress.total - progress.left
            total = progress.total or None
            bar.update(task, description=str(migration.state), completed=done, total=total, pace=pace(progress))
            if not console.is_terminal and time.monotonic() - spoken >= _LINE_SECONDS:
                spoken = time.monotonic()
                console.print(f"{headline(migration)} {done:,}/{progress.total:,} {pace(progress)}", highlight=False)
            if migration.state in _RESTS or is_held(migration) or stop.wait(_GLANCE):
                return migration


def pace(progress: Progress) -> str:
    """Return rate and time left in words; empty until a pace can be told."""
    if progress.rate is None or progress.left == 0:
        return ""
    text = f"{progress.rate.messages:.0f} msg/s, {progress.rate.bytes / 1e6:.1f} MB/s"
    if progress.eta_seconds is None:
        return text
    best, worst = (_duration(seconds) for seconds in progress.eta_seconds)
    return f"{text}, {best} left" if best == worst else f"{text}, {best} to {worst} left"


def _progress(ledger: Ledger, samples: list[Sample]) -> Progress:
    marks = ledger.outcomes()
    done = {mark.words: count for mark, count in marks.items() if not mark.is_open}
    del samples[:-_SAMPLES]
    samples.append(Sample(time.monotonic(), sum(done.values()), ledger.counts().get("bytes", 0)))
    return progress_of(sum(marks.values()), done, samples)


def _bar(console: Console) -> Bar:
    columns = TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn()
    return Bar(
        *columns,
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
