"""The process that serves a site is replaced every few minutes, and nobody notices."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from browser import wait_for
from front_desk import config_of
from processes import children_of, is_gone
from waiting import eventually

from app import recycling
from app.stores import Stores

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ASK = "GET /signin HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"


class Site:
    """A console whose process is replaced after so many seconds."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    def begun(self) -> socket.socket:
        """Return a connection on which a request is begun."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        line.sendall(ASK.format(port=self.port).encode())
        return line

    def status(self) -> bytes:
        """Return the status of a page."""
        with self.begun() as line:
            return answered(line)

    @property
    def serving(self) -> int:
        """The process that serves, once there is one alone."""
        return eventually(lambda: (pids := children_of(self.process.pid)) and len(pids) == 1 and pids[0])

    def until_replaced(self, pid: int) -> None:
        eventually(lambda: any(child != pid for child in children_of(self.process.pid)), within=180)

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self._log.read_text().splitlines() if line.startswith("{")]


def answered(line: socket.socket) -> bytes:
    """End the request that is begun on a connection, and return the status of the answer."""
    line.sendall(b"\r\n")
    return line.makefile("rb").readline().split(b" ")[1]


def listens(pid: int, port: int) -> bool:
    """Tell whether a process takes connections at a port of the loopback (proc(5), /proc/net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    return bool(inodes & set(_open(pid)))


def _open(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError):  # the process has ended
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # it has been closed
                yield str(one.readlink())


@contextmanager
def site(stores: Stores, folder: Path, seconds: int, **console: object) -> Iterator[Site]:
    config, log = config_of(stores, folder), folder / "console.log"
    store = {name: str(getattr(config.store, name)) for name in ("url", "broker_url", "keys_url", "master_key_file")}
    rows = {"url": config.console.url, "port": config.console.port, "process_seconds": seconds, **console}
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
        for name, section in {"store": store, "console": rows}.items()
    )
    (folder / "config.toml").write_text(text)
    command = [sys.executable, "-m", "app", "--config", str(folder / "config.toml"), "console"]
    with log.open("wb") as lines, subprocess.Popen(command, cwd=ROOT, stderr=lines) as process:
        try:
            wait_for(config.console.url)
            yield Site(process, config.console.port, log)
        finally:
            process.kill()


def test_every_request_is_answered_while_processes_replace_each_other(stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 1) as place:
        assert place.status() == b"200"
        stop, found = threading.Event(), list[bytes]()

        def ask() -> None:
            while not stop.is_set():
                try:
                    found.append(place.status())
                except (OSError, IndexError):
                    found.append(b"lost")

        asking = threading.Thread(target=ask)
        asking.start()
        for _ in range(3):
            before = place.serving
            eventually(lambda gone=before: is_gone(gone), within=180)
        stop.set()
        asking.join()
    assert set(found) == {b"200"}
    assert place.events() == ["console-started"], "one start, whoever serves"


def test_what_a_process_has_begun_it_answers_when_another_has_taken_over(stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 2) as place:
        assert place.status() == b"200"
        pid = place.serving
        with closing(place.begun()) as line:
            place.until_replaced(pid)
            assert answered(line) == b"200"
        eventually(lambda: is_gone(pid))


def test_a_connection_is_answered_that_was_taken_just_before_its_process_ends(stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 600) as place:
        with socket.create_connection(("127.0.0.1", place.port), timeout=60) as line:
            assert place.status() == b"200", "and so the one that was made before is taken, too"
            pid = place.serving
            assert listens(pid, place.port)
            os.kill(pid, signal.SIGUSR1)
            eventually(lambda: not listens(pid, place.port))
            line.sendall(ASK.format(port=place.port).encode())
            assert answered(line) == b"200"
        eventually(lambda: is_gone(pid))


def test_a_process_that_dies_is_replaced_at_once(stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 600) as place:
        assert place.status() == b"200"
        os.kill(place.serving, signal.SIGKILL)
        assert place.status() == b"200"
        assert place.events() == ["console-started", "site-process-died"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_with_the_service_all_its_processes_end(how: signal.Signals, stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 600) as place:
        assert place.status() == b"200"
        pid = place.serving
        place.process.send_signal(how)
        assert place.process.wait(60) == (0 if how is signal.SIGTERM else -how)
        eventually(lambda: is_gone(pid))


def test_a_site_that_cannot_be_served_ends_and_says_why(stores: Stores, tmp_path: Path) -> None:
    with site(stores, tmp_path, 600) as place:
        assert place.status() == b"200"
        (tmp_path / "config.toml").write_text("nonsense")
        os.kill(place.serving, signal.SIGKILL)
        assert place.process.wait(60) == 1
        assert (
            "nonsense" in (tmp_path / "console.log").read_text() or "config" in (tmp_path / "console.log").read_text()
        )


@pytest.mark.timeout(60)
def test_a_process_that_never_serves_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", "import time; time.sleep(1000)"])
    monkeypatch.setattr(recycling, "_START_SECONDS", 0.5)
    assert recycling.Recycling("console", (), 600).serve(threading.Event(), lambda: None) == 1
