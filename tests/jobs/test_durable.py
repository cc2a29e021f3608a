"""What is in the store, and what is on its disk: a killed store forgets what it had not written yet."""

import os
import signal
import time
from pathlib import Path

from slow_disk import slow_disk, write_a_while

from app.embedded import start
from jobs.broker import open_state
from jobs.durable import wait_for_disk

TRIES = 3


def write_and_kill(folder: Path, *, patiently: bool) -> int:
    """Write for some seconds, kill the store, and return how many of its last answers it does not know any more."""
    with start(folder) as store, open_state(store.url) as redis, slow_disk(store.pid):
        number = write_a_while(redis)
        if patiently:
            assert wait_for_disk(redis)
        os.kill(store.pid, signal.SIGKILL)
    with start(folder, patience=10) as store, open_state(store.url) as redis:
        return number - int(redis.get("number") or 0)  # type: ignore[arg-type]


def test_a_killed_store_forgets_its_last_answers_when_its_disk_is_slow(tmp_path: Path) -> None:
    assert any(write_and_kill(tmp_path / str(nth), patiently=False) for nth in range(TRIES))


def test_what_waited_for_the_disk_is_not_forgotten(tmp_path: Path) -> None:
    assert not any(write_and_kill(tmp_path / str(nth), patiently=True) for nth in range(TRIES))


def test_a_store_that_can_not_tell_is_not_waited_for(tmp_path: Path) -> None:
    with start(tmp_path, persistent=False) as store, open_state(store.url) as redis:
        begun = time.monotonic()
        assert not wait_for_disk(redis)
        assert time.monotonic() - begun < 1
