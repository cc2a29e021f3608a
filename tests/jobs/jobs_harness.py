"""What the tests of `jobs` share: a worker in a thread or in a process of its own, and patience."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import slices
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from jobs.settings import WorkerSettings
from jobs.worker import run_worker

T = TypeVar("T")

QUICK = WorkerSettings(threads=2, lease_seconds=3, slice_seconds=5, grace_seconds=5, tick_seconds=0.5, memory_mib=512)


def eventually(look: Callable[[], T], within: float = 60.0) -> T:
    """Return what `look` gives as soon as it is true."""
    waiting = Retrying(
        retry=retry_if_result(lambda seen: not seen), stop=stop_after_delay(within), wait=wait_fixed(0.05)
    )
    return waiting(look)


class Worker:
    """A worker in a thread of the test."""

    def __init__(self, url: str, broker_url: str, scratch: Path) -> None:
        self.urls = url, broker_url
        self.scratch = scratch
        self.stop_event = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[..., object], plan: slices.Plan | None = None, **changes: Any) -> None:
        plan = plan or slices.Plan(self.urls[0])
        settings = replace(QUICK, config=plan, scratch=self.scratch, preload=("slices",), **changes)
        self._thread = threading.Thread(
            target=run_worker, args=(*self.urls, work, settings, self.stop_event), daemon=True
        )
        self._thread.start()

    def stop(self) -> float:
        """Stop it and return the seconds that took."""
        begun = time.monotonic()
        self.stop_event.set()
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive()
        return time.monotonic() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class WorkerProcess:
    """A worker in a process of its own, as the command line starts it."""

    def __init__(self, url: str, broker_url: str, scratch: Path, work: str, **changes: float) -> None:
        order = {"urls": [url, broker_url], "scratch": str(scratch), "work": work, "settings": changes}
        program = Path(__file__).with_name("worker_process.py")
        self._process = subprocess.Popen([sys.executable, str(program), json.dumps(order)])

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def terminate(self) -> float:
        """Send SIGTERM and return the seconds until it ended, which it must with code 0."""
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(60) == 0
        return time.monotonic() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"
