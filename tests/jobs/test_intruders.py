"""Code in hostile hands inside a real closed process, with a real worker's side: none of it gets out.

Python's own look at what is done (`migrator.egress.guard`) is not there: what holds is the kernel, and the broker.
"""

import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import intruders
import pytest
from jobs_harness import QUICK
from waiting import eventually

from jobs.apart import ApartFailed, run_apart
from jobs.migration import State
from jobs.nursery import Outcome, newborn, run_slice
from jobs.outside import BROKEN_OUT, Outside
from jobs.slice import SliceTask, failed, wait
from jobs.tickets import Wish
from migrator.egress import door_of, door_to

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """What could be got at, and the door that is open."""

    prey: intruders.Prey
    outside: Outside
    ears: tuple[socket.socket, ...]

    def run(self, name: str, *, walls: bool = True) -> Outcome:
        """Try a technique in a closed process, or in one that is not."""
        outside = self.outside if walls else None
        prey = replace(self.prey, name=name)
        task = SliceTask(id="m1", token="t1", phase=State.COPYING, ending="", seconds=20, config=prey)
        with newborn(QUICK.memory_mib, self.outside.readable if walls else None) as born:
            settings = replace(QUICK, slice_seconds=20)
            return run_slice(born, intruders.attempt, task, lambda _: Wish.NONE, threading.Event(), settings, outside)

    def heard(self) -> list[bytes]:
        """Return what arrived at sockets that are no doors."""
        return [word for ear in self.ears if (word := _heard(ear))]

    def state(self) -> tuple[object, ...]:
        """Return all that could be changed about files, this process and the other slice."""
        secret = Path(self.prey.secret)
        look = secret.stat()
        mine = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
        others = resource.prlimit(self.prey.sibling, resource.RLIMIT_NOFILE)
        named = sorted(secret.parent.iterdir())
        return secret.read_bytes(), look.st_mode, look.st_uid, look.st_nlink, look.st_mtime, named, mine, others


def _heard(ear: socket.socket) -> bytes:
    try:
        return b"connected" + bytes(ear.accept()[0].close() or b"")
    except BlockingIOError:
        return b""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("intruders")
    vault = folder / "vault"
    vault.mkdir()
    (vault / "master.key").write_text("secret")
    with ExitStack() as stack:
        ears, (tcp, _, _) = _ears(stack, str(folder / "ear"))
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1000))
        address = door.getsockname()
        sibling = stack.enter_context(newborn(QUICK.memory_mib, ()))
        assert sibling.process.pid
        prey = intruders.Prey(
            "",
            tcp.getsockname()[1],
            str(folder / "ear"),
            str(vault / "master.key"),
            sibling.process.pid,
            os.getpid(),
            door_of(address),
        )
        yield Place(prey, Outside({door_of(address): door_to(*address)}, (str(HERE),)), ears)
        assert sibling.process.is_alive()


def _ears(stack: ExitStack, path: str) -> tuple[tuple[socket.socket, ...], tuple[socket.socket, ...]]:
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    unix = stack.enter_context(socket.socket(socket.AF_UNIX))
    unix.bind(path)
    abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
    abstract.bind(f"\0{path}")
    for ear in (unix, abstract):
        ear.listen()
    for ear in (tcp, unix, abstract):
        ear.settimeout(0)
    return (tcp, unix, abstract), (tcp, unix, abstract)


def test_there_are_enough_of_them() -> None:
    assert len(intruders.TECHNIQUES) >= 60


@pytest.mark.parametrize("name", intruders.TECHNIQUES)
def test_an_intruder_does_not_get_through(place: Place, name: str) -> None:
    before = place.state()
    end = place.run(name).end
    refused = failed("egress-refused:connect", resumable=True)
    assert end in (wait(0, "held"), failed(BROKEN_OUT, resumable=True), refused)
    assert place.heard() == []
    assert place.state() == before


def test_one_that_breaks_a_wall_is_not_taken_for_a_crash(place: Place) -> None:
    assert place.run("socket-inet").end == failed("egress-refused:syscall", resumable=True)
    assert place.run("ask-for-metadata").end == failed("egress-refused:connect", resumable=True)


def test_a_flood_costs_the_worker_nothing(place: Place) -> None:
    before = threading.active_count()
    assert place.run("flood").end == wait(0, "held")
    eventually(lambda: threading.active_count() <= before)


POSSIBLE = (
    *("socket-inet", "socket-unix", "socketpair", "socket-netlink", "socket-of-libc", "fork-of-libc", "fork-by-clone"),
    *("system", "posix-spawn", "fork-exec-below-subprocess", "read-a-secret", "read-a-secret-by-libc", "read-passwd"),
    *(
        "open-by-the-newest-call",
        "symlink-out-of-the-folder",
        "directory-above-the-folder",
        "environment-of-the-worker",
    ),
    *("kill-the-worker", "kill-a-thread", "signal-by-owner", "process-by-descriptor", "limits-of-the-worker"),
    *("nameless-memory", "shared-memory", "messages", "watch-files", "every-descriptor-there-is", "list-root"),
)


@pytest.mark.parametrize("name", POSSIBLE)
def test_without_the_walls_it_would(place: Place, name: str) -> None:
    assert place.run(name, walls=False).end == wait(0, "through")


@pytest.mark.parametrize(
    ("name", "code"),
    [("socket-inet", "egress-refused:syscall"), ("kill-the-worker", "egress-refused:syscall")],
)
def test_one_outside_slices_is_held_and_told_as_well(
    place: Place, name: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ApartFailed, match=code):
        run_apart(intruders.attempt_apart, replace(place.prey, name=name), outside=place.outside)
    assert code in capsys.readouterr().out


def test_what_one_outside_slices_asks_for_in_vain_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_apart(intruders.attempt_apart, replace(place.prey, name="ask-for-metadata"), outside=place.outside)
    assert answer == {"through": False}
    assert "egress-refused:connect" in capsys.readouterr().out
