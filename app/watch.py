"""A migration watched on the terminal until it ends or needs a person."""

import threading
import time

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.report import headline
from jobs.migration import ENDS, Migration, State
from jobs.requests import read
from migrator.ledger import Ledger

_GLANCE = 0.5
_LINE_SECONDS = 5.0
_RESTS = ENDS | {State.PAUSED, State.FAILED}


def watch(console: Console, redis: Redis, migration_id: str, stop: threading.Event) -> Migration:
    """Show state, count, rate and time left, by messages and bytes, until the migration rests; return it then."""
    progress = Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    ledger, began, spoken = Ledger(redis, migration_id), time.monotonic(), 0.0
    with progress:
        task = progress.add_task("planning", total=None, pace="")
        while True:
            migration = read(redis, migration_id)
            marks = ledger.outcomes()
            total = sum(marks.values())
            done = sum(count for mark, count in marks.items() if not mark.is_open)
            elapsed = time.monotonic() - began
            text = _pace(done, total, ledger.counts().get("bytes", 0), elapsed)
            progress.update(task, description=str(migration.state), completed=done, total=total or None, pace=text)
            if not console.is_terminal and elapsed - spoken >= _LINE_SECONDS:
                spoken = elapsed
                console.print(f"{headline(migration)} {done:,}/{total:,} {text}", highlight=False)
            if migration.state in _RESTS or stop.wait(_GLANCE):
                return migration


def _pace(done: int, total: int, copied_bytes: int, elapsed: float) -> str:
    if not done or elapsed <= 0:
        return ""
    left = (total - done) * elapsed / done
    return f"{done / elapsed:.0f} msg/s, {copied_bytes / elapsed / 1e6:.1f} MB/s, about {left:.0f} s left"
