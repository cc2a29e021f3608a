"""The account that adds up: every message of the Gmail account under exactly one outcome; counts only, no content."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.sentences import failure, sentence
from jobs.migration import Migration
from jobs.requests import read
from migrator.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Report:
    """A migration in numbers. `outcomes` sums up to `total`; `folders` counts messages by folder name."""

    id: str
    state: str
    phase: str
    reason: str
    until: float
    total: int
    open: int
    outcomes: dict[str, int]
    folders: dict[str, int]
    failures: dict[str, int]
    bytes: int
    verified: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """True when nothing is open and every message has one outcome."""
        return self.open == 0 and sum(self.outcomes.values()) == self.total

    @property
    def copied(self) -> int:
        """Messages that were brought over by this migration."""
        return sum(count for words, count in self.outcomes.items() if words.startswith("copied"))

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {**asdict(self), "adds_up": self.adds_up}


def report_on(redis: Redis, migration_id: str) -> Report:
    """Read the numbers from the ledger; the sums are counted from the marks, not kept beside them."""
    migration = read(redis, migration_id)
    ledger = Ledger(redis, migration_id)
    marks = ledger.outcomes()
    counts = ledger.counts()
    folders = {n: s.name for n, s in ledger.folders().items() if counts.get(f"folder:{n}")}
    return Report(
        id=migration.id,
        state=str(migration.state),
        phase=str(migration.phase),
        reason=migration.reason,
        until=migration.until,
        total=sum(marks.values()),
        open=sum(count for mark, count in marks.items() if mark.is_open),
        outcomes={mark.words: count for mark, count in marks.items() if not mark.is_open},
        folders={name: counts[f"folder:{n}"] for n, name in sorted(folders.items(), key=lambda row: row[1])},
        failures=dict(Counter(ledger.reasons().values())),
        bytes=counts.get("bytes", 0),
        verified={k: v for k, v in (ledger.load("verified") or {}).items() if k not in {"folder", "done"}},
    )


def show(console: Console, report: Report) -> None:
    """Print the account: folders, then outcomes and their sum, then what was verified."""
    folders = Table(title="By folder", title_justify="left", box=None, padding=(0, 2, 0, 0))
    folders.add_column("Folder")
    folders.add_column("Messages", justify="right")
    for name, count in report.folders.items():
        folders.add_row(visible(name), f"{count:,}")
    console.print(folders)
    outcomes = Table(title="The account", title_justify="left", box=None, padding=(0, 2, 0, 0))
    outcomes.add_column("Outcome")
    outcomes.add_column("Messages", justify="right")
    for words, count in report.outcomes.items():
        outcomes.add_row(words, f"{count:,}")
    if report.open:
        outcomes.add_row("still open", f"{report.open:,}")
    outcomes.add_section()
    outcomes.add_row("In Gmail", f"{report.total:,}", style="bold")
    console.print()
    console.print(outcomes)
    for word, count in report.failures.items():
        console.print(f"  {count:,} failed: {failure(word)}", style="yellow")


def headline(migration: Migration) -> str:
    """Return the state in one line, with the reason in words."""
    why = sentence(migration.reason)
    return f"{migration.state}. {why}" if why else str(migration.state)


def visible(name: str) -> Text:
    """Return a folder name for a terminal: control and formatting characters made visible (they may be hostile).

    A `Text`, because in a string rich would find markup and emoji.
    """
    return Text("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name))
