"""A night at the console: imports in every state, by the scripts that move real ones, and what they have copied."""

import json
import time
from dataclasses import dataclass, field

from redis import Redis

from jobs.audit import CUSTOMER, Act, append
from jobs.heartbeats import Worker, beat
from jobs.migration import State, part_key
from jobs.requests import create, pause
from jobs.slice import SliceEnd, advance, again, failed, paused, wait
from jobs.tickets import claim, release, renew
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.records import FolderState, as_json

MB = 1_000_000
NAMES = ("INBOX", "Sent", "Archive", "Grandma", "Bills/2025", "Trash")


@dataclass
class Night:
    """What has happened in a state store until `now` (seconds since the epoch)."""

    redis: Redis
    now: float = field(default_factory=time.time)

    def made(self, ago: float = 3600, customer: str = "c-1042", host: str = "") -> str:
        """Have an import that is ready to be planned."""
        migration = create(self.redis, customer, now=self.now - ago).id
        if host:
            row = json.dumps({"domain": host})
            self.redis.set(part_key(migration, "choices"), row, ex=3600)
        append(self.redis, CUSTOMER, Act.STARTED, migration)
        return migration

    def taken(self, migration: str, ago: float = 0) -> str:
        """Have a slice take this import, which must be ready; return its token."""
        while True:
            claimed = claim(self.redis, 60, now=self.now - ago)
            assert claimed is not None
            if claimed.id == migration:
                return claimed.token
            release(self.redis, claimed.id, claimed.token, again(), progressed=False, now=self.now - ago)

    def step(self, migration: str, end: SliceEnd, ago: float = 0) -> str:
        """Have a slice of the import end so."""
        release(self.redis, migration, self.taken(migration, ago), end, progressed=True, now=self.now - ago)
        return migration

    def copying(self, ago: float = 3600, customer: str = "c-1042", host: str = "") -> str:
        """Have an import that is ready to copy."""
        return self.step(self.made(ago, customer, host), advance(State.COPYING), ago)

    def brings(self, migration: str, messages: int, size: int, ago: float = 0) -> None:
        """Have a slice of it bring messages, and go on."""
        self.counted(migration, messages, size)
        token = self.taken(migration, ago)
        renew(self.redis, migration, token, 60, progressed=True, now=self.now - ago)
        release(self.redis, migration, token, again(), progressed=True, now=self.now - ago)

    def counted(self, migration: str, messages: int, size: int) -> None:
        counts = part_key(migration, "counts")
        self.redis.hincrby(counts, "settled", messages)
        self.redis.hincrby(counts, "weighed", messages)
        self.redis.hincrby(counts, "bytes", size)
        self.redis.expire(counts, 3600)

    def filed(self, migration: str, folders: dict[str, int], marks: dict[Mark, int]) -> None:
        """Have the ledger say so: messages by folder name, and how the messages stand."""
        ledger = Ledger(self.redis, migration)
        for number, (name, count) in enumerate(folders.items()):
            self.redis.hset(ledger.key("folders"), str(number), as_json(FolderState(name, 1, 1, 1)))
            self.redis.hset(ledger.key("counts"), f"folder:{number}", count)
        self.redis.set(ledger.key("marks"), b"".join(bytes([mark]) * count for mark, count in marks.items()))
        for part in ("folders", "counts", "marks"):
            self.redis.expire(ledger.key(part), 3600)

    def worker(self, name: str, ago: float = 1, busy: int = 2, trouble: str = "") -> None:
        """Have a worker that was heard of so long ago."""
        host, since = f"worker-{name[0]}.example", self.now - 9_000
        beat(self.redis, Worker(name, host, "0.1.0", 4, busy, since, self.now - ago, trouble))


def populate(night: Night) -> dict[str, str]:
    """Fill the store with imports by what happened to them; return their ids."""
    minute = 60
    ids = {
        "refused": night.step(night.copying(3 * 3600, "c-77"), failed("login-refused", resumable=True), 2 * 3600),
        "refused too": night.step(night.copying(3 * 3600, "c-78"), failed("login-refused", resumable=True), 2 * 3600),
        "hopeless": night.step(night.copying(9_000, "c-79"), failed("google-refused", resumable=False), 8_000),
        "reconnect": night.step(night.copying(8_000, "c-80"), paused("reconnect-needed"), 7_000),
        "quota": night.step(night.copying(7_000, "c-81"), wait(night.now + 14 * minute, "google-bandwidth"), 600),
        "full": night.step(night.copying(7_000, "c-82"), wait(night.now + 5 * minute, "mailbox-full"), 300),
        "rests": night.copying(6_000, "c-83"),
        "ready": night.made(40, "c-85"),
        "copying": night.copying(5_000, "c-84"),
    }
    pause(night.redis, ids["rests"])
    for ago in range(58 * minute, 0, -minute):
        night.brings(ids["copying"], 180 + ago % 7 * 30, (18 + ago % 11 * 4) * MB, ago)
    night.filed(
        ids["copying"],
        dict(zip(NAMES, (3_120, 812, 5_040, 312, 88, 17), strict=True)),
        {Mark.COPIED: 9_389, Mark.SKIPPED_SPAM: 88, Mark.FAILED_REFUSED: 3, Mark.PENDING: 4_200},
    )
    night.taken(ids["copying"])
    night.worker("a1" * 8)
    night.worker("b2" * 8, 2, busy=4)
    night.worker("c3" * 8, 4_000)
    return ids
