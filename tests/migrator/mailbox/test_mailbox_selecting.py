"""What SELECT may leave out (RFC 3501 §6.3.1), on a scripted server and on the servers that do so."""

import pytest
from servers.adversary import SELECTED, adversary, enter_hostile, polite
from servers.entry import enter, item, letter

from emulator.servers.instance import Server
from migrator.errors import ServerMisbehaves
from migrator.mailbox import Appended, Selected

DONE = b"%T OK done\r\n"
FULL = SELECTED.replace(b"0 EXISTS", b"3 EXISTS").replace(b"UIDNEXT 1", b"UIDNEXT 9")
STATUS = b'* STATUS "INBOX" (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n'


def selected(**answers: bytes) -> Selected:
    with adversary(polite(**answers)) as (port, _), enter_hostile(port) as mailbox:
        return mailbox.select("INBOX")


def without(word: bytes) -> bytes:
    return b"".join(line for line in FULL.splitlines(keepends=True) if word not in line) + DONE


@pytest.mark.parametrize("word", [b"UIDVALIDITY", b"UIDNEXT", b"EXISTS", b"FLAGS ()", b"RECENT"])
def test_what_select_leaves_out_is_asked_for(word: bytes) -> None:
    found = selected(SELECT=without(word), STATUS=STATUS + DONE)
    assert (found.uidvalidity, found.uidnext, found.exists, found.keywords_allowed) == (7, 9, 3, True)


@pytest.mark.parametrize(
    "status",
    [
        DONE,
        b"%T NO not of the selected mailbox\r\n",
        b"%T BAD what\r\n",
        b"* STATUS INBOX (MESSAGES 3)\r\n" + DONE,
        b"* STATUS INBOX (UIDNEXT 99999999999999999999)\r\n" + DONE,
        b"* STATUS INBOX (UIDNEXT -4)\r\n" + DONE,
        b"* STATUS INBOX\r\n" + DONE,
        b"* STATUS {5}\r\nINBOX ()\r\n" + DONE,
    ],
)
def test_where_nobody_tells_uidnext_it_follows_the_last_uid(status: bytes) -> None:
    fetched = b"* 3 FETCH (UID 41)\r\n* 1 FETCH (FLAGS (x) UID 12)\r\n" + DONE
    assert selected(SELECT=without(b"UIDNEXT"), STATUS=status, UIDFETCH=fetched).uidnext == 42


def test_an_empty_folder_whose_uidnext_nobody_tells_begins_at_one() -> None:
    lines = without(b"UIDNEXT").replace(b"3 EXISTS", b"0 EXISTS")
    assert selected(SELECT=lines, UIDFETCH=b"%T BAD nothing there\r\n").uidnext == 1


def test_a_folder_whose_messages_have_no_uid_is_not_used() -> None:
    with pytest.raises(ServerMisbehaves):
        selected(SELECT=without(b"UIDNEXT"), UIDFETCH=b"* 3 FETCH (FLAGS ())\r\n" + DONE)


def test_a_folder_without_uidvalidity_says_so_and_takes_mail() -> None:
    script = polite(SELECT=without(b"UIDVALIDITY"), APPEND=b"%T OK [APPENDUID 7 9] kept\r\n")
    with adversary(script) as (port, _), enter_hostile(port) as mailbox:
        folder = mailbox.select("INBOX")
        assert folder.uidvalidity == 0
        assert mailbox.append(folder, [item()]) == [Appended(9)]


@pytest.mark.parametrize("number", [b"0", b"-1", b"4294967296", b"9" * 5000, b"x", b""])
def test_a_uidnext_that_is_no_uid_is_as_good_as_none(number: bytes) -> None:
    lines = FULL.replace(b"UIDNEXT 9", b"UIDNEXT " + number) + DONE
    assert selected(SELECT=lines, STATUS=STATUS + DONE).uidnext == 9


def test_without_permanentflags_keywords_are_those_the_folder_has() -> None:
    lines = without(b"PERMANENTFLAGS").replace(b"FLAGS ()", rb"FLAGS (\Seen Work)")
    found = selected(SELECT=lines)
    assert (found.keywords_allowed, found.known_keywords) == (False, {"Work"})


def test_every_server_tells_what_a_folder_holds(every_server: Server) -> None:
    with enter(every_server, every_server.new_user()) as mailbox:
        empty = mailbox.select("INBOX")
        assert (empty.uidnext, empty.exists, empty.read_only) == (1, 0, False)
        assert empty.uidvalidity > 0
        mailbox.append(empty, [item(letter(1)), item(letter(2))])
        again = mailbox.select("INBOX")
        assert (again.uidvalidity, again.uidnext, again.exists) == (empty.uidvalidity, 3, 2)
