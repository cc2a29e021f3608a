"""The folder of this process: its sockets and temporary files lie there, and those of the processes it starts.

It is Python's own temporary folder from then on, so that multiprocessing's socket lies in it, too. A process holds a
lock on its folder as long as it lives; one whose lock is free belonged to a dead process, and the next one to begin
removes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import util
from pathlib import Path

_LOCK = ".lock"
_PREFIX = "own-"
_LONGEST_SOCKET_PATH = 100
"""Bytes; `sockaddr_un` takes 107 on Linux and 103 on macOS."""

_IN_ROOT = len(f"/{_PREFIX}12345678/pymp-12345678/listener-12345678")
LONGEST_ROOT = _LONGEST_SOCKET_PATH - _IN_ROOT
"""Bytes that the path of a root may have, so that multiprocessing's socket can be made below it."""


class _Home:
    """One locked folder below a root."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _gate(root):
            _remove_dead(root)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            self._lock = _locked(self.folder)

    def mend(self) -> None:
        """Make it again where it was removed; its name stays, for other processes know it."""
        if self._is_whole():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _gate(self.folder.parent):
            self.folder.mkdir(exist_ok=True, mode=0o700)
            os.close(self._lock)
            self._lock = _locked(self.folder)

    def close(self) -> None:
        _leave_sockets()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _is_whole(self) -> bool:
        try:
            return os.path.samestat((self.folder / _LOCK).stat(), os.fstat(self._lock))
        except FileNotFoundError:
            return False


_homes: list[_Home] = []
"""At most one."""


@contextmanager
def home(root: Path) -> Iterator[Path]:
    """Give this process a private folder (0700) under `root`, gone at the end; remove those of dead ones first.

    Raises:
        OSError: it cannot be made.
    """
    ours, before = _Home(root), (tempfile.tempdir, os.environ.get("TMPDIR"))
    with closing(ours):
        _homes.append(ours)
        _be_temporary(str(ours.folder), str(ours.folder))
        try:
            yield ours.folder
        finally:
            _homes.remove(ours)
            _be_temporary(*before)


def mend() -> None:
    """Make this process's folder again where somebody has removed it; raises OSError where that cannot be done."""
    for ours in _homes:
        ours.mend()


def _leave_sockets() -> None:
    """Have multiprocessing remove its folder now: at the interpreter's end it would complain of one that is gone."""
    registry, remove = (getattr(util, name) for name in ("_finalizer_registry", "_remove_temp_dir"))
    for last_act in list(registry.values()):
        if last_act._callback is remove:  # noqa: SLF001 - it offers no other way
            Path(util.get_temp_dir()).mkdir(mode=0o700, parents=True, exist_ok=True)
            last_act()


def _be_temporary(folder: str | None, for_others: str | None) -> None:
    tempfile.tempdir = folder
    os.environ.pop("TMPDIR", None)
    if for_others is not None:
        os.environ["TMPDIR"] = for_others


@contextmanager
def _gate(root: Path) -> Iterator[None]:
    """Let one process at a time make and remove folders below a root."""
    gate = _locked(root)
    try:
        yield
    finally:
        os.close(gate)


def _remove_dead(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        lock = _open(folder / _LOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _locked(folder: Path) -> int:
    lock = _open(folder / _LOCK)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
