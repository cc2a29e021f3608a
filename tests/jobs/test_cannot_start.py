"""Two workers, one of which can start no process for a while: no import is charged for it, the other does the work.

The faults are the kernel's own: limits of processes and of open files, a folder that is cleared and cannot be made
again, a disk that is full. The worker that has them runs as another user, for the kernel lets root do everything.
"""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from jobs_harness import WorkerProcess, as_user
from redis import Redis
from waiting import eventually

from app.embedded import EmbeddedStore
from jobs.heartbeats import workers
from jobs.migration import Migration, State
from jobs.requests import create, history, read

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(os.getuid() != 0, reason="another user's limits are set by root"),
]

NOBODY = 65534
IMPORTS = 20
SECONDS_TO_NOTICE = 60

Fault = Callable[[WorkerProcess, Path], AbstractContextManager[None]]


def family(worker: WorkerProcess) -> list[int]:
    """Return the worker and the processes it has started to fork others from."""
    told = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=False)
    return [worker.pid, *map(int, told.stdout.split())]


@contextmanager
def limited(what: str, most: int, those: list[int]) -> Iterator[None]:
    """Lower a limit of processes that run, as their own user may."""
    for pid in those:
        limit(pid, what, most)
    yield
    for pid in those:
        if Path(f"/proc/{pid}").exists():
            limit(pid, what, 1000)


def limit(pid: int, what: str, most: int) -> None:
    subprocess.run([*as_user(NOBODY), "prlimit", "--pid", str(pid), f"--{what}={most}:"], check=True)


@contextmanager
def no_processes(worker: WorkerProcess, _: Path) -> Iterator[None]:
    with limited("nproc", 1, family(worker)):
        yield


@contextmanager
def no_descriptors(worker: WorkerProcess, _: Path) -> Iterator[None]:
    used = max(int(one.name) for one in Path(f"/proc/{worker.pid}/fd").iterdir()) + 1
    with limited("nofile", used + 2, [worker.pid]):
        yield


@contextmanager
def folder_cleared(_: WorkerProcess, root: Path) -> Iterator[None]:
    """Clear it as a job that tidies up does, and let nobody make it again."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.chown(root, 0, 0)
    yield
    os.chown(root, NOBODY, NOBODY)


@contextmanager
def disk_full(_: WorkerProcess, root: Path) -> Iterator[None]:
    filler = root / "filler"
    filling = ["dd", "if=/dev/zero", f"of={filler}", "bs=4096", "status=none"]
    assert b"No space left" in subprocess.run(filling, capture_output=True, check=False).stderr
    yield
    filler.unlink()


FAULTS = {
    no_processes: "no-process",
    no_descriptors: "no-descriptors",
    folder_cleared: "no-scratch",
    disk_full: "no-scratch",
}


@pytest.fixture
def root(short: Path) -> Iterator[Path]:
    """A small file system that belongs to the other user."""
    folder = short / "run"
    folder.mkdir()
    short.chmod(0o755)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=1m,mode=0700,uid={NOBODY},gid={NOBODY}", "m", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def broken(store: EmbeddedStore, root: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start the worker that is going to have the fault."""
    socket = Path(store.url.removeprefix("unix://").partition("?")[0])
    for folder in (store.directory, *store.directory.parents[:2]):
        folder.chmod(0o755)
    socket.chmod(0o666)
    with ExitStack() as stack:

        def start(**settings: float) -> WorkerProcess:
            made = WorkerProcess(store.url, store.broker_url, "count_items", user=NOBODY, scratch=root, **settings)
            stack.enter_context(made)
            eventually(lambda: "worker-started" in events(made))
            return made

        yield start
    store.directory.chmod(0o700)


def events(worker: WorkerProcess) -> Counter[str]:
    return Counter(row["event"] for row in worker.log)


def done(redis: Redis, migrations: list[Migration]) -> bool:
    return all(read(redis, one.id).state is State.DONE for one in migrations)


def uncharged(redis: Redis, migration: Migration) -> bool:
    """True if nothing but its work is in an import's history."""
    states = [change.state for change in history(redis, migration.id)]
    return len(states) == len(set(states)) == 5 and read(redis, migration.id).crashes == 0


@pytest.mark.parametrize(("fault", "code"), FAULTS.items(), ids=lambda one: getattr(one, "__name__", one))
def test_the_other_worker_does_the_work_and_the_broken_one_recovers(
    redis: Redis,
    store: EmbeddedStore,
    broken: Callable[..., WorkerProcess],
    root: Path,
    fault: Fault,
    code: str,
) -> None:
    with ExitStack() as stack:
        ill = broken(trouble_seconds=600)
        with fault(ill, root):
            first = create(redis, "acme")
            eventually(lambda: "cannot-start" in events(ill), SECONDS_TO_NOTICE)
            assert read(redis, first.id).state is State.PLANNING
            eventually(lambda: [one.trouble for one in workers(redis)] == [code])
            well = WorkerProcess(store.url, store.broker_url, "count_items", items=3)
            stack.enter_context(well)
            migrations = [first, *(create(redis, f"c{number % 5}") for number in range(IMPORTS - 1))]
            eventually(lambda: done(redis, migrations))
            assert events(ill)["slice-ended"] == 0
            assert events(well)["slice-ended"] >= 4 * IMPORTS
        assert all(uncharged(redis, one) for one in migrations)
        eventually(lambda: "can-start-again" in events(ill), SECONDS_TO_NOTICE)
        well.terminate()
        last = create(redis, "acme")
        eventually(lambda: done(redis, [last]))
        assert uncharged(redis, last)
        told = {row["event"]: row for row in ill.log}
        assert told["cannot-start"]["code"] == code
        assert events(ill) - Counter({"slice-ended": 99}) == Counter(
            ["worker-started", "cannot-start", "can-start-again"]
        )


def test_a_worker_that_cannot_start_for_long_ends_and_says_so(
    redis: Redis, broken: Callable[..., WorkerProcess], root: Path
) -> None:
    ill = broken(trouble_seconds=1.5)
    with folder_cleared(ill, root):
        migration = create(redis, "acme")
        assert ill.ended(SECONDS_TO_NOTICE) == 1
    assert read(redis, migration.id).state is State.PLANNING
    assert read(redis, migration.id).crashes == 0
    counted = events(ill)
    assert (counted["cannot-start"], counted["worker-gave-up"]) == (1, 1)
