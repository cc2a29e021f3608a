"""What processes use: CPU time and memory, read from /proc (Linux; proc_pid_stat(5), proc_pid_status(5))."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_KIB = 1024
_LOOK_SECONDS = 0.05
_UTIME, _CSTIME = 11, 14  # places behind the command's name


def children(pid: int) -> list[int]:
    """Return the pids of a process's children now; none when it has ended."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, _read(task).split())
    return found


def tree(pid: int) -> list[int]:
    """Return the process and all that descend from it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def cpu_seconds(pid: int) -> float:
    """Return user and system seconds of a process, its living descendants, and those that were waited for.

    A process that ended counts once its parent has waited for it: read this when the processes rest.
    """
    return sum(sum(_times(one)) for one in tree(pid)) / _TICK


def _times(pid: int) -> list[int]:
    """Return utime, stime, cutime, cstime in ticks; nothing when the process has ended."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return list(map(int, fields[_UTIME : _CSTIME + 1]))


class Tally:
    """CPU seconds of a tree of processes whose root does not wait for its children: each as last seen."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[int, int] = {}

    def seconds(self) -> float:
        """Look again and return the sum; what a process used after the last look before its end is missing."""
        for pid in tree(self._root):
            self._seen[pid] = max(self._seen.get(pid, 0), sum(_times(pid)[:2]))
        return sum(self._seen.values()) / _TICK


def busy_seconds() -> float:
    """Return the seconds all cores of the machine together were busy since it started (proc_stat(5))."""
    user, nice, system, _, _, *rest = map(int, _read(Path("/proc/stat")).partition("\n")[0].split()[1:9])
    return (user + nice + system + sum(rest)) / _TICK


def child_running(word: str) -> int:
    """Return the pid of the child of ours whose command line has `word` in it.

    Raises:
        LookupError: there is none.
    """
    for pid in children(os.getpid()):
        if word in _read(Path(f"/proc/{pid}/cmdline")):
            return pid
    raise LookupError(word)


def peak_mib(pid: int) -> float:
    """Return the largest resident set a process ever had, in MiB; 0 when it has ended."""
    line = next((row for row in _read(Path(f"/proc/{pid}/status")).splitlines() if row.startswith("VmHWM")), "")
    return int(line.split()[1]) / _KIB if line else 0.0


def _read(path: Path) -> str:
    """Return a file's text; nothing when the process ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@dataclass(slots=True)
class Life:
    """One process as it was watched: seconds (monotonic) from when to when, and its peak in MiB so far."""

    pid: int
    depth: int
    began: float
    ended: float
    peak: float


class Watch:
    """The processes seen below one process, by pid; filled while `watching` runs."""

    def __init__(self) -> None:
        self.lives: dict[int, Life] = {}

    def look(self, pid: int, now: float, depth: int = 0) -> None:
        """Note a process and its descendants."""
        life = self.lives.setdefault(pid, Life(pid, depth, now, now, 0.0))
        life.ended = now
        life.peak = max(life.peak, peak_mib(pid))
        for child in children(pid):
            self.look(child, now, depth + 1)

    @property
    def peak(self) -> float:
        """The largest peak of any process, in MiB."""
        return max((life.peak for life in self.lives.values()), default=0.0)


@contextmanager
def watching(pid: int) -> Iterator[Watch]:
    """Watch a process and its descendants twenty times a second, until the block ends."""
    watch, over = Watch(), threading.Event()
    looks = iter(partial(over.wait, _LOOK_SECONDS), True)  # noqa: FBT003 - the sentinel: the block has ended

    def look() -> None:
        for _ in looks:
            watch.look(pid, time.monotonic())

    thread = threading.Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
