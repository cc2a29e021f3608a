import time
import tracemalloc

import pytest
from servers.entry import enter, item, letter, take_rights
from servers.fixtures import StartServer

from emulator.servers.instance import Limits, Server, User
from migrator.errors import ConnectionLost, FolderRefused, MessageRefused, RefusedUnexplained
from migrator.mailbox import Appended, Item, Mailbox, Refused, Selected

NOTHING_MISSING = Limits(acl=True)
LESS = {
    "everything": NOTHING_MISSING,
    "no MULTIAPPEND": Limits(without=frozenset({"MULTIAPPEND"})),
    "no LITERAL+": Limits(without=frozenset({"LITERAL+"})),
    "no UIDPLUS": Limits(without=frozenset({"UIDPLUS"})),
    "nothing": Limits(without=frozenset({"MULTIAPPEND", "LITERAL+", "UIDPLUS", "LIST-EXTENDED", "NAMESPACE"})),
}


@pytest.fixture(params=["dovecot", "cyrus"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[*LESS, "LITERAL-"])
def lesser(request: pytest.FixtureRequest, kind: str, start_server: StartServer) -> Server:
    """A server that lacks something; LITERAL- is Dovecot's alone (Cyrus 3.6 goes on advertising LITERAL+)."""
    if request.param == "LITERAL-":
        return start_server("dovecot", Limits(literal_minus=True))
    return start_server(kind, LESS[request.param])


def refused(result: Appended | Refused) -> str:
    assert isinstance(result, Refused)
    assert isinstance(result.error, MessageRefused)
    return result.error.detail


def uids(results: list[Appended | Refused]) -> list[int]:
    assert all(isinstance(result, Appended) for result in results), results
    return [result.uid for result in results]


MIXED = [letter(n, b"x" * 70 * size + b"\r\n") for n, size in enumerate([1, 50, 58, 59, 400, 4000, 9, 1] * 10)]


@pytest.mark.parametrize("careful", [False, True])
def test_mail_arrives_whole_and_in_order_whatever_the_server_lacks(lesser: Server, careful: bool) -> None:  # noqa: FBT001
    user = lesser.new_user()
    items = [Item(wire, ("\\Seen",) if n % 2 else ("$Odd",), 1_700_000_000_000 + n) for n, wire in enumerate(MIXED)]
    with enter(lesser, user) as mailbox:
        selected = mailbox.select("INBOX")
        assert uids(mailbox.append(selected, items[:60], careful=careful)) == list(range(1, 61))
        assert uids(mailbox.append(selected, items[60:], careful=careful)) == list(range(61, 81))
        assert [body for _, body in mailbox.bodies(range(1, 100))] == MIXED
    with lesser.observer(user) as observer:
        observer.select_folder("INBOX", readonly=True)
        seen = observer.search(["SEEN"])
        assert seen == list(range(2, 81, 2))


def test_what_the_servers_lack_is_really_lacking(kind: str, start_server: StartServer) -> None:
    for label, lacking in (("no MULTIAPPEND", "MULTIAPPEND"), ("no LITERAL+", "LITERAL+"), ("no UIDPLUS", "UIDPLUS")):
        server = start_server(kind, LESS[label])
        with enter(server, server.new_user()) as mailbox:
            assert lacking not in mailbox.capabilities
    server = start_server("dovecot", Limits(literal_minus=True))
    with enter(server, server.new_user()) as mailbox:
        assert "LITERAL-" in mailbox.capabilities
        assert "LITERAL+" not in mailbox.capabilities


def test_an_empty_list_appends_nothing(mailbox: Mailbox, inbox: Selected) -> None:
    assert mailbox.append(inbox, []) == []


def test_one_bad_message_in_a_batch_is_refused_alone(kind: str, lesser: Server) -> None:
    with enter(lesser, lesser.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        results = mailbox.append(selected, [item(letter(1)), item(letter(2)), item(b""), item(letter(4))])
        assert refused(results.pop(2)) == "empty", kind
        assert uids(results) == [1, 2, 3]
        assert [body for _, body in mailbox.bodies(range(1, 10))] == [letter(1), letter(2), letter(4)]


def test_uids_are_found_by_looking_even_when_another_client_delivers_between(
    kind: str, start_server: StartServer
) -> None:
    server = start_server(kind, LESS["no UIDPLUS"])
    user = server.new_user()
    with enter(server, user) as mailbox, server.observer(user) as other:
        selected = mailbox.select("INBOX")
        other.append("INBOX", letter(99, b"a letter of another size\r\n"))
        assert uids(mailbox.append(selected, [item(letter(1)), item(letter(2, b"longer\r\n" * 9))])) == [2, 3]
        other.append("INBOX", letter(98, b"and another one\r\n"))
        assert uids(mailbox.append(selected, [item(letter(3))])) == [5]


def test_a_folder_deleted_under_our_hands_loses_no_message_unsaid(
    mailbox: Mailbox, mailbox_server: Server, user: User
) -> None:
    """Cyrus says so; Dovecot has an "internal error", which is looked into a minute later."""
    name = mailbox.shape().prefix + "Gone"
    mailbox.create(name)
    selected = mailbox.select(name)
    with mailbox_server.observer(user) as observer:
        observer.delete_folder(name)
    (result,) = mailbox.append(selected, [item()])
    assert isinstance(result, Refused)
    assert result.error.detail == ("missing" if mailbox_server.kind == "cyrus" else "server-fault")
    with pytest.raises(FolderRefused, match="missing"):
        mailbox.select(name)


def test_a_folder_made_anew_under_our_hands_is_noticed(cyrus_server: Server) -> None:
    user = cyrus_server.new_user()
    with enter(cyrus_server, user) as mailbox, cyrus_server.observer(user) as observer:
        mailbox.create("INBOX.Anew")
        selected = mailbox.select("INBOX.Anew")
        observer.delete_folder("INBOX.Anew")
        observer.create_folder("INBOX.Anew")
        now = observer.folder_status("INBOX.Anew", ["UIDVALIDITY"])[b"UIDVALIDITY"]
        assert mailbox.append(selected, [item()]) == [Appended(1, uidvalidity=now)], "stored, where nobody has looked"
        with pytest.raises(ConnectionLost):
            mailbox.select("INBOX.Anew")


def test_a_server_that_takes_less_than_it_advertises_costs_the_connection_and_then_nothing(
    start_server: StartServer,
) -> None:
    """Cyrus 3.6 with `literalminus` still advertises LITERAL+, and hangs up on a literal above 4 KiB sent so."""
    server = start_server("cyrus", Limits(literal_minus=True))
    user = server.new_user()
    items = [item(letter(1)), item(letter(2, b"x" * 9000))]
    with enter(server, user) as mailbox, pytest.raises(ConnectionLost):
        mailbox.append(mailbox.select("INBOX"), items)
    with enter(server, user) as mailbox:
        selected = mailbox.select("INBOX")
        assert selected.exists == 0
        assert uids(mailbox.append(selected, items, careful=True)) == [1, 2]


@pytest.mark.parametrize("careful", [False, True])
def test_a_folder_without_the_right_to_insert_refuses_by_that_name_where_the_server_gives_one(
    mailbox_server: Server,
    user: User,
    careful: bool,  # noqa: FBT001
) -> None:
    with enter(mailbox_server, user) as mailbox:
        name = mailbox.shape().prefix + "Closed"
        mailbox.create(name)
    take_rights(mailbox_server, user, name, "lrsa")
    with enter(mailbox_server, user) as mailbox:
        results = mailbox.append(mailbox.select(name), [item(letter(1)), item(letter(2))], careful=careful)
    if mailbox_server.kind == "dovecot":
        assert_read_only(results)
    else:  # Cyrus gives no code, opens the folder for writing, and says the same when its disk cannot be written to
        assert [type(result.error) for result in results if isinstance(result, Refused)] == [RefusedUnexplained] * 2


def test_a_folder_opened_read_only_says_so(start_server: StartServer) -> None:
    dovecot, cyrus = start_server("dovecot"), start_server("cyrus")
    mine, theirs = cyrus.new_user(), cyrus.new_user()
    with cyrus.observer(theirs) as observer:
        observer.create_folder("INBOX.Shared")
        observer.setacl("INBOX.Shared", mine.name, "lr")
    with dovecot.observer(mine) as observer:
        observer.create_folder("Closed")
        observer.setacl("Closed", "owner", "lra")
    for server, name in ((cyrus, f"user.{theirs.name}.Shared"), (dovecot, "Closed")):
        with enter(server, mine) as mailbox:
            selected = mailbox.select(name)
            assert selected.read_only
            assert not selected.keywords_allowed
            assert_read_only(mailbox.append(selected, [item(letter(1)), item(letter(2))]))
            assert mailbox.sizes(range(1, 9)) == {}


def assert_read_only(results: list[Appended | Refused]) -> None:
    for result in results:
        assert isinstance(result, Refused)
        assert isinstance(result.error, FolderRefused)
        assert result.error.detail == "read-only"


def test_only_the_selected_folder_can_be_appended_to(mailbox: Mailbox, inbox: Selected) -> None:
    name = mailbox.shape().prefix + "Other"
    mailbox.create(name)
    mailbox.select(name)
    with pytest.raises(ValueError, match="select"):
        mailbox.append(inbox, [item()])


@pytest.mark.alone
def test_a_server_that_holds_short_answers_back_is_not_waited_for(cyrus_server: Server) -> None:
    """Cyrus leaves Nagle's algorithm on: 40 ms a message unless we acknowledge at once, 3 ms if so."""
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        begin = time.monotonic()
        mailbox.append(selected, [item(letter(n)) for n in range(60)], careful=True)
        assert (time.monotonic() - begin) / 60 < 0.025


def test_a_large_message_is_not_copied_in_memory_on_its_way(mailbox: Mailbox, inbox: Selected) -> None:
    wire = letter(1, b"x" * 70 + b"\r\n" * 400_000)
    tracemalloc.start()
    mailbox.append(inbox, [item(wire), item(letter(2))])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 512 * 1024
    assert mailbox.sizes([1]) == {1: len(wire)}
