"""What the tests of `jobs` share: a worker in a thread or in a process of its own, and patience."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import slices

from jobs.settings import WorkerSettings
from jobs.worker import run_worker

T = TypeVar("T")

QUICK = WorkerSettings(threads=2, lease_seconds=3, slice_seconds=5, grace_seconds=5, tick_seconds=0.5, memory_mib=512)


class Worker:
    """A worker in a thread of the test."""

    def __init__(self, url: str, broker_url: str) -> None:
        self.urls = url, broker_url
        self.stop_event = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[..., object], plan: slices.Plan | None = None, **changes: Any) -> None:
        plan = plan or slices.Plan(self.urls[0])
        settings = replace(QUICK, config=plan, preload=("slices",), **changes)
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
    """A worker in a process of its own, as the command line starts it; `user` is the number of who it runs as."""

    def __init__(
        self,
        url: str,
        broker_url: str,
        work: str,
        *,
        user: int | None = None,
        scratch: Path | None = None,
        **changes: float,
    ) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="m-", ignore_cleanup_errors=True)  # short enough for sockets
        scratch = scratch or Path(self._own.name)
        order = {"urls": [url, broker_url], "scratch": str(scratch), "work": work, "settings": changes}
        command = [sys.executable, str(Path(__file__).with_name("worker_process.py")), json.dumps(order)]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this
        self._process = subprocess.Popen([*as_user(user), *command], stderr=self._log)

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        size = os.fstat(self._log.fileno()).st_size
        return [json.loads(line) for line in os.pread(self._log.fileno(), size, 0).splitlines()]

    def ended(self, within: float) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        return self._process.wait(within)

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
        self._log.close()
        self._own.cleanup()


def as_user(user: int | None) -> list[str]:
    """Return what makes root another user, who may read all: the interpreter may lie where only root may enter."""
    if user is None:
        return []
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *reading]


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"
