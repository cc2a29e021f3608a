"""An import taken back on the pages: a real import into a real Dovecot, undone over HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ended import Town, town
from servers.fixtures import StartServer
from stand_in import Google

from emulator.servers.instance import Limits, Server, User
from jobs import audit, requests, undowish
from jobs.audit import Act
from jobs.migration import record_key
from migrator.undo import Undone
from web.undoing import TRIES

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 12


@pytest.fixture(scope="module")
def account() -> Iterator[Google]:
    with Google(synthetic=MESSAGES) as google:
        yield google


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())


@pytest.fixture(scope="module")
def there(account: Google, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("undo"), account, server) as made:
        yield made


@pytest.fixture
def user(server: Server) -> User:
    return server.new_user()


def lying(server: Server, user: User) -> dict[str, int]:
    with server.observer(user) as observer:
        names = [name for _, _, name in observer.list_folders()]
        return {name: observer.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in names}


def test_an_undo_removes_what_was_added_and_leaves_what_the_customer_made_his_own(
    there: Town, server: Server, user: User
) -> None:
    with server.observer(user) as observer:
        observer.append("INBOX", b"Subject: mine\r\n\r\nbefore\r\n")
    migration = there.run(user)
    assert sum(lying(server, user).values()) == MESSAGES + 1
    folder = max(lying(server, user).items(), key=lambda row: (row[0] != "INBOX", row[1]))[0]
    with server.observer(user) as observer:
        observer.select_folder(folder)
        answered, *_ = observer.search(["NOT", "HEADER", "SUBJECT", "mine"])
        observer.add_flags([answered], [rb"\Answered"])
    customer = there.customer(user)
    answer = customer.post(f"/imports/{migration}/undo", password=user.password)
    assert (answer.status, answer.place) == (303, f"/imports/{migration}/undo")
    standing = there.undone(migration)
    assert (standing.kind, standing.undone.removed, standing.undone.changed) == ("done", MESSAGES - 1, 1)
    assert sum(lying(server, user).values()) == 2
    with server.observer(user) as observer:
        observer.select_folder(folder)
        assert observer.search(["ANSWERED"]) == [answered]
    page = customer.ask("GET", f"/imports/{migration}/undo").text
    assert "Your import is undone" in page
    assert re.findall(r"<td>([\d,]+)</td>", page) == [str(MESSAGES - 1), "1", "0", "0", str(MESSAGES)]
    assert "See how the undo stands" in customer.ask("GET", f"/imports/{migration}").text
    assert customer.post(f"/imports/{migration}/undo", password=user.password).status == 303
    assert [str(entry.act) for entry in audit.entries(there.stores.state, migration)].count(Act.UNDOING) == 1


@pytest.fixture(scope="module")
def ended(there: Town, server: Server) -> tuple[str, User]:
    """An import that has ended, and whose mailbox it went into."""
    user = server.new_user()
    return there.run(user), user


def test_a_wrong_password_is_told_and_changes_nothing_and_the_right_one_goes_on(
    there: Town, server: Server, user: User
) -> None:
    migration = there.run(user)
    customer = there.customer(user)
    customer.post(f"/imports/{migration}/undo", password="wrong")
    assert there.undone(migration) == undowish.Standing("stopped", Undone(), "login-refused")
    page = customer.ask("GET", f"/imports/{migration}/undo").text
    assert "did not accept the password" in page
    assert 'name="password"' in page
    assert sum(lying(server, user).values()) == MESSAGES
    customer.post(f"/imports/{migration}/undo", password=user.password)
    assert there.undone(migration).undone.removed == MESSAGES


def test_no_other_mailbox_is_touched(there: Town, ended: tuple[str, User], server: Server) -> None:
    migration, _ = ended
    other = server.new_user()
    customer = there.customer(other)
    customer.post(f"/imports/{migration}/undo", password=other.password)
    assert there.undone(migration).code == "other-mailbox"
    assert "another mailbox" in customer.ask("GET", f"/imports/{migration}/undo").text


def test_without_a_password_nothing_begins(there: Town, ended: tuple[str, User]) -> None:
    migration, user = ended
    undowish.settle(there.stores.state, migration)
    assert there.customer(user).post(f"/imports/{migration}/undo").status == 303
    assert undowish.standing(there.stores.state, migration).kind == "none"


def test_a_session_that_does_not_know_its_mailbox_asks_for_the_address(there: Town, ended: tuple[str, User]) -> None:
    migration, user = ended
    undowish.settle(there.stores.state, migration)
    customer = there.customer(user, mailbox="")
    assert "readonly" not in customer.ask("GET", f"/imports/{migration}/undo").text
    customer.post(f"/imports/{migration}/undo", user=user.name, password="wrong")
    assert there.undone(migration).code == "login-refused"
    undowish.settle(there.stores.state, migration)
    assert f'value="{user.name}" readonly' in there.customer(user).ask("GET", f"/imports/{migration}/undo").text


def test_a_running_undo_is_shown_and_not_begun_twice(there: Town, ended: tuple[str, User]) -> None:
    migration, user = ended
    there.stores.state.set(f"{record_key(migration)}:undoing", "another", ex=60)
    customer = there.customer(user)
    page = customer.ask("GET", f"/imports/{migration}/undo").text
    assert "Your import is being undone" in page
    assert f'hx-get="/imports/{migration}/undo"' in page
    assert 'name="password"' not in page
    assert customer.post(f"/imports/{migration}/undo", password="wrong").status == 303
    assert not there.stores.state.exists(f"{record_key(migration)}:undo-wish")
    there.stores.state.delete(f"{record_key(migration)}:undoing")


def test_an_undo_that_was_cut_off_is_offered_again(there: Town, ended: tuple[str, User]) -> None:
    migration, user = ended
    undowish.stop(there.stores.state, migration, "child-killed")
    page = there.customer(user).ask("GET", f"/imports/{migration}/undo").text
    assert "begins where it stopped" in page
    assert 'name="password"' in page
    undowish.settle(there.stores.state, migration)


def test_passwords_are_tried_so_many_times_and_no_more(there: Town, ended: tuple[str, User]) -> None:
    migration, user = ended
    name = f"undo {migration}"
    while not there.doors.seconds_to_wait(TRIES, name):
        pass
    answer = there.customer(user).post(f"/imports/{migration}/undo", password="guessed")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= TRIES.seconds
    assert undowish.standing(there.stores.state, migration).kind == "none"
    for key in there.stores.state.scan_iter("limit:undo:*"):
        assert migration.encode() not in key
        there.stores.state.delete(key)


def test_an_import_under_way_is_not_undone(there: Town, user: User) -> None:
    migration = requests.create(there.stores.state, "c1", start=False).id
    customer = there.customer(user)
    for answer in (
        customer.post(f"/imports/{migration}/undo", password=user.password),
        customer.ask("GET", f"/imports/{migration}/undo"),
    ):
        assert answer.status == 409
        assert "has not ended yet" in answer.text
    requests.cancel(there.stores.state, migration)


def test_that_an_undo_was_asked_for_ends_with_the_import(there: Town, ended: tuple[str, User]) -> None:
    migration, _ = ended
    undowish.stop(there.stores.state, migration, "login-refused")
    key = f"{record_key(migration)}:undo-wish"
    wish, record = there.stores.state.ttl(key), there.stores.state.ttl(record_key(migration))
    assert isinstance(wish, int)
    assert isinstance(record, int)
    assert 0 < wish <= record
    undowish.settle(there.stores.state, migration)
    gone = "0" * 32
    undowish.ask(there.stores.state, gone)
    assert not there.stores.state.exists(f"{record_key(gone)}:undo-wish")
