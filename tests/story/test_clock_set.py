"""The machine's clock is set an hour ahead, and back, while imports are under way: they go on, and nobody is blamed.

Worker and stores have the clock that is set; the stand-in and the mail server keep the right time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from promise.clock import Clock, clear_up
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House
from waiting import eventually

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.requests import history, read
from migrator.ledger import Ledger

HOUR = 3600

SLEEPS = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], max(0, seconds)) and None\n"
"""libfaketime answers clock_nanosleep(2), which Python sleeps by, with EINVAL; this is select(2) in its place."""


@dataclass(frozen=True)
class Place:
    home: House
    google: Google
    clock: Clock
    server: Server

    def start_worker(self) -> None:
        with self.clock.started():
            self.home.start_worker(PYTHONPATH=str(self.home.folder))

    def begun(self, account: str) -> str:
        """Begin an import that takes some slices."""
        self.google.control("accounts", {"address": account, "synthetic": 150, "body_bytes": 300})
        self.google.fault("hang", account=account, method="messages.get", seconds=0.5, times=0)
        migration = self.home.launch(self.server.new_user(), account=account)
        self.moves(migration)
        return migration

    def moves(self, migration: str) -> None:
        """Wait until more messages have an outcome."""
        before = self.settled(migration)
        eventually(lambda: self.settled(migration) > before)

    def settled(self, migration: str) -> int:
        return Ledger(self.home.state, migration).counts().get("settled", 0)

    def set(self, seconds: int) -> None:
        self.clock.set_ahead(seconds, self.home.state, self.home.keys)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Iterator[Place]:
    folder, server = tmp_path_factory.mktemp("clock"), start_server("dovecot")
    clock = Clock(folder / "clock")
    settings: dict[str, dict[str, object]] = {"worker": {"threads": 2, "slice_seconds": 3, "lease_seconds": 3}}
    with Google() as google:
        with clock.started():
            home = House(folder, google, server, settings)
        (folder / "sitecustomize.py").write_text(SLEEPS)
        there = Place(home, google, clock, server)
        there.start_worker()
        try:
            yield there
        finally:
            pids = (home.redis_store.pid, home.keys_store.pid, *(worker.pid for worker in home.workers))
            home.stop()
            clear_up(*pids)


@pytest.mark.parametrize(("before", "after"), [(0, HOUR), (HOUR, 0)], ids=["ahead", "back"])
def test_an_import_goes_on_when_the_clock_is_set(place: Place, before: int, after: int) -> None:
    place.set(before)
    migration = place.begun(f"set{after}@gmail.example")
    place.set(after)
    place.moves(migration)
    place.google.control("faults", {}, verb="DELETE")
    found = place.home.wait(migration, seconds=120)
    assert found.state is State.DONE, place.home.logs()[-3000:]
    report = place.home.report(migration)
    assert (report.adds_up, report.failures) == (True, {})
    assert found.crashes == 0


def test_nothing_waits_an_hour_and_no_lease_lasts_one_when_the_clock_is_set_back(place: Place) -> None:
    place.set(HOUR)
    waits = place.begun("waits@gmail.example")
    place.google.fault("backendError", account="waits@gmail.example", method="oauth.token", times=0, status=503)
    eventually(lambda: read(place.home.state, waits).state is State.WAITING)
    killed = place.begun("killed@gmail.example")
    for worker in place.home.workers:
        worker.kill()
        worker.wait()
    place.set(0)
    place.start_worker()
    place.google.control("faults", {}, verb="DELETE")
    for migration in (waits, killed):
        assert place.home.wait(migration, seconds=180).state is State.DONE
        states = {change.state for change in history(place.home.state, migration)}
        assert states.isdisjoint({State.FAILED, State.PAUSED})
