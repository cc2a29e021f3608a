"""The result, the receipt, what is held, the support's permission, and erasing: of a real import, over HTTP."""

import html
import re
from collections.abc import Iterator

import pytest
from browser import Answer
from ended import Town, town
from servers.fixtures import StartServer
from stand_in import Google
from ways import Client

from emulator.servers.instance import Limits, Server, User
from jobs import audit, permission, requests
from jobs.audit import Act
from jobs.kept import HOUR
from jobs.migration import State
from jobs.permission import Field
from migrator.ledger import Ledger
from migrator.outcome import Mark
from web import session as sessions

MESSAGES = 6
SPAM = b"From: a@x.example\r\nSubject: canary-subject\r\nMessage-ID: <spam@x.example>\r\n\r\nspam\r\n"
STAFF = audit.staff("5a" * 16)
ROUTES = [
    ("GET", ""),
    ("GET", "/receipt"),
    ("GET", "/undo"),
    ("POST", "/undo"),
    ("POST", "/erase"),
    ("GET", "/data"),
    ("GET", "/permission"),
    ("POST", "/permission"),
    ("POST", "/permission/end"),
]


@pytest.fixture(scope="module")
def account() -> Iterator[Google]:
    with Google(synthetic=MESSAGES) as google:
        google.add(SPAM, labelIds=["SPAM"])
        yield google


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())


@pytest.fixture(scope="module")
def there(account: Google, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("data"), account, server) as made:
        yield made


@pytest.fixture(scope="module")
def user(server: Server) -> User:
    return server.new_user()


@pytest.fixture(scope="module")
def ended(there: Town, user: User) -> str:
    return there.run(user)


def asked(who: Client, verb: str, place: str) -> Answer:
    return who.post(place, password="x", field="report") if verb == "POST" else who.ask("GET", place)


def keys_of(there: Town, migration: str) -> set[bytes]:
    """Return what is left of an import but for the entries of the audit log, which hold nothing personal."""
    stores = (there.stores.state, there.stores.keys)
    found = {key for store in stores for key in store.scan_iter() if migration.encode() in key}
    return found - {f"audit:of:{migration}".encode()}


def links_of(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="(https://mail\.google[^"]*)"', page)]


def test_the_result_adds_up_and_says_that_access_is_gone(there: Town, ended: str, user: User) -> None:
    page = there.customer(user).ask("GET", f"/imports/{ended}").text
    assert "Your mail has arrived" in page
    assert re.findall(r"<td>([\d,]+)</td>", page)[:3] == ["6", "1", "7"]
    assert re.search(r"access to your Google Account was removed at <time", page)
    assert "canary-subject" not in page
    for place in ("data", "permission", "receipt"):
        assert f'href="/imports/{ended}/{place}"' in page


def test_what_was_not_copied_is_a_link_into_ones_own_gmail(there: Town, ended: str, user: User) -> None:
    ids = [f"{number:x}" for number in Ledger(there.stores.state, ended).ids()]
    (spam,) = [n for n, mark in enumerate(Ledger(there.stores.state, ended).marks()) if mark == Mark.SKIPPED_SPAM]
    page = there.customer(user).ask("GET", f"/imports/{ended}").text
    assert links_of(page) == [f"https://mail.google.com/mail/u/0/#all/{ids[spam]}"]


def test_the_receipt_comes_as_a_file_and_is_genuine(there: Town, ended: str, user: User) -> None:
    answer = there.customer(user).ask("GET", f"/imports/{ended}/receipt")
    assert answer.headers["content-type"] == "application/jose"
    assert answer.headers["content-disposition"] == f'attachment; filename="import-receipt-{ended[:8]}.jws"'
    found = there.doors.receipt(ended)
    assert found is not None
    assert (found.migration, found.access.revocation) == (ended, "confirmed")
    assert answer.text.strip() == there.doors.signed(ended)


def test_a_cancelled_import_has_a_result_too(there: Town, user: User) -> None:
    migration = there.home.launch(user)
    requests.cancel(there.stores.state, migration)
    there.home.wait(migration, State.CANCELLED)
    page = there.customer(user).ask("GET", f"/imports/{migration}").text
    assert "Import cancelled" in page
    assert "Erase what you hold about me now" in page


def test_what_is_held_is_read_from_the_stores(there: Town, ended: str, user: User) -> None:
    customer = there.customer(user)
    page = customer.ask("GET", f"/imports/{ended}/data").text
    told = [html.unescape(row) for row in re.findall("<li><strong>(.*?)</strong>", page)]
    assert sorted(told) == sorted(holding.holds for holding in there.doors.held(ended))
    assert "the signed receipt" in told
    assert not [line for line in told if "sealed" in line], "the grant is gone"
    there.stores.state.delete(f"mig:{{{ended}}}:hosts")
    assert "hosts and ports connected to" not in customer.ask("GET", f"/imports/{ended}/data").text


def test_support_may_look_when_the_customer_says_so_and_he_sees_who_did(there: Town, ended: str, user: User) -> None:
    customer, state = there.customer(user), there.stores.state
    place = f"/imports/{ended}/permission"
    assert not permission.may(state, STAFF, ended, Field.REPORT)
    answer = customer.ask(
        "POST",
        place,
        b"field=report&field=history",
        Content_Type="application/x-www-form-urlencoded",
        Sec_Fetch_Site="same-origin",
    )
    assert (answer.status, answer.place) == (303, place)
    assert permission.may(state, STAFF, ended, Field.REPORT)
    assert not permission.may(state, STAFF, ended, Field.FOLDER_NAMES)
    page = customer.ask("GET", place).text
    assert "You allow this now" in page
    assert "5a5a5a" in page
    assert "5a" * 4 not in page
    assert customer.post(f"{place}/end").status == 303
    assert not permission.may(state, STAFF, ended, Field.REPORT)
    page = customer.ask("GET", place).text
    assert "You allow this now" not in page
    assert "5a5a5a" in page, "who looked stays to be seen"
    acts = [entry.act for entry in audit.entries(state, ended) if "permission" in entry.act]
    assert acts == [Act.PERMISSION_GIVEN, Act.PERMISSION_USED, Act.PERMISSION_ENDED]


def test_a_permission_lapses_by_itself(there: Town, ended: str, user: User) -> None:
    customer, state = there.customer(user), there.stores.state
    customer.post(f"/imports/{ended}/permission", field="report")
    held = permission.held(state, ended)
    assert held is not None
    assert held.until - held.given_at <= 24 * HOUR
    assert not permission.may(state, STAFF, ended, Field.REPORT, now=held.until)
    left = state.ttl(f"mig:{{{ended}}}:permission")
    assert isinstance(left, int)
    assert 0 < left <= 24 * HOUR
    customer.post(f"/imports/{ended}/permission/end")


def test_a_permission_for_nothing_or_for_more_than_there_is_is_none(there: Town, ended: str, user: User) -> None:
    customer = there.customer(user)
    page = customer.post(f"/imports/{ended}/permission")
    assert "Tick what the support may see" in page.text
    assert customer.post(f"/imports/{ended}/permission", field="mail").status == 422
    assert permission.held(there.stores.state, ended) is None


@pytest.mark.parametrize(("verb", "place"), ROUTES)
def test_another_customers_import_is_not_found(there: Town, ended: str, user: User, verb: str, place: str) -> None:
    before = keys_of(there, ended)
    stranger, nobody = there.customer(user, "c2"), there.customer(user, "c1")
    nobody.cookies.clear()
    for who in (stranger, nobody):
        answer = asked(who, verb, f"/imports/{ended}{place}")
        assert answer.status == 404
        assert answer.text == asked(who, verb, f"/imports/{'0' * 32}{place}").text, "nobody can tell what exists"
    assert requests.read(there.stores.state, ended).state is State.DONE
    assert keys_of(there, ended) == before


def test_a_broken_log_lets_nothing_happen(there: Town, ended: str, user: User) -> None:
    customer, state = there.customer(user), there.stores.state
    state.set("audit:broken", "torn", ex=600)
    try:
        for place in ("erase", "permission"):
            assert customer.post(f"/imports/{ended}/{place}", field="report").status == 503
        assert permission.held(state, ended) is None
        assert requests.read(state, ended).state is State.DONE
    finally:
        state.delete("audit:broken")


def test_an_import_under_way_is_not_erased(there: Town, user: User) -> None:
    migration = requests.create(there.stores.state, "c1", start=False).id
    answer = there.customer(user).post(f"/imports/{migration}/erase")
    assert answer.status == 409
    assert "has not ended yet" in answer.text
    assert "erase it when it has ended" in there.customer(user).ask("GET", f"/imports/{migration}/data").text
    assert requests.read(there.stores.state, migration).reason == "not-started"
    requests.cancel(there.stores.state, migration)


def test_nothing_is_erased_while_an_undo_reads_it(there: Town, ended: str, user: User) -> None:
    hold = f"mig:{{{ended}}}:undoing"
    there.stores.state.set(hold, "somebody", ex=60)
    answer = there.customer(user).post(f"/imports/{ended}/erase")
    there.stores.state.delete(hold)
    assert answer.status == 409
    assert requests.read(there.stores.state, ended).state is State.DONE


def test_of_an_erased_import_no_key_is_left_and_its_customer_is_told(there: Town, server: Server) -> None:
    user = server.new_user()
    migration = there.run(user)
    customer = there.customer(user, "somebody else", migration)
    customer.post(f"/imports/{migration}/permission", field="report")
    answer = customer.post(f"/imports/{migration}/erase")
    assert (answer.status, answer.place) == (303, "/goodbye")
    session = sessions.find(there.stores.state, customer.session)
    assert session is not None
    assert session.imports == ()
    assert keys_of(there, migration) == set()
    assert "We hold nothing of this import any more" in customer.ask("GET", "/goodbye").text
    for verb, place in ROUTES:
        assert asked(customer, verb, f"/imports/{migration}{place}").status == 404
    assert [entry.act for entry in audit.entries(there.stores.state, migration)][-1] == Act.ERASED
