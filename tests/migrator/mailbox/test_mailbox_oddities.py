"""Lines no server should send, and some do: borne with where they mean nothing, else the connection is ended."""

import pytest
from servers.adversary import PATIENCE, SELECTED, adversary, enter_hostile, flood, polite, within
from servers.entry import item

from migrator.errors import ConnectionLost, RefusedUnexplained, ServerMisbehaves
from migrator.mailbox import Appended, Mailbox

DONE = b"%T OK done\r\n"

HARMLESS = {
    "text that ends as a literal begins": b"* OK [UNSEEN 1] first unseen message in Todo {5}\r\n",
    "a warning that ends so": b"* NO the folder Todo {5}\r\n",
    "an untagged BAD that ends so": b"* BAD Todo {5}\r\n",
    "a code of its own": b"* OK [X-ODD {5}] Todo {4000000000000000000}\r\n",
    "a blank line": b"\r\n \r\n\n",
    "a line that ends in LF alone": b"* 0 RECENT\n",
    "a star alone": b"* \r\n*\t\r\n* (((\r\n",
    "small letters": b"* ok [unseen 1] hello\r\n",
    "capabilities that changed": b"* CAPABILITY IMAP4rev1\r\n",
    "a request to go on": b"+ idling\r\n",
    "numbers too large": b"* 99999999999999999999 RECENT\r\n* -1 EXPUNGE\r\n",
    "a response of its own with a literal": b"* XODD {5}\r\na1 OK\r\n",
    "bytes": b"* OK \xff\xfe\x00\r\n",
}


@pytest.mark.parametrize("manner", HARMLESS)
def test_what_means_nothing_changes_nothing(manner: str) -> None:
    odd = HARMLESS[manner]
    script = polite(
        CAPABILITY=odd + b"* CAPABILITY IMAP4rev1 NAMESPACE\r\n" + DONE,
        LOGIN=odd + DONE,
        NAMESPACE=odd + b'* NAMESPACE (("" "/")) NIL NIL\r\n' + odd + DONE,
        LIST=odd + b'* LIST () "/" INBOX\r\n' + odd + DONE,
        SELECT=odd + SELECTED + odd + b"%T OK [READ-WRITE] Todo {5}\r\n",
        UIDFETCH=odd + b"* 1 FETCH (UID 5 RFC822.SIZE 10)\r\n" + odd + DONE,
        NOOP=odd + DONE,
    )
    with within(PATIENCE * 20), adversary(script) as (port, _), enter_hostile(port) as mailbox:
        assert [folder.name for folder in mailbox.shape().folders] == ["INBOX"]
        assert mailbox.select("INBOX").uidnext == 1
        assert mailbox.sizes([5]) == {5: 10}


@pytest.mark.parametrize("status", [b"NO", b"BAD"])
def test_a_refusal_whose_text_ends_as_a_literal_begins_is_a_refusal(status: bytes) -> None:
    script = polite(SELECT=b"%T " + status + b" no folder Todo {5}\r\n")
    with within(2), adversary(script) as (port, _), enter_hostile(port) as mailbox, pytest.raises(RefusedUnexplained):
        mailbox.select("INBOX")


def test_an_answer_without_text_is_an_answer() -> None:
    with (
        adversary(polite(NOOP=b"%T OK\r\n", SELECT=SELECTED + b"%T ok\r\n")) as (port, _),
        enter_hostile(port) as mailbox,
    ):
        assert mailbox.select("INBOX").uidvalidity == 7


NONSENSE = {
    "an answer to nobody": b"zz99 OK done\r\n",
    "an answer twice": b"%T OK done\r\n%T OK done\r\n",
    "another status": b"%T PERHAPS\r\n",
    "no response at all": b"Segmentation fault\r\n",
    "a literal no memory holds": b'* LIST () "/" {4000000000000000000}\r\n',
    "a line without end": b"* LIST " + b"x" * 1_100_000,
}


def look(mailbox: Mailbox) -> None:
    mailbox.select("INBOX")
    mailbox.sizes([5])
    mailbox.sizes([5])


@pytest.mark.parametrize("command", ["SELECT", "UIDFETCH"])
@pytest.mark.parametrize("manner", NONSENSE)
def test_nonsense_ends_the_connection_and_is_called_so(manner: str, command: str) -> None:
    with adversary(polite(**{command: NONSENSE[manner]})) as (port, line), enter_hostile(port) as mailbox:
        with within(5), pytest.raises(ServerMisbehaves):
            look(mailbox)
        with pytest.raises(ConnectionLost, match="closed"):
            mailbox.select("INBOX")
        assert not line.heard.endswith(b"LOGOUT\r\n")


@pytest.mark.parametrize("goodbye", [b"* BYE shutting down\r\n", b"* BYE Todo {5}\r\nand more\r\n\x00"])
def test_a_goodbye_in_the_middle_is_a_lost_connection(goodbye: bytes) -> None:
    script = polite(SELECT=lambda line: line.say(goodbye))
    with within(5), adversary(script) as (port, _), enter_hostile(port) as mailbox, pytest.raises(ConnectionLost):
        mailbox.select("INBOX")


@pytest.mark.parametrize("line", [b"\r\n", b"* OK go on\r\n", b"* 1 FETCH ()\r\n", b"* XODD {0}\r\n\r\n", b"* (\r\n"])
def test_answers_without_end_are_bounded(line: bytes) -> None:
    script = polite(SELECT=flood(line * 1000))
    with adversary(script) as (port, _), enter_hostile(port, patience=20) as mailbox, pytest.raises(ConnectionLost):
        mailbox.select("INBOX")


def test_an_append_is_not_upset_by_odd_lines() -> None:
    odd = b"".join(HARMLESS[manner] for manner in HARMLESS if manner != "a request to go on")
    script = polite(APPEND=odd + b"%T OK [APPENDUID 7 4] kept in Todo {5}\r\n")
    with adversary(script) as (port, _), enter_hostile(port) as mailbox:
        assert mailbox.append(mailbox.select("INBOX"), [item()]) == [Appended(4)]
