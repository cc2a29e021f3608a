"""How far the log is, written down outside the store, and what a store lacks that took another's place."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from redis import Redis

from jobs.audit import recent
from jobs.audit.entry import BEGINNING, Checkpoint, Entry, Note
from jobs.audit.key import AuditKey
from jobs.audit.log import read
from jobs.audit.mark import Mark, new_mark, read_mark, write_mark
from jobs.audit.places import HOME, KEEPER, NEWEST, OPEN, answers_of, text, texts
from jobs.audit.putting import KEPT_SECONDS, put_entries
from jobs.audit.words import WORKER, Act
from jobs.durable import wait_for_disk

_log = structlog.get_logger()


class KeptElsewhere(Exception):
    """The log is kept in another folder."""

    def __init__(self) -> None:
        super().__init__("the audit log is kept in another folder")


@dataclass
class Marker:
    """What keeps the mark, and beside it the entries that a store may yet lose; arguments as of `Keeper`."""

    redis: Redis
    folder: Path
    key: AuditKey
    settled_seconds: int
    _since: float | None = field(default=None, init=False)
    _kept: str = field(default="", init=False)

    def mark(self) -> Mark:
        """Return the mark of this folder, which must be the log's.

        Raises:
            KeptElsewhere: the store names another folder.
            jobs.audit.mark.MarkUnreadable: it was altered.
        """
        home, mark = text(answers_of(self.redis).get(HOME)), read_mark(self.folder, self.key)
        if home and home != (mark.home if mark else ""):
            raise KeptElsewhere
        if mark is None:
            mark = new_mark()
            write_mark(self.folder, self.key, mark)
        self.redis.set(HOME, mark.home, ex=KEPT_SECONDS)
        return mark

    def note_newest(self) -> None:
        """Move the mark to the newest entry, once that is on the store's disk, or surely is by time."""
        mark, store, newest = self.mark(), self._store(), text(answers_of(self.redis).get(NEWEST))
        ahead = read(newest).number - mark.number if newest else 0
        if newest is None or ahead < 0 or (ahead == 0 and store == mark.store):
            self._since = None
            return
        lines = self._newest_lines(ahead)
        if lines and lines[-1] != newest:
            return  # another store answers now: the next look puts back what it lacks
        self._keep(lines)
        self._since = self._since or time.monotonic()
        if wait_for_disk(self.redis) or time.monotonic() - self._since >= self.settled_seconds:
            entry = read(newest)
            write_mark(self.folder, self.key, replace(mark, number=entry.number, hash=entry.hash, store=store))
            self._since = None

    def put_back(self) -> bool:
        """Put back the entries up to the mark that the store lacks, where it is one that took another's place.

        False, and nothing is done, where it is the one that had them, or not all of them are known here.
        """
        mark = self.mark()
        if mark.store == self._store():
            return False
        with answers_of(self.redis).pipeline() as turn:
            turn.watch(NEWEST)
            newest, now = text(turn.get(NEWEST)), int(turn.time()[0])
            last = read(newest).checkpoint if newest else Checkpoint(0, BEGINNING)
            lost = recent.after(self.folder, self.key, last, mark.checkpoint)
            if not lost:
                return False
            note = Note.make(now, WORKER, Act.ENTRIES_PUT_BACK)
            turn.multi()
            put_entries(turn, [*lost, Entry.after(lost[-1], note, KEEPER, now)], self.key)
            turn.execute()
        _log.warning("audit-put-back", count=len(lost))
        return True

    def _keep(self, lines: list[str]) -> None:
        """Keep the lines outside the store, those after the one that was kept last."""
        new = lines[lines.index(self._kept) + 1 :] if self._kept in lines else lines
        if new:
            recent.keep(self.folder, new)
            self._kept = new[-1]

    def _newest_lines(self, count: int) -> list[str]:
        return texts(answers_of(self.redis).lrange(OPEN, -count, -1)) if count else []

    def _store(self) -> str:
        """Return the name that the store's process gave itself when it started."""
        return str(answers_of(self.redis).info("server")["run_id"])
