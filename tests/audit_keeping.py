"""A log that is kept: a real store, a folder, and a keeper whose days a test may end."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_chains import KEY, chain, lay
from redis import Redis

from jobs import audit
from jobs.audit import Entry, Verdict
from jobs.audit.keeper import Keeper, locked
from jobs.audit.places import DAY
from jobs.audit.shelf import Shelf

KEY_TEXT = base64.b64encode(b"k" * 32) + b"\n"
"""The key of `audit_chains`, as a file holds it."""


@dataclass
class Kept:
    """A log and its keeper."""

    redis: Redis
    folder: Path

    @property
    def keeper(self) -> Keeper:
        """A keeper as it is after a start."""
        return Keeper(self.redis, self.folder, KEY, settled_seconds=0)

    @property
    def shelf(self) -> Shelf:
        """The closed days, with the key."""
        return Shelf(self.folder, KEY)

    def write(self, count: int) -> None:
        for _ in range(count):
            audit.append(self.redis, audit.WORKER, audit.Act.OPENED, "5f" * 16)

    def look(self) -> Verdict | None:
        return self.keeper.look()

    def days_ago(self, *days: int, each: int = 3) -> list[Entry]:
        """Have entries of some earlier days and of today in the store; return them."""
        now = int(time.time())
        made = chain([now - ago * DAY for ago in (*days, 0) for _ in range(each)])
        lay(self.redis, made)
        return made

    def verify(self, *checkpoints: audit.Checkpoint) -> Verdict:
        return audit.verify(self.redis, self.shelf, checkpoints)

    def numbers(self) -> list[int]:
        return [entry.number for entry in audit.entries(self.redis, shelf=self.shelf)]


def keep(redis: Redis, folder: Path) -> Verdict:
    """Let a keeper look once and verify, as a worker would within seconds; return what it found."""
    with locked(folder):
        keeper = Keeper(redis, folder, KEY, settled_seconds=0)
        keeper.look()
        return audit.verdict(redis) or keeper.verify()


@contextmanager
def old_copy(redis: Redis) -> Iterator[None]:
    """Put the store back, at the end of the block, to what it was at its beginning."""
    held = _dumped(redis)
    yield
    redis.flushdb()
    _restore(redis, held)


def copy_store(redis: Redis, other: Redis, pattern: str = "*") -> None:
    """Give another store what this one holds."""
    _restore(other, _dumped(redis, pattern))


def _dumped(redis: Any, pattern: str = "*") -> dict[bytes, bytes]:
    return {key: redis.dump(key) for key in redis.keys(pattern)}


def _restore(redis: Redis, held: dict[bytes, bytes]) -> None:
    for key, blob in held.items():
        redis.restore(key, 3_600_000, blob)
