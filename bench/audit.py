"""What keeping the audit log costs when it is long: `python -m bench.audit --entries 3000000`.

Fills a folder by the product's own writer, 400 days of it, and a store with the day that is open. Then measures what
one verification by the keeper takes, and the store's memory: for a tenth of the days, and for all of them.
"""

import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from redis import Redis

from app.embedded import start
from jobs import audit
from jobs.audit.entry import Entry, Note
from jobs.audit.keeper import Keeper, locked
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.places import AUDIT_DAYS, DAY
from jobs.audit.putting import put_entries
from jobs.migration import new_id

DAYS = AUDIT_DAYS
_OF_ONE_IMPORT = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured: entries kept, CPU seconds of one verification, MiB the store takes, MiB of files."""

    entries: int
    seconds: float
    store_mib: float
    files_mib: float

    def __str__(self) -> str:
        return (
            f"{self.entries:>9,} entries: verification {self.seconds:.2f} s of a core, "
            f"store {self.store_mib:.1f} MiB, files {self.files_mib:,.0f} MiB"
        )


def measure(entries: int, days: int = DAYS) -> Cost:
    """Fill a log and measure; as many entries today as on any other day."""
    with _log(entries, days) as keeper:
        keeper.look()
        began = _cpu()
        verdict = keeper.verify()
        seconds = _cpu() - began
        if not verdict.holds or verdict.last != entries // (days + 1) * (days + 1):
            raise click.ClickException(f"the log does not hold: {verdict}")
        files = sum(path.stat().st_size for path in keeper.shelf.paths())
        store = int(keeper.redis.info("memory")["used_memory_dataset"])
        return Cost(verdict.last, seconds, store / 2**20, files / 2**20)


@contextmanager
def _log(entries: int, days: int) -> Iterator[Keeper]:
    key = AuditKey(b"bench" * 8)
    with (
        tempfile.TemporaryDirectory(prefix="audit-") as folder,
        start(Path(folder) / "store") as store,
        Redis.from_url(store.url) as redis,
        locked(Path(folder) / "audit"),
    ):
        keeper = Keeper(redis, Path(folder) / "audit", key)
        last, now, each = None, int(redis.time()[0]), entries // (days + 1)
        for ago in range(days, -1, -1):
            made = list(_day(last, each, now - ago * DAY))
            last = made[-1]
            if ago:
                keeper.shelf.write([key.signed(Purpose.ENTRY, entry.line) for entry in made])
            else:
                with redis.pipeline(transaction=True) as turn:
                    put_entries(turn, made, key)
                    turn.execute()
        yield keeper


def _day(last: Entry | None, count: int, at: int) -> Iterator[Entry]:
    for n in range(count):
        migration = new_id() if n % _OF_ONE_IMPORT == 0 or last is None else last.migration
        last = Entry.after(last, Note.make(at, audit.WORKER, audit.Act.OPENED, migration, "copying"), "worker", at)
        yield last


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option("--entries", type=click.IntRange(DAYS + 1), default=3_000_000, show_default=True)
def main(entries: int) -> None:
    """Print what keeping a log costs: of a tenth of the days, with as many entries each, and of all of them."""
    began = time.monotonic()
    for days in (DAYS // 10, DAYS):
        click.echo(measure(entries * (days + 1) // (DAYS + 1), days))
    click.echo(f"filled and measured in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
