"""Closed days of the audit log: a file each, written once and sealed.

`2026-11-29.audit` holds the entries of that day (UTC), one a line as they were in the state store, and in its last line
the *seal*: which entries they are, their SHA-256, and what ties them to the day before, with a MAC of its own.
"""

import calendar
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.audit.entry import BEGINNING, Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.places import DAY, end_date

_NAME = re.compile(r"\d{4}-\d\d-\d\d\.audit")
_DRAFT = re.compile(r"\.\d{4}-\d\d-\d\d\.audit\.[0-9a-f]{16}")
_ENDING = ".audit"
_SEAL_BYTES = 1024
"""No seal is longer."""

_BLOCK_BYTES = 1 << 20

MAC_LETTERS = 64


@dataclass(frozen=True, slots=True)
class Seal:
    """What a file's last line says of it.

    `first` and `last` are numbers of entries, `at` and `hash` those of the last one; `tied` and `tied_at` are hash and
    time of the entry before the first. `sha256` is that of all lines before the seal; `previous` the MAC of the seal
    of the file before, 64 zeros where there was none.
    """

    day: str
    first: int
    last: int
    at: int
    hash: str
    tied: str
    tied_at: int
    sha256: str
    previous: str

    @property
    def text(self) -> str:
        """JSON, names in alphabetical order, no blanks."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as its name and last line give it; `seal` is None where the line is none, or not of this key."""

    path: Path
    seal: Seal | None
    mac: str

    @property
    def day(self) -> str:
        """The day its name says."""
        return self.path.name.removesuffix(_ENDING)


def day_of(at: int) -> str:
    """Return the day of a time (seconds since the epoch), in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def is_over(at: int, now: int) -> bool:
    """True when the day of `at` is over."""
    return at // DAY < now // DAY


class NotOurs(Exception):
    """What was to be sealed is no chain of this key's entries."""

    def __init__(self) -> None:
        super().__init__("an entry of the day was altered")


class Shelf:
    """The folder with the files of closed days.

    Args:
        folder: where they are; it need not be there.
        key: makes and checks seals and entries; None for who only reads.
    """

    def __init__(self, folder: Path, key: AuditKey | None = None) -> None:
        self.folder = folder
        self.key = key

    def files(self) -> list[Sealed]:
        """Return all files, the oldest day first; only each last line is read."""
        return [self._sealed(path) for path in self.paths()]

    def paths(self) -> list[Path]:
        """Return the files, the oldest day first; none where the folder cannot be read."""
        try:
            return sorted(path for path in self.folder.iterdir() if _is_day(path.name))
        except (FileNotFoundError, PermissionError):
            return []

    def newest(self) -> Sealed | None:
        """Return the newest file."""
        paths = self.paths()
        return self._sealed(paths[-1]) if paths else None

    def write(self, lines: list[str]) -> None:
        """Make the file of one day's entries, durable when this returns; a file with the same is left as it is.

        Raises:
            NotOurs: they are no chain of this key's entries, and nothing is written.
            FileExistsError: there is another file of that day.
            OSError: it cannot be written.
        """
        if self.key is None:
            raise NotOurs
        first, last = _ends_of_chain(lines, self.key)
        path = self.folder / f"{day_of(first.at)}{_ENDING}"
        before = [there for there in self.paths() if there.name < path.name]
        body = "".join(f"{line}\n" for line in lines).encode()
        seal = Seal(
            day=day_of(first.at),
            first=first.number,
            last=last.number,
            at=last.at,
            hash=last.hash,
            tied=first.previous,
            tied_at=first.previous_at,
            sha256=hashlib.sha256(body).hexdigest(),
            previous=self._sealed(before[-1]).mac if before else BEGINNING,
        )
        write_whole(path, body + self.key.signed(Purpose.SEAL, seal.text).encode() + b"\n")

    def removed(self, now: int) -> list[str]:
        """Remove the files whose time is over, and what a killed process left half written; return the days."""
        for path in self.folder.iterdir():
            if _DRAFT.fullmatch(path.name):
                path.unlink()
        over = [path for path in self.paths() if end_date(begin_of(path)) <= now]
        for path in over:
            path.unlink()
        return [path.name.removesuffix(_ENDING) for path in over]

    def fits(self, file: Sealed) -> bool:
        """True when a file's entries are those its seal was made of; reads them at the speed of the disk."""
        total = hashlib.sha256()
        with file.path.open("rb") as stream:
            left = file.path.stat().st_size - len(_last_line(file.path)) - 1
            while left > 0 and (block := stream.read(min(left, _BLOCK_BYTES))):
                total.update(block)
                left -= len(block)
        return file.seal is not None and total.hexdigest() == file.seal.sha256

    def _sealed(self, path: Path) -> Sealed:
        line = _last_line(path)
        if self.key is not None and not self.key.has_signed(Purpose.SEAL, line):
            return Sealed(path, None, line[:MAC_LETTERS])
        try:
            seal = Seal(**json.loads(line[MAC_LETTERS + 1 :]))
        except (ValueError, TypeError):
            seal = None
        return Sealed(path, seal, line[:MAC_LETTERS])


def _ends_of_chain(lines: list[str], key: AuditKey) -> tuple[Entry, Entry]:
    """Return the first and the last of entries that follow each other, each with its MAC."""
    first = last = None
    for line in lines:
        try:
            entry = Entry.from_line(line[MAC_LETTERS + 1 :])
        except ValueError:
            raise NotOurs from None
        if not key.has_signed(Purpose.ENTRY, line) or (last and not entry.follows(last)):
            raise NotOurs
        first, last = first or entry, entry
    if first is None or last is None:
        raise NotOurs
    return first, last


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a file's entries, without its seal; memory stays flat."""
    held: str | None = None
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            if held is not None:
                yield held
            held = line.removesuffix("\n")


def lines_backwards(path: Path) -> Iterator[str]:
    """Yield the lines of a file's entries, the last one first."""
    yield from reversed([*lines_of(path)])


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, as a whole or not at all, and wait until it is on the disk; an equal file is left as it is.

    Raises:
        FileExistsError: there is another one.
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # unlike a renaming, it never replaces
        except FileExistsError:
            if path.read_bytes() != content:
                raise
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_day(name: str) -> bool:
    try:
        return bool(_NAME.fullmatch(name) and time.strptime(name, f"%Y-%m-%d{_ENDING}"))
    except ValueError:
        return False


def begin_of(path: Path) -> int:
    """Return when the day of a file's name began, in seconds since the epoch."""
    return calendar.timegm(time.strptime(path.name, f"%Y-%m-%d{_ENDING}"))


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SEAL_BYTES))
        return file.read().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")
