from collections.abc import Callable

import pytest
from servers.entry import enter, item, letter
from servers.fixtures import StartServer

from emulator.servers.instance import Limits, Server
from migrator.errors import MessageRefused
from migrator.mailbox import Appended, Mailbox, Refused, Selected

HEAD = b"From: ann@example.com\r\nSubject: x\r\n"

IDENTICAL_EVERYWHERE = {
    "bare CR in the body": letter(1, b"one\rtwo\r\n"),
    "8-bit body": letter(1, b"gr\xfc\xdfe \xff\x80\r\n"),
    "no final newline": letter(1, b"end"),
    "leading mbox line": b"From ann@example.com Thu Jan  1 00:00:00 1970\r\n" + letter(),
    "leading blank line": b"\r\n" + letter(),
    "only CRLF": b"\r\n",
    "no body at all": HEAD,
    "line of 2 MB": letter(1, b"x" * 2_000_000 + b"\r\n"),
    "header of 200 KB": b"X-Long: " + b"y" * 200_000 + b"\r\n" + letter(),
    "20,000 headers": b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + letter(),
    "200 levels of MIME": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)
    ),
    "a literal's end": letter(1, b"x {5}\r\n"),
    "a literal's beginning": letter(1, b"") + b"{5+}\r\nabcde",
    "a tagged answer": letter(1, b"a1 OK APPEND completed.\r\n* BYE\r\n+ go on\r\n"),
}

CYRUS_REFUSES = {
    "bare LF": (HEAD + b"\r\none\ntwo\r\n", "bare-newlines"),
    "NUL": (letter(1, b"a\0b\r\n"), "nul-characters"),
    "NUL in a header": (b"Subject: a\0b\r\n\r\nx\r\n", "nul-characters"),
    "no header": (b"just text\r\nand more\r\n", "invalid-header"),
    "line without a colon": (HEAD + b"nonsense here\r\n\r\nx\r\n", "invalid-header"),
    "space in a header's name": (HEAD + b"My Header: x\r\n\r\nx\r\n", "invalid-header"),
}


def word(result: Appended | Refused) -> str:
    assert isinstance(result, Refused)
    assert isinstance(result.error, MessageRefused)
    return result.error.detail


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("case", IDENTICAL_EVERYWHERE)
def test_awkward_mail_is_kept_to_the_byte(mailbox: Mailbox, inbox: Selected, case: str, careful: bool) -> None:  # noqa: FBT001
    wire = IDENTICAL_EVERYWHERE[case]
    around = [item(letter(1)), item(wire), item(letter(3))]
    assert mailbox.append(inbox, around, careful=careful) == [Appended(1), Appended(2), Appended(3)]
    assert dict(mailbox.bodies([2])) == {2: wire}
    assert mailbox.sizes([2]) == {2: len(wire)}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("case", CYRUS_REFUSES)
def test_cyrus_refuses_each_with_its_word_and_takes_the_rest(cyrus_server: Server, case: str, careful: bool) -> None:  # noqa: FBT001
    wire, reason = CYRUS_REFUSES[case]
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        first, second, third = mailbox.append(selected, [item(letter(1)), item(wire), item(letter(3))], careful=careful)
        assert (first, third) == (Appended(1), Appended(2))
        assert word(second) == reason


@pytest.mark.parametrize("case", ["no header", "line without a colon", "space in a header's name"])
def test_dovecot_keeps_a_broken_header_to_the_byte(dovecot_layout: Server, case: str) -> None:
    wire, _ = CYRUS_REFUSES[case]
    ends = b"\r\n\r\n" if dovecot_layout.store == "mbox" and case == "no header" else b""
    with enter(dovecot_layout, dovecot_layout.new_user()) as mailbox:
        assert mailbox.append(mailbox.select("INBOX"), [item(wire)]) == [Appended(1)]
        assert dict(mailbox.bodies([1])) == {1: wire + ends}


@pytest.mark.parametrize(
    ("case", "altered"),
    [("NUL", lambda wire: wire.replace(b"\0", b"\x80")), ("bare LF", lambda wire: wire.replace(b"e\nt", b"e\r\nt"))],
)
def test_dovecot_alters_what_it_cannot_hold(
    dovecot_layout: Server, case: str, altered: Callable[[bytes], bytes]
) -> None:
    wire, _ = CYRUS_REFUSES[case]
    with enter(dovecot_layout, dovecot_layout.new_user()) as mailbox:
        assert mailbox.append(mailbox.select("INBOX"), [item(wire)]) == [Appended(1)]
        assert dict(mailbox.bodies([1])) == {1: altered(wire)}


def test_8_bit_headers_are_kept_by_dovecot_and_become_x_on_cyrus(
    mailbox: Mailbox, inbox: Selected, mailbox_server: Server
) -> None:
    wire = "Subject: Grüße\r\n\r\nGrüße\r\n".encode()
    assert mailbox.append(inbox, [item(wire)]) == [Appended(1)]
    munged = b"Subject: GrXXXXe\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    assert dict(mailbox.bodies([1])) == {1: wire if mailbox_server.kind == "dovecot" else munged}


def test_a_strict_cyrus_refuses_8_bit_headers(start_server: StartServer) -> None:
    server = start_server("cyrus", Limits(reject_8bit=True))
    with enter(server, server.new_user()) as mailbox:
        (result,) = mailbox.append(
            mailbox.select("INBOX"),
            [item("Subject: Grüße\r\n\r\nx\r\n".encode())],
        )
        assert word(result) == "8-bit-header"


@pytest.mark.parametrize("careful", [False, True])
def test_an_empty_message_is_refused(mailbox: Mailbox, inbox: Selected, careful: bool) -> None:  # noqa: FBT001
    (result,) = mailbox.append(inbox, [item(b"")], careful=careful)
    assert word(result) == "empty"


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_a_message_above_the_servers_limit_is_too_large(start_server: StartServer, kind: str, careful: bool) -> None:  # noqa: FBT001
    server = start_server(kind, Limits(max_mail_size=10_000))
    with enter(server, server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        large = item(letter(2, b"x" * 20_000))
        first, second, third = mailbox.append(selected, [item(letter(1)), large, item(letter(3))], careful=careful)
        assert (first, third) == (Appended(1), Appended(2))
        assert word(second) == "too-large"


def test_messages_of_25_mb_arrive(mailbox: Mailbox, inbox: Selected) -> None:
    wire = letter(1, (b"x" * 76 + b"\r\n") * 320_000)
    assert mailbox.append(inbox, [item(letter(9)), item(wire)]) == [Appended(1), Appended(2)]
    ((_, body),) = mailbox.bodies([2])
    assert body == wire
