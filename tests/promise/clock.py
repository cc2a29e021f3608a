"""The stores' clock, set forward at will: real servers under libfaketime, whose offset is read from a file each second.

All times of the installation are the stores' own (`jobs.tickets`), so setting their clock is setting its clock. Wait
times of the worker are its own clock's: they are over at once.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tenacity
from redis import Redis

_LIBRARIES = "*/faketime/libfaketimeMT.so.1"
_MISSING = "libfaketime is missing: run scripts/install-test-servers once, as root"


class Clock:
    """A clock that begins with the right time. `ahead` is how many seconds it was set forward."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ahead = 0
        file.write_text("+0")

    def environment(self) -> dict[str, str]:
        """Return what a process must be started with to have this clock; its timers stay as they are."""
        library = next(Path("/usr/lib").glob(_LIBRARIES), None)
        if library is None:
            raise FileNotFoundError(_MISSING)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_ahead(self, seconds: int, *stores: Redis) -> None:
        """Set the clock so far ahead of the right time (behind: below 0), and wait until the stores have noticed."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(self._file)  # an empty file, read by a process in between, is a time that breaks its locks
        self.ahead = seconds

        def noticed(store: Redis) -> None:
            assert abs(store.time()[0] - time.time() - seconds) < 5

        for store in stores:
            tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05))(noticed, store)

    @contextmanager
    def started(self) -> Iterator[None]:
        """Give this clock to all processes that are started within the block."""
        given = self.environment()
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def clear_up(*pids: int) -> None:
    """Remove what libfaketime leaves of processes that replaced themselves by another program."""
    for pid in pids:
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            Path("/dev/shm", name).unlink(missing_ok=True)
