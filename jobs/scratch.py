"""Temporary folders of slices, and clearing up after a worker that was killed.

A worker holds a lock on its own folder as long as it lives; a folder whose lock is free belonged to a dead one.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Give this worker a private folder (0700) under `root`, gone at the end; remove those of dead workers first."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    gate = _open(root / _LOCK)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        _remove_dead(root)
        folder = Path(tempfile.mkdtemp(prefix="worker-", dir=root))
        held = _open(folder / _LOCK)
        fcntl.flock(held, fcntl.LOCK_EX)
    finally:
        os.close(gate)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _remove_dead(root: Path) -> None:
    for folder in root.glob("worker-*"):
        lock = _open(folder / _LOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
