"""The host's panel hears from a real worker, at a real receiver: once each, signed, also when it was away."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
import tenacity
from receiver import SECRET, WRITTEN_SECRET, Receiver, is_genuine, place_for_receiver, receiving
from story.house import House
from story.layouts import Install, Layout

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.webhooks import DUE


@pytest.fixture
def place() -> Iterator[socket]:
    with place_for_receiver() as found:
        yield found


@pytest.fixture
def home(install: Install, small: Layout, dovecot_server: Server, tmp_path: Path, place: socket) -> House:
    secret = tmp_path / "hook-secret"
    secret.write_text(f"{WRITTEN_SECRET}\n")
    made = install(
        small,
        dovecot_server,
        google={"accounts": (f"second@gmail.example={small.folder}:{small.rows}",)},
        hook={"url": f"{Receiver(place.getsockname()).url}/hooks", "secret_file": str(secret)},
    )
    made.start_worker()
    return made


def eventually(home: House, panel: Receiver, count: int) -> None:
    """Wait until so many events were heard and the worker knows that they were."""

    def told() -> None:
        assert len(panel.heard) >= count
        assert not home.state.exists(DUE)

    try:
        tenacity.Retrying(stop=tenacity.stop_after_delay(90), wait=tenacity.wait_fixed(0.1), reraise=True)(told)
    except AssertionError:
        raise AssertionError(f"{panel.events}\n{home.logs()[-3000:]}") from None


def test_an_end_and_what_needs_somebody_are_heard_once_and_are_genuine(
    home: House, place: socket, dovecot_server: Server
) -> None:
    """Two workers look for events; one of two imports cannot enter its mailbox."""
    with receiving(place) as panel:
        good = home.launch(dovecot_server.new_user())
        home.wait(good, State.DONE)
        wrong = dovecot_server.new_user()
        bad = home.launch(type(wrong)(wrong.name, "wrong"), account="second@gmail.example")
        rests = home.wait(bad, State.PAUSED, State.FAILED)
        eventually(home, panel, 2)
    assert [(event["type"], event["data"]) for event in panel.events] == [
        ("migration.ended", {"migration": good, "customer": "c1", "state": "done", "code": ""}),
        (
            "migration.needs-attention",
            {"migration": bad, "customer": "c1", "state": str(rests.state), "code": rests.reason},
        ),
    ]
    assert all(is_genuine(SECRET, headers, body) for _, headers, body in panel.heard)
    assert not any(secret in json.dumps(panel.events) for secret in home.secrets)


def test_a_receiver_that_was_away_hears_of_the_end_when_it_is_back(
    home: House, place: socket, dovecot_server: Server
) -> None:
    migration = home.launch(dovecot_server.new_user())
    home.wait(migration, State.DONE)
    tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05), reraise=True)(tried, home)
    with receiving(place) as panel:
        panel.statuses.append(503)
        eventually(home, panel, 2)
    assert [event["data"]["migration"] for event in panel.events] == [migration] * 2
    assert len({headers["webhook-id"] for _, headers, _ in panel.heard}) == 1


def tried(home: House) -> None:
    """A worker has the event in hand: it is not due, but when its lease runs out."""
    (found,) = home.state.zrange(DUE, 0, -1, withscores=True)  # type: ignore[misc]
    assert found[1] > time.time() + 5
