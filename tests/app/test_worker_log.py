"""What a real worker writes: lines of the log and nothing else, whatever goes wrong in which of its parts."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import ADDRESS, invent
from log_schema import read_lines
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House
from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_fixed

from app.stores import connect
from emulator.servers.instance import User
from jobs.migration import State, record_key
from jobs.requests import read

CANARY = "Kanari3nvogel ya29.zq8w"
MAIL = f"From: {CANARY}@example.com\r\nSubject: {CANARY}\r\nMessage-ID: <{CANARY}>\r\n\r\n{CANARY}\r\n"


@pytest.fixture
def home(tmp_path: Path, google: Google, start_server: StartServer) -> Iterator[House]:
    """An installation that logs at debug; its worker is not started yet."""
    made = House(tmp_path, google, start_server("dovecot"), {"logs": {"level": "debug"}})
    yield made
    made.stop()


@pytest.fixture
def user(home: House) -> User:
    return home.server.new_user()


def lines(home: House, event: str) -> list[dict[str, Any]]:
    """Return the lines of this event as soon as there is one; what was written must be lines of the log."""
    found = Retrying(retry=retry_if_not_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.1))
    return found(lambda: [row for row in whole(home) if row["event"] == event])


def whole(home: House) -> list[dict[str, Any]]:
    """Return what the workers wrote, up to the last end of a line."""
    return read_lines(home.logs().rpartition("\n")[0])


def test_a_worker_at_debug_writes_its_events_and_nothing_else(home: House, google: Google, user: User) -> None:
    invent(google, 12)
    google.add(MAIL.encode())
    migration = home.launch(user)
    worker = home.start_worker()
    assert home.wait(migration).state is State.DONE
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    rows = read_lines(home.logs())
    assert [rows[0]["event"], rows[-1]["event"]] == ["worker-started", "worker-stopped"]
    assert {row["event"] for row in rows} >= {"slice-ended"}
    assert {row.get("migration", migration) for row in rows} == {migration}
    assert {row["phase"] for row in rows if "phase" in row} == {"planning", "copying", "verifying", "finishing"}
    secrets = {*home.secrets, user.name, user.password, ADDRESS, "Kanari3nvogel", home.server.host, str(home.folder)}
    assert [secret for secret in secrets if secret in home.logs()] == []


def test_a_crash_in_a_slices_process_is_told_by_both_in_one_line_each(home: House, user: User) -> None:
    migration = home.launch(user)
    choices = {"choices": {CANARY: 1, "skip_labels": []}, "order": CANARY, "by_digest": False}
    home.state.set(f"{record_key(migration)}:choices", json.dumps(choices), keepttl=True)
    worker = home.start_worker()
    assert home.wait(migration, State.WAITING).reason == "internal-error:TypeError"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    inside, outside = lines(home, "unhandled"), lines(home, "slice-crashed")
    assert len(inside) == len(outside) == read(home.state, migration).crashes
    assert (inside[0]["place"], inside[0]["error"]) == ("slice", "TypeError")
    assert inside[0]["where"][-1].startswith("jobs.launch:wanted_of:")
    assert (outside[0]["migration"], outside[0]["code"]) == (migration, "internal-error:TypeError")
    assert CANARY not in home.logs()


def test_an_exception_in_a_worker_thread_is_one_line_without_its_text(home: House, user: User) -> None:
    migration = home.launch(user)
    home.state.hset(record_key(migration), "phase", CANARY)
    home.start_worker()
    told = lines(home, "foreign")[0]
    assert (told["logger"], told["level"], told["error"]) == ("dramatiq.worker", "error", "ValueError")
    assert told["where"][-1].startswith("jobs.tickets:claim:")
    assert CANARY not in home.logs()


def test_an_exception_in_the_reconciler_is_one_line_without_its_text(home: House) -> None:
    with connect(home.redis_store.broker_url) as broker:
        broker.zadd("{dramatiq}:__heartbeats__", {b"\xff" + CANARY.encode(): 4e12})
        home.start_worker()
        told = lines(home, "look-failed")
        assert [(row["level"], row["error"]) for row in told] == [("error", "UnicodeDecodeError")]
        assert told[0]["where"][-1].startswith("jobs.broker:")
    assert CANARY not in home.logs()
