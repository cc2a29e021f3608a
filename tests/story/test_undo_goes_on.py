"""An undo that was asked for is done though web server and worker are killed: after the click, and in its midst.

Everything is real: Redis, Dovecot, the web server and the workers, each a process.
"""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import free_port
from promise.places import in_process, parents_of
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House, house
from story.observe import mailbox_content
from story.served import house_with_pages, kill, pages_of
from story.test_crash_points import CRASH
from waiting import eventually
from ways import Client

from app.metrics import Installation, text_of
from app.stores import connect
from emulator.servers.instance import Limits, Server
from jobs import undos, undowish
from jobs.migration import State, part_key
from jobs.undoing import HOLD_SECONDS, is_running, undone_of
from migrator.mailbox import Password
from web import session as sessions
from web.session import COOKIE, Entered

MESSAGES = 1000
CANARY = "canary-5d1c77e0"


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())


@pytest.fixture(scope="module")
def google() -> Iterator[Google]:
    with Google(synthetic=MESSAGES) as made:
        yield made


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def home(google: Google, server: Server, tmp_path: Path, url: str) -> Iterator[House]:
    with house_with_pages(tmp_path, google, server, url) as made:
        yield made


def numbers(home: House) -> dict[str, float]:
    """Return what Prometheus is told of undos."""
    broker = connect(home.redis_store.broker_url)
    lines = text_of(Installation(home.state, broker, "p")).decode().splitlines()
    broker.close()
    return {name: float(value) for name, value in (line.split() for line in lines if line.startswith("migrator_undos"))}


def test_a_thousand_messages_are_taken_back_though_the_web_server_and_the_worker_are_killed(
    home: House, server: Server, tmp_path: Path, url: str
) -> None:
    user, crashed = server.new_user(), tmp_path / "crashed"
    first = home.start_worker(
        PYTHONPATH=str(CRASH),
        CRASH_AT="migrator.undo.after",
        CRASH_NTH="2",
        CRASH_WHO="worker",
        CRASH_DONE=str(crashed),
    )
    migration = home.launch(user)
    home.wait(migration, State.DONE)
    assert len(mailbox_content(server, user)) == MESSAGES
    session = sessions.enter(home.state, "", Entered("c1", user.name), (migration,))
    customer = Client(url, {COOKIE: session.id})
    with pages_of(home, url) as web:
        assert customer.post(f"/imports/{migration}/undo", password=user.password).status == 303
        kill(web)
    assert first.wait(120) == -signal.SIGKILL, home.logs()
    assert crashed.exists()
    begun = undone_of(home.state, migration)
    assert 0 < begun.removed < MESSAGES
    assert numbers(home) == {"migrator_undos_waiting": 0, "migrator_undos_running": 1}
    with pages_of(home, url):
        page = customer.ask("GET", f"/imports/{migration}/undo").text
        assert "Your import is being undone" in page
        assert f"{begun.removed:,}" in page
        held = part_key(migration, "undoing")
        assert 0 < home.state.ttl(held) <= HOLD_SECONDS  # type: ignore[operator]
        home.state.delete(held)  # two minutes later
        assert numbers(home) == {"migrator_undos_waiting": 1, "migrator_undos_running": 0}
        home.start_worker()
        eventually(lambda: undowish.standing(home.state, migration).kind == "done", 120)
        assert "Your import is undone" in customer.ask("GET", f"/imports/{migration}/undo").text
    undone = undone_of(home.state, migration)
    assert (undone.removed, undone.changed, undone.missing, undone.refused) == (MESSAGES, 0, 0, 0)
    assert mailbox_content(server, user) == []
    eventually(lambda: numbers(home) == {"migrator_undos_waiting": 0, "migrator_undos_running": 0})
    assert not home.keys.exists(f"handed:undo:{migration}")


def test_no_worker_meets_the_password(server: Server, tmp_path: Path) -> None:
    with (
        Google(synthetic=3) as google,
        house(tmp_path, google, server) as home,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        user, first = server.new_user(), home.start_worker()
        migration = home.launch(user)
        home.wait(migration, State.DONE)
        first.terminate()
        first.wait(30)
        at, text = f"port = {server.tls_port or server.port}\n", home.config.read_text()
        assert text.count(at) == 1
        home.config.write_text(text.replace(at, f"port = {silent.getsockname()[1]}\n"))
        worker = home.start_worker()
        undos.ask(home.state, home.keys, home.vault, migration, Password(user.name, CANARY))
        silent.accept()[0].detach()  # the undo's process has the password, and waits for the mail server
        assert list(memory_of(worker.pid)) == []
        assert is_running(home.state, migration)


def memory_of(worker: int) -> Iterator[str]:
    """Give where the canary lies in the memory of a worker's long-lived processes."""
    for name, pid in parents_of(worker).items():
        yield from (where for where, blob in in_process(name, pid) if CANARY.encode() in blob)
