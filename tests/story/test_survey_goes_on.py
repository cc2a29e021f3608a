"""An account that is being counted is counted to the end, whoever dies or stops: web server, worker.

Everything is real: Redis, Dovecot, the web server and the workers, each a process.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import free_port
from engine import calls, invent
from processes import is_gone
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House
from story.served import house_with_pages, kill, pages_of
from unstarted import unstarted
from waiting import eventually
from ways import Client

from app.stores import connect
from emulator.servers.instance import Limits, Server
from jobs import audit
from jobs.broker import SURVEYS, make_sender, queued
from jobs.fullness import Load, fullness
from jobs.migration import State, part_key
from jobs.surveys import HOLD_SECONDS, ask
from web import session as sessions
from web.session import COOKIE, Entered

COUNTING, COUNTED = "As soon as your mail has been counted", "1,203"


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as made:
        yield made


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def home(google: Google, server: Server, tmp_path: Path, url: str) -> Iterator[House]:
    with house_with_pages(tmp_path, google, server, url) as made:
        yield made


@pytest.fixture
def migration(home: House, google: Google, server: Server) -> str:
    """An import of an account that takes long to count, until Google is quick again."""
    invent(google, 1203)
    google.fault("hang", method="messages.list", seconds=1, times=0)
    return unstarted(google, home.state, home.vault, server.new_user(), "customer@gmail.example")


@pytest.fixture
def customer(home: House, url: str, migration: str) -> Client:
    session = sessions.enter(home.state, "", Entered("c1", "ann@host.example"), (migration,))
    return Client(url, {COOKIE: session.id})


def page(customer: Client, migration: str) -> str:
    return customer.ask("GET", f"/imports/{migration}/check").text


def is_counted(home: House, migration: str) -> bool:
    return bool(home.state.exists(part_key(migration, "survey")))


def surveys_of(worker: int) -> list[int]:
    """Return the processes of a worker's session that look an account over: its fork server's children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if session == worker and int(folder.name) != worker:
            found.append(int(folder.name))
    return found


def test_the_web_server_is_killed_and_the_counting_goes_on(
    home: House, google: Google, url: str, migration: str, customer: Client
) -> None:
    home.start_worker()
    with pages_of(home, url) as web:
        assert COUNTING in page(customer, migration)
        eventually(lambda: calls(google).get("messages.list"))
        kill(web)
    assert not is_counted(home, migration)
    google.control("faults", verb="DELETE")
    eventually(lambda: is_counted(home, migration))
    assert calls(google)["labels.list"] == 1
    with pages_of(home, url):
        assert COUNTED in page(customer, migration)


def test_the_worker_is_killed_and_another_does_it_when_the_customer_looks(
    home: House, google: Google, url: str, migration: str, customer: Client
) -> None:
    worker = home.start_worker()
    with pages_of(home, url):
        assert COUNTING in page(customer, migration)
        eventually(lambda: calls(google).get("messages.list"))
        worker.kill()
        worker.wait()
        google.control("faults", verb="DELETE")
        home.start_worker()
        held = part_key(migration, "surveying")
        assert 0 < home.state.ttl(held) <= HOLD_SECONDS  # type: ignore[operator]
        assert COUNTING in page(customer, migration)
        home.state.delete(held)  # half a minute later
        eventually(lambda: COUNTED in page(customer, migration))
    assert calls(google)["labels.list"] == 2


def test_a_worker_that_is_told_to_stop_puts_it_back_at_once(
    home: House, google: Google, url: str, migration: str, customer: Client
) -> None:
    worker = home.start_worker()
    with pages_of(home, url):
        assert COUNTING in page(customer, migration)
        eventually(lambda: calls(google).get("messages.list"))
    processes = surveys_of(worker.pid)
    assert processes
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    eventually(lambda: all(is_gone(pid) for pid in processes))
    with connect(home.redis_store.broker_url) as broker:
        assert queued(broker, SURVEYS) == 1
    google.control("faults", verb="DELETE")
    home.start_worker()
    eventually(lambda: is_counted(home, migration))  # nobody looked meanwhile


def test_without_a_worker_the_customer_starts_without_the_count(
    home: House, url: str, migration: str, customer: Client
) -> None:
    """The web server itself opens nothing, and no message is sent twice meanwhile."""
    with pages_of(home, url) as web:
        for _ in range(3):
            assert COUNTING in page(customer, migration)
        with connect(home.redis_store.broker_url) as broker:
            assert queued(broker, SURVEYS) == 1
        assert [entry for entry in audit.entries(home.state, migration) if entry.code == "look-over"] == []
        assert customer.post(f"/imports/{migration}/confirm").place == f"/imports/{migration}/choices"
        assert "been counted yet" in customer.ask("GET", f"/imports/{migration}/choices").text
        assert web.poll() is None


def test_accounts_that_are_counted_for_long_hold_up_no_import(home: House, google: Google, server: Server) -> None:
    hanging = [f"large-{number}@gmail.example" for number in range(6)]
    for account in hanging:
        google.control("accounts", {"address": account, "synthetic": 3})
        google.fault("hang", method="labels.list", account=account, seconds=60, times=0)
    invent(google, 20)
    with connect(home.redis_store.broker_url) as broker:
        sender = make_sender(home.redis_store.broker_url)
        for account in hanging:
            customer, user = account.partition("@")[0], server.new_user()
            ask(home.state, sender, unstarted(google, home.state, home.vault, user, account, customer))
        home.start_worker()
        eventually(lambda: fullness(home.state).get("survey", Load()).working >= 4)
        assert queued(broker, SURVEYS) == 0
    assert home.wait(home.launch(server.new_user())).state is State.DONE
    assert fullness(home.state)["survey"].working >= 4
