"""An account looked over before its import: on the stand-in, Dovecot and real stores, by processes of their own."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from consents import config_for, emptied, everything, grants, names, stores_in
from engine import ADDRESS, calls, invent, letter
from processes import is_gone
from servers.fixtures import StartServer
from stand_in import Google
from unstarted import unstarted
from waiting import eventually

import app.looking
from app.config import Config
from app.stores import Stores
from app.surveying import Failed, Found, begin, counted, found, looked, usual
from app.surveyor import Surveyor
from emulator.servers.instance import Server, User
from jobs import audit, nursery, requests
from jobs.broker import SURVEYS, queued
from jobs.launch import Import, grant_of, prepare
from jobs.migration import record_key
from jobs.retention import KEPT, row_for
from migrator.labels import Choices
from migrator.mailbox import Password
from oauth.vault import Safe


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    nursery.preload((app.looking.__name__,))
    with stores_in(tmp_path_factory.mktemp("surveying")) as stores:
        yield stores


@pytest.fixture(scope="module")
def dovecot_server(start_server: StartServer) -> Server:
    return start_server("dovecot")


@pytest.fixture(scope="module")
def config(
    google_process: tuple[Google, object],
    running: Stores,
    dovecot_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Config:
    mailbox: dict[str, object] = {
        "host": dovecot_server.host,
        "port": dovecot_server.tls_port,
        "ca_file": dovecot_server.ca_file,
    }
    return config_for(google_process[0], running, tmp_path_factory.mktemp("config"), mailbox=mailbox)


@pytest.fixture(scope="module")
def working(config: Config, running: Stores) -> Iterator[Surveyor]:
    """What a worker does beside its slices."""
    surveyor, stop = Surveyor(config, running), threading.Event()
    thread = threading.Thread(target=surveyor.work_until, args=(stop,))
    thread.start()
    yield surveyor
    stop.set()
    thread.join()


@pytest.fixture
def stores(running: Stores, working: Surveyor) -> Iterator[Stores]:
    yield emptied(running)
    emptied(running)
    ended(working)


@pytest.fixture
def user(dovecot_server: Server) -> User:
    return dovecot_server.new_user(quota=50_000_000)


def connected(google: Google, stores: Stores, user: User, *, start: bool = False, account: str = ADDRESS) -> str:
    """Connect an import that waits for its start; each account is another customer's."""
    customer = "c1" if account == ADDRESS else account.partition("@")[0]
    if account != ADDRESS:
        google.control("accounts", {"address": account, "synthetic": 3})
    migration = unstarted(google, stores.state, stores.vault, user, account, customer)
    if start:
        requests.resume(stores.state, migration)
    return migration


def ended(surveyor: Surveyor) -> None:
    """Have all its surveys end, and wait for it."""
    surveyor.halt()
    eventually(lambda: surveyor.load.working + surveyor.load.waiting == 0)


def result(stores: Stores, migration: str) -> Found | Failed:
    eventually(lambda: found(stores, migration))
    there = found(stores, migration)
    assert there is not None
    return there


def idle(stores: Stores, migration: str) -> bool:
    return not stores.state.exists(f"{record_key(migration)}:surveying")


def below(pid: int) -> list[int]:
    """Return the processes that a process has made and that have not ended."""
    lists = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(child) for children in lists for child in children.read_text().split()]


def surveys() -> list[int]:
    """Return the processes that the fork server has made and that have not ended."""
    made = below(os.getpid())
    return [one for pid in made if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes() for one in below(pid)]


def test_an_account_and_its_mailbox_are_looked_over(
    google: Google, stores: Stores, user: User, dovecot_server: Server
) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    google.control("labels", {"id": "Label_2", "name": "Empty", "labelListVisibility": "labelHide"})
    for number, labels in enumerate((["INBOX"], ["INBOX", "Label_1", "UNREAD"], ["SENT"], [], ["SPAM"])):
        google.add(letter(number, b"x" * 40_000), labelIds=labels)
    with dovecot_server.observer(user) as client:
        client.create_folder("work")
    migration = connected(google, stores, user)
    begin(stores, migration)
    there = result(stores, migration)
    assert isinstance(there, Found)
    figures = counted(there)
    assert (figures.messages, figures.labels) == (5, 2)
    assert figures.at_least <= 5 * 40_000 <= figures.at_most
    assert figures.free is not None
    assert 49_000_000 < figures.free < 50_002_000, "Dovecot counts in units of 1,024"
    shown = looked(there, Choices())
    assert {name: n for name, n in shown.effect.folders.items() if n} == {
        "INBOX": 1,
        shown.folder_map.targets["Label_1"].name: 1,
        shown.folder_map.targets["SENT"].name: 1,
        shown.folder_map.targets["ARCHIVE"].name: 1,
    }
    assert "case-twin" in {note.kind for note in shown.folder_map.notes}, "the mailbox's own folder is seen"
    assert shown.by_label == {"INBOX": 2, "Label_1": 1, "SENT": 1, "SPAM": 1, "ARCHIVE": 1}
    assert shown.effect.skipped == {"spam": 1}
    assert usual(there, Choices()).skip_labels == {"Label_2"}
    assert "messages.get" not in calls(google)


def test_other_choices_are_computed_without_asking_anybody(google: Google, stores: Stores, user: User) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    google.add(letter(1), labelIds=["INBOX", "Label_1"])
    google.add(letter(2), labelIds=["TRASH"], internalDate="1000000000000")
    migration = connected(google, stores, user)
    begin(stores, migration)
    there = result(stores, migration)
    assert isinstance(there, Found)
    before = calls(google)
    several = looked(
        there, Choices(policy="copy-per-label", renames={"Label_1": "Desk"}, trash=True, since="2020-01-01")
    )
    assert set(several.effect.folders) == {"Desk", "INBOX"}
    assert several.effect.skipped == {"period": 1}
    assert looked(there, Choices(skip_labels=frozenset({"Label_1"}))).effect.folders == {"INBOX": 1}
    assert calls(google) == before


def test_what_is_found_has_an_end_date_and_ends_with_the_import(google: Google, stores: Stores, user: User) -> None:
    invent(google, 3)
    migration = connected(google, stores, user)
    begin(stores, migration)
    result(stores, migration)
    key = f"{record_key(migration)}:survey"
    row = row_for(key)
    assert row in KEPT
    left = stores.state.pttl(record_key(migration))
    assert 0 < stores.state.pttl(key) <= left
    eventually(lambda: idle(stores, migration))
    audit.verify(stores.state)
    assert b"example.com" not in everything(stores.state), "no sender, no subject"


def test_the_audit_log_is_told_before_and_the_receipt_will_say_what_was_asked(
    google: Google, stores: Stores, user: User, dovecot_server: Server
) -> None:
    invent(google, 3)
    migration = connected(google, stores, user)
    begin(stores, migration)
    result(stores, migration)
    assert [(str(e.actor), str(e.act), e.code) for e in audit.entries(stores.state, migration)] == [
        ("customer", "opened", "look-over")
    ]
    asked = stores.state.hgetall(f"{record_key(migration)}:calls")
    assert int(asked[b"users.messages.list"]) == calls(google)["messages.list"]
    hosts = stores.state.smembers(f"{record_key(migration)}:hosts")
    assert any(place.endswith(f":{dovecot_server.tls_port}".encode()) for place in hosts)


def test_beginning_twice_is_beginning_once(google: Google, stores: Stores, user: User) -> None:
    invent(google, 1203)
    migration = connected(google, stores, user)
    google.fault("hang", method="messages.list", seconds=4, times=2)
    for _ in range(5):
        begin(stores, migration)
    eventually(lambda: calls(google).get("messages.list"))
    begin(stores, migration)  # as its customer's page does again and again
    result(stores, migration)
    eventually(lambda: idle(stores, migration))
    begin(stores, migration)
    eventually(lambda: idle(stores, migration))
    assert calls(google)["labels.list"] == 1
    assert stores.state.hget(f"{record_key(migration)}:calls", "users.labels.list") == b"1"


def test_four_large_accounts_keep_no_small_one_waiting(
    google: Google, stores: Stores, dovecot_server: Server, working: Surveyor
) -> None:
    """Each listing of theirs takes seconds; a customer who comes after them is served between their slices."""
    large = [
        connected(google, stores, dovecot_server.new_user(), account=f"large-{number}@gmail.example")
        for number in range(5)
    ]
    for number in range(5):
        google.fault("hang", method="messages.list", account=f"large-{number}@gmail.example", seconds=4, times=0)
    for migration in large:
        begin(stores, migration)
    eventually(lambda: working.load.working >= 4)
    small = connected(google, stores, dovecot_server.new_user())
    invent(google, 3)
    begin(stores, small)
    assert isinstance(result(stores, small), Found)
    assert [found(stores, migration) for migration in large] == [None] * 5


def test_another_worker_that_is_at_it_is_left_alone(
    google: Google, stores: Stores, user: User, working: Surveyor
) -> None:
    migration = connected(google, stores, user)
    stores.state.set(f"{record_key(migration)}:surveying", "another", ex=60)
    begin(stores, migration)
    assert queued(stores.sender.client, SURVEYS) == 0
    working.take(migration)  # a message that comes twice
    assert (working.load.working, working.load.waiting) == (0, 0)
    assert stores.state.get(f"{record_key(migration)}:surveying") == b"another"


def test_who_is_asked_twice_does_not_do_anew_what_is_done(
    google: Google, stores: Stores, user: User, working: Surveyor
) -> None:
    migration = connected(google, stores, user)
    begin(stores, migration)
    result(stores, migration)
    eventually(lambda: idle(stores, migration))
    working.take(migration)
    begin(stores, migration)
    assert idle(stores, migration)
    assert calls(google)["labels.list"] == 1


def test_a_message_that_is_lost_is_sent_again_when_its_hold_is_over(google: Google, stores: Stores, user: User) -> None:
    migration = connected(google, stores, user)
    stores.state.set(f"{record_key(migration)}:surveying", "asked", ex=30)
    begin(stores, migration)
    assert queued(stores.sender.client, SURVEYS) == 0
    stores.state.delete(f"{record_key(migration)}:surveying")  # as its end date does
    begin(stores, migration)
    assert isinstance(result(stores, migration), Found)


def test_an_import_that_was_started_is_not_looked_over(google: Google, stores: Stores, user: User) -> None:
    migration = connected(google, stores, user, start=True)
    begin(stores, migration)
    eventually(lambda: idle(stores, migration))
    assert (found(stores, migration), calls(google).get("labels.list")) == (None, None)
    assert list(audit.entries(stores.state)) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("password", "login-refused"),
        ("grant", "reconnect-needed"),
        ("key", "key-lost"),
        ("google", "google-down"),
    ],
)
def test_what_went_wrong_is_told_by_a_code_and_it_can_be_begun_again(
    wrong: str, code: str, google: Google, stores: Stores, user: User
) -> None:
    invent(google, 3)
    given = User(user.name, "wrong") if wrong == "password" else user
    migration = connected(google, stores, given)
    if wrong == "grant":
        google.control("grants", {}, verb="DELETE")
    if wrong == "key":
        stores.vault.destroy(migration)
    if wrong == "google":
        google.fault("backendError", method="labels.list", times=0, status=503)
    begin(stores, migration)
    assert result(stores, migration) == Failed(code)
    eventually(lambda: idle(stores, migration) and not surveys())
    google.control("faults", {}, verb="DELETE")
    if wrong == "password":
        prepare(stores.state, stores.vault, migration, Import("c1", Password(user.name, user.password)))
    if wrong in {"password", "google"}:
        begin(stores, migration)
        eventually(lambda: isinstance(found(stores, migration), Found))


def test_one_that_hangs_is_killed_and_can_be_begun_again(
    google: Google, config: Config, stores: Stores, user: User
) -> None:
    invent(google, 3)
    migration = connected(google, stores, user)
    google.fault("hang", method="labels.list", seconds=50)
    Surveyor(config, stores, seconds=3).take(migration)
    assert result(stores, migration) == Failed("child-overtime")
    eventually(lambda: idle(stores, migration) and not surveys())
    google.control("faults", {}, verb="DELETE")
    begin(stores, migration)
    eventually(lambda: isinstance(found(stores, migration), Found))


def test_one_that_dies_leaves_a_code(google: Google, stores: Stores, user: User) -> None:
    invent(google, 3)
    migration = connected(google, stores, user)
    google.fault("hang", method="labels.list", seconds=50)
    begin(stores, migration)
    eventually(lambda: calls(google).get("labels.list"))
    for process in surveys():
        os.kill(process, 9)
    assert result(stores, migration) == Failed("child-killed")


def test_an_import_that_is_cancelled_meanwhile_is_no_longer_looked_over(
    google: Google, stores: Stores, user: User
) -> None:
    """Its access is given back as ever; nothing of the survey is kept."""
    invent(google, 1203)
    google.fault("hang", method="messages.list", seconds=1, times=0)
    migration = connected(google, stores, user)
    begin(stores, migration)
    eventually(lambda: calls(google).get("messages.list"))
    requests.cancel(stores.state, migration)
    eventually(lambda: idle(stores, migration) and not surveys())
    assert found(stores, migration) is None
    assert f"{record_key(migration)}:survey" not in names(stores)
    assert len(grants(google)) == 1, "giving it back is the last slice's work"


def test_what_a_worker_leaves_that_ends_is_done_by_another(
    google: Google, config: Config, stores: Stores, user: User
) -> None:
    invent(google, 1203)
    google.fault("hang", method="messages.list", seconds=100, times=1)
    migration, ends = connected(google, stores, user), Surveyor(config, stores)
    ends.take(migration)
    eventually(lambda: calls(google).get("messages.list"))
    processes = surveys()
    ended(ends)
    assert all(is_gone(pid) for pid in processes), "it does not wait for Google"
    google.control("faults", {}, verb="DELETE")
    assert isinstance(result(stores, migration), Found)
    assert calls(google)["labels.list"] == 2


def test_no_secret_and_no_address_is_kept_in_the_clear(google: Google, stores: Stores, user: User) -> None:
    invent(google, 3)
    migration = connected(google, stores, user)
    begin(stores, migration)
    there = result(stores, migration)
    kept = everything(stores.state)
    assert json.loads(stores.state.get(f"{record_key(migration)}:survey") or b"")["ids"]
    token = grant_of(Safe(stores.state, migration, stores.opening_vault.key(migration))).refresh_token
    for secret in (ADDRESS, token, user.name):
        assert secret.encode() not in kept
        assert secret not in repr(there)


@pytest.mark.parametrize(
    ("kind", "method", "code"),
    [
        ("mailNotEnabled", "", "no-gmail"),
        ("accessNotConfigured", "labels.list", "google-client-refused"),
        ("domainPolicy", "messages.list", "google-refused"),
    ],
)
def test_an_account_that_cannot_be_looked_over_says_why(
    google: Google, stores: Stores, user: User, kind: str, method: str, code: str
) -> None:
    migration = connected(google, stores, user)
    google.fault(kind, method=method, times=0)
    begin(stores, migration)
    assert result(stores, migration) == Failed(code)
