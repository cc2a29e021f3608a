"""Code planted in a slice's process, behind closed doors: refused, told and ended, and nothing arrives anywhere."""

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import planted
import pytest
import ways_through
from jobs_harness import QUICK
from redis import Redis
from servers.fixtures import StartServer
from stand_in import Google
from ways_through import Journey

from jobs.migration import State
from jobs.nursery import Outcome, newborn, preload, run_slice
from jobs.outside import Outside
from jobs.permits import for_slice
from jobs.slice import SliceTask, Work, again, failed, wait
from jobs.storeproxy import Access
from jobs.tickets import Wish
from migrator.mailbox import Password, Target

HERE = Path(__file__).parent

RunSlice = Callable[..., Outcome]


@dataclass(frozen=True)
class Place:
    """Where planted code would like to go, watched."""

    trap: planted.Trap
    ears: tuple[socket.socket, ...]

    def heard(self) -> list[bytes]:
        """Return what arrived: data of datagrams, and a word for each connection."""
        return [word for ear in self.ears if (word := _heard(ear))]

    def looks(self) -> dict[str, tuple[object, ...]]:
        """Return every file outside with all that could be changed about it."""
        return {str(path): _look(path) for path in sorted(self.trap.outside.rglob("*"))}


def _heard(ear: socket.socket) -> bytes:
    try:
        return ear.recv(100) if ear.type == socket.SOCK_DGRAM else b"connected" + bytes(ear.accept()[0].close() or b"")
    except BlockingIOError:
        return b""


def _look(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
    names = os.listxattr(path) if stat.S_ISREG(found.st_mode) else []
    return found.st_mode, found.st_uid, found.st_nlink, found.st_mtime, content, names


def _listening(stack: ExitStack, family: int, kind: int, address: object) -> socket.socket:
    ear = stack.enter_context(socket.socket(family, kind))
    ear.bind(address)
    if kind == socket.SOCK_STREAM:
        ear.listen()
    ear.settimeout(0)
    return ear


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    outside, vault = tmp_path / "outside", tmp_path / "vault"
    vault.mkdir()
    secret = vault / "master.key"
    secret.write_text("secret")
    secret.with_name("link").symlink_to(secret)
    secret.with_name("second").hardlink_to(secret)
    with ExitStack() as stack:
        ears = (
            _listening(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            _listening(stack, socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            _listening(stack, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            _listening(stack, socket.AF_UNIX, socket.SOCK_STREAM, str(tmp_path / "ear")),
            _listening(stack, socket.AF_UNIX, socket.SOCK_STREAM, f"\0{tmp_path / 'ear'}"),
            _listening(stack, socket.AF_UNIX, socket.SOCK_DGRAM, f"{tmp_path / 'ear'}.datagrams"),
        )
        ports = [ear.getsockname()[1] for ear in ears[:3]]
        trap = planted.Trap("", *ports, str(tmp_path / "ear"), outside, secret)
        planted.furnish(trap)
        yield Place(trap, ears)


@pytest.fixture
def run() -> RunSlice:
    """Do one slice in a real process of its own, as the worker does."""
    preload(("planted", "ways_through"))

    def run(work: Work, config: object, outside: Outside | None = None) -> Outcome:
        task = SliceTask(id="m1", token="t1", phase=State.COPYING, ending="", seconds=20, config=config)
        stop = threading.Event()
        with newborn(QUICK.memory_mib, outside.readable if outside else None) as born:
            settings = replace(QUICK, slice_seconds=30)
            return run_slice(born, work, task, lambda _: Wish.NONE, stop, settings, outside)

    return run


ENDED_BY_THE_KERNEL = {"connect:tcp-below-socket", "connect:asyncio", "native:machine-code"}
"""They make a socket before they connect it, or change a file's mode before they load it."""

HELD_BY_THE_KERNEL = {
    "write:os-open-in-a-folder",
    "write:remove-in-a-folder",
    "write:mode-of-descriptor",
    "read:secret-in-a-folder",
}
"""They open a folder or file that cannot be opened, before they do anything that is looked at."""


@pytest.mark.parametrize("deed", planted.DEEDS)
def test_what_planted_code_tries_is_refused_told_and_ended_though_it_swallows_the_error(
    run: RunSlice, place: Place, deed: str
) -> None:
    before = place.looks()
    contacted: list[str] = []
    begun = time.monotonic()
    outside = Outside({}, (str(HERE),), contacted.append)
    outcome = run(planted.close_then_do, replace(place.trap, deed=deed), outside)
    what = "syscall" if deed in ENDED_BY_THE_KERNEL else deed.partition(":")[0]
    told = failed(f"egress-refused:{what}", resumable=True)
    assert outcome.end == (wait(0, "held") if deed in HELD_BY_THE_KERNEL else told)
    assert time.monotonic() - begun < 10
    assert (place.heard(), place.looks(), contacted) == ([], before, [])


ROOT_ALONE = {"write:owner", "read:memory-of-the-worker", "read:environment-of-the-worker"}


def test_all_of_it_can_be_done_while_the_doors_are_open(run: RunSlice, place: Place) -> None:
    assert run(planted.do_all_in_the_open, place.trap).end == again()
    undone = set(place.trap.secret.with_name("undone").read_text().splitlines())
    assert undone - (ROOT_ALONE if os.getuid() else set()) == set()
    assert {b"mail", b"connected"} <= set(place.heard())


def test_a_whole_migration_passes_through_the_doors_left_open_and_the_worker_hears_where_it_goes(
    run: RunSlice, redis: Redis, start_server: StartServer
) -> None:
    server = start_server("dovecot")
    user, contacted = server.new_user(), []
    with Google(synthetic=30) as google:
        journey = Journey(
            google.url,
            google.grant()["refresh_token"],
            Target(server.host, server.tls_port, "implicit", server.ca_file),
            Password(user.name, user.password),
        )
        redis.hset("mig:{m1}", "token", "t1")
        redis.expire("mig:{m1}", 60)
        store = Access(redis, for_slice("m1", "t1", ways_through.meter(redis)))
        outcome = run(ways_through.migrate, journey, ways_through.outside_of(journey, contacted.append, store))
        place = google.url.removeprefix("http://")
    assert outcome.end == wait(0, "all-through")
    assert sorted(contacted) == sorted({place, f"localhost:{server.tls_port}"})
    with server.observer(user) as observer:
        folders = [name for _, _, name in observer.list_folders()]
        assert sum(observer.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in folders) == 30


CONFINED = """
import ssl, sys
from jobs.confine import Confines, confine
confine(Confines(512, sys.argv[1]))
sys.exit(ssl.create_default_context().keylog_filename)
"""


def test_the_keys_of_tls_connections_are_not_written_down(tmp_path: Path) -> None:
    log = tmp_path / "keys"
    command = [sys.executable, "-c", CONFINED, str(tmp_path)]
    subprocess.run(command, env={**os.environ, "SSLKEYLOGFILE": str(log)}, check=True, timeout=60)
    assert not log.exists()
