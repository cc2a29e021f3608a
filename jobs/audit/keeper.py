"""The keeper of the audit log: makes entries of notes, moves closed days into files, and looks whether all is whole.

    inboxes ─► entry, chained and with its MAC ─► audit:open ─► when its day is over: file, sealed ─► 400 days: removed
               └──────── one transaction ─────┘               └─ on the disk before it leaves the store ─┘

It may be killed anywhere. A note leaves its inbox in the transaction that makes its entry. A file's content follows
from the entries alone, so one that was written before a kill is found there and not written again.

One process keeps the log at a time: the one that has locked the folder, which the kernel frees when it dies. And one
folder: the store knows its random name, so a worker with another folder does not go on with the log.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from redis import Redis
from redis.exceptions import WatchError

from jobs.audit import oldlog, recent
from jobs.audit.check import Flaw, Kind, Verdict, publish, verify
from jobs.audit.entry import Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.log import AuditBroken, read, readable
from jobs.audit.mark import Mark, MarkUnreadable, read_mark
from jobs.audit.marking import Marker
from jobs.audit.places import (
    BROKEN,
    DAY,
    NEWEST,
    OF_ONE_SECONDS,
    OPEN,
    WRITERS,
    answers_of,
    inbox,
    of_one,
    text,
    texts,
)
from jobs.audit.putting import KEPT_SECONDS, put_entries
from jobs.audit.shelf import NotOurs, Sealed, Shelf, begin_of, day_of
from jobs.audit.taking import entries_of
from jobs.audit.words import Act

VERIFY_SECONDS = 600.0
_FILES_AT_ONCE = 40
"""Files whose content is looked at in one verification: all of them within two hours."""

_BATCH = 1000
_SETTLED_SECONDS = 60
"""A day is closed so long after its end: by then its last entries are on the store's disk."""


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Make the folder if it is missing and lock it; the value is False where another process has."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@dataclass
class Keeper:
    """What keeps the log; the folder must be locked.

    Args:
        redis: the state store, as the user that may write all of `audit:*`.
        folder: where the files are.
        key: makes entries and seals.
        settled_seconds: see `_SETTLED_SECONDS`.
    """

    redis: Redis
    folder: Path
    key: AuditKey
    settled_seconds: int = _SETTLED_SECONDS
    _turn: int = field(default=0, init=False)
    _verify_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.folder, self.key)
        self.marker = Marker(self.redis, self.folder, self.key, self.settled_seconds)

    def look(self) -> Verdict | None:
        """Do all there is to do; return what was found where that was looked for.

        Raises:
            KeptElsewhere: another folder has the log's files.
            redis.RedisError: the store is away.
            OSError: the folder cannot be written.
        """
        flaw = self._flaw()
        if flaw and flaw.kind is Kind.ROLLED_BACK and self.marker.put_back():
            self._verify_at = 0.0
            flaw = self._flaw()
        if flaw is None:
            flaw = self._carry_on()
        if flaw is not None:
            return self._broken(flaw)
        self.redis.delete(BROKEN)
        return self.verify() if time.monotonic() >= self._verify_at else None

    def verify(self) -> Verdict:
        """Look whether all is whole, at a cost that does not grow with the log, and leave in the store what was found.

        Every seal and every entry that is in no file is checked, and the content of some files, each time of others.
        """
        files = self.shelf.paths()
        turn = {path for n, path in enumerate(files) if n % self._turns(len(files)) == self._turn}
        self._turn = (self._turn + 1) % self._turns(len(files))

        def is_read(file: Sealed) -> bool:
            return file.path in turn and not self.shelf.fits(file)  # its entries are read to name the one

        mark = read_mark(self.folder, self.key)
        found = verify(self.redis, self.shelf, is_read=is_read, mark=mark.checkpoint if mark else None)
        self._verify_at = time.monotonic() + VERIFY_SECONDS
        publish(self.redis, found, KEPT_SECONDS)
        return found

    def _turns(self, files: int) -> int:
        return max(1, -(-files // _FILES_AT_ONCE))

    def _carry_on(self) -> Flaw | None:
        try:
            oldlog.carry_over(self.redis, self.shelf, self.key)
            mark = self.marker.mark()
            while self._take(mark.number):
                pass
            self._close()
        except oldlog.OldLogDamaged as damaged:
            return Flaw(damaged.number, Kind.OLD_LOG)
        except (AuditBroken, NotOurs):
            self._verify_at = 0.0  # an open entry was altered: it stays where it is, and is told at each look
        except FileExistsError:
            return Flaw(read(self._lines(0, 1)[0]).number, Kind.DOUBLED)
        self.marker.note_newest()
        if self.shelf.removed(self._now()):
            self._verify_at = 0.0
        return None

    def _flaw(self) -> Flaw | None:
        """Return what forbids to go on: the newest entry must be ours, and not older than the mark."""
        try:
            mark = self.marker.mark()
        except MarkUnreadable:
            return Flaw(0, Kind.MARK_ALTERED)
        newest = text(answers_of(self.redis).get(NEWEST))
        if newest is None:
            return self._flaw_without_newest(mark)
        try:
            entry = read(newest)
        except AuditBroken:
            return Flaw(mark.number, Kind.HEAD_DIFFERS)
        if not self.key.has_signed(Purpose.ENTRY, newest):
            return Flaw(entry.number, Kind.FORGED)
        if entry.number < mark.number:
            return Flaw(mark.number, Kind.ROLLED_BACK)
        return self._flaw_at_the_end(newest, entry, mark)

    def _flaw_without_newest(self, mark: Mark) -> Flaw | None:
        if mark.number:
            return Flaw(mark.number, Kind.ROLLED_BACK)
        return Flaw(0, Kind.HEAD_LOST) if self.redis.exists(OPEN) else None

    def _flaw_at_the_end(self, newest: str, entry: Entry, mark: Mark) -> Flaw | None:
        """Return whether the newest entry is the last one, and the mark's the one it was."""
        last = self._lines(-1, 0)
        if last and last[0] != newest:
            return Flaw(entry.number, Kind.HEAD_DIFFERS)
        if entry.number == mark.number and entry.hash != mark.hash:
            return Flaw(entry.number, Kind.REWRITTEN)
        file = self.shelf.newest() if not last else None
        if not last and not (file and file.seal and file.seal.hash == entry.hash):
            return Flaw(entry.number, Kind.CUT)
        return None

    def _broken(self, flaw: Flaw) -> Verdict:
        found = Verdict(0, 0, (flaw,), 1, at=self._now())
        self.redis.set(BROKEN, str(flaw.kind), ex=KEPT_SECONDS)
        publish(self.redis, found, KEPT_SECONDS)
        self._verify_at = 0.0
        return found

    def _take(self, marked: int) -> bool:
        """Make entries of notes that wait; True while there may be more. Another keeper's are never doubled.

        Nothing is made where the newest entry is before the marked one: another store answers now, and the next look
        puts back what it lacks.
        """
        floor = self._floor()
        with answers_of(self.redis).pipeline() as turn:
            turn.watch(NEWEST)
            newest, now = text(turn.get(NEWEST)), int(turn.time()[0])
            if (read(newest).number if newest else 0) < marked:
                return False
            rows = [(writer, texts(turn.lrange(inbox(writer), 0, _BATCH - 1))) for writer in WRITERS]
            known = readable(texts(turn.lrange(OPEN, -_BATCH, -1)))
            written = [(writer, line) for writer, lines in rows for line in lines]
            if not written:
                return False
            made = entries_of(read(newest) if newest else None, written, now, floor if newest else now, known)
            turn.multi()
            put_entries(turn, made, self.key)
            for writer, lines in rows:
                turn.ltrim(inbox(writer), len(lines), -1)
            try:
                turn.execute()
            except WatchError:
                return True
        if any(entry.act is Act.VERIFYING for entry in made):
            self._verify_at = 0.0
        return True

    def _floor(self) -> int:
        paths = self.shelf.paths()
        return begin_of(paths[-1]) + DAY if paths else 0

    def _close(self) -> None:
        """Move the days that are over into files, and put off the end of the lists of imports that are still there."""
        while (first := self._lines(0, 1)) and self._is_settled(read(first[0]).at):
            _, day = next(groupby(self._every_line(), key=lambda line: day_of(read(line).at)))
            lines = [*day]
            self.shelf.write(lines)
            self._drop(lines)
            recent.forget(self.folder, day_of(read(lines[0]).at))
            self._put_off()

    def _is_settled(self, at: int) -> bool:
        return (at // DAY + 1) * DAY + self.settled_seconds <= self._now()

    def _drop(self, lines: list[str]) -> None:
        """Take from the store what is in a file; nothing where it is gone already."""
        with answers_of(self.redis).pipeline() as turn:
            turn.watch(OPEN)
            if texts(turn.lrange(OPEN, 0, 0)) == lines[:1]:
                turn.multi()
                turn.ltrim(OPEN, len(lines), -1)
                turn.execute()

    def _put_off(self) -> None:
        for key in texts([*self.redis.scan_iter(of_one("*"), count=1000)]):
            if self.redis.exists(f"mig:{{{key.removeprefix(of_one(''))}}}"):
                self.redis.expire(key, OF_ONE_SECONDS)

    def _lines(self, first: int, count: int) -> list[str]:
        return texts(answers_of(self.redis).lrange(OPEN, first, first + count - 1 if first >= 0 else -1))

    def _every_line(self) -> Iterator[str]:
        for first in range(0, int(answers_of(self.redis).llen(OPEN)), _BATCH):
            yield from self._lines(first, _BATCH)

    def _now(self) -> int:
        return int(answers_of(self.redis).time()[0])
