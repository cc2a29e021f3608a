"""The newest entries outside the store, beside the mark: what a store that takes another's place may lack.

A replica that becomes the master lacks what the old one had not sent it. The keeper's mark may be further than that;
from here it puts back the entries between. A file a day, `2026-11-29.open`, until the day after is closed.
"""

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from jobs.audit.entry import BEGINNING, Checkpoint, Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.shelf import MAC_LETTERS, day_of, sync_folder

_ENDING = ".open"


def keep(folder: Path, lines: Iterable[str]) -> None:
    """Append the stored lines of entries, durable when this returns.

    Raises:
        OSError: a file cannot be written.
    """
    for day, of_day in groupby(lines, key=lambda line: day_of(_read(line).at)):
        with (folder / f"{day}{_ENDING}").open("a", encoding="ascii") as file:
            file.writelines(f"\n{line}" for line in of_day)  # begun anew after what a kill left half written
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)


def after(folder: Path, key: AuditKey, last: Checkpoint, newest: Checkpoint) -> list[Entry]:
    """Return the entries after `last` up to `newest`; none unless all are there, of this key, and one chain.

    A line may be there twice, and lines of entries that were lost before the mark reached them: the later one counts.

    Raises:
        OSError: a file cannot be read.
    """
    entries = {entry.number: entry for entry in _signed(folder, key)}
    found: list[Entry] = []
    before = last.hash if last.number else BEGINNING
    for number in range(last.number + 1, newest.number + 1):
        entry = entries.get(number)
        if entry is None or entry.previous != before:
            return []
        found.append(entry)
        before = entry.hash
    return found if before == newest.hash else []


def forget(folder: Path, day: str) -> None:
    """Remove the files of days before `day`."""
    for path in folder.glob(f"*{_ENDING}"):
        if path.name < day:
            path.unlink()


def _signed(folder: Path, key: AuditKey) -> Iterable[Entry]:
    """Yield the entries with their MAC, the oldest day first; what a kill left half written has none."""
    for path in sorted(folder.glob(f"*{_ENDING}")):
        for line in path.read_text("ascii", "replace").splitlines():
            if key.has_signed(Purpose.ENTRY, line):
                yield _read(line)


def _read(line: str) -> Entry:
    return Entry.from_line(line[MAC_LETTERS + 1 :])
