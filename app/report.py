"""The account that adds up (`jobs.report`), shown on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.receipt_text import looked_up
from app.sentences import failure, remark, sentence
from jobs.migration import Migration
from jobs.report import Report, report_on

__all__ = ["Report", "headline", "report_on", "show", "visible"]


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
    if any(report.verified.values()):
        console.print("\nLooked up afterwards, in copies")
        for line in looked_up(report.verified):
            console.print(f"  {line}")
    for word, count in report.remarks.items():
        console.print(f"  {count:,} {remark(word)}")


def headline(migration: Migration) -> str:
    """Return the state in one line, with the reason in words."""
    why = sentence(migration.reason)
    return f"{migration.state}. {why}" if why else str(migration.state)


def visible(name: str) -> Text:
    """Return a folder name for a terminal: control and formatting characters made visible (they may be hostile).

    A `Text`, because in a string rich would find markup and emoji.
    """
    return Text("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name))
