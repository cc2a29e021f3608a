"""A hostile server, once we are in."""

import signal
import socket
import threading
import time

import pytest
from servers.adversary import (
    MIB,
    PATIENCE,
    SECRET,
    Line,
    adversary,
    after,
    enter_hostile,
    flood,
    polite,
    within,
)
from servers.entry import item

from migrator.errors import ConnectionLost, RefusedUnexplained
from migrator.mailbox import Appended, Password, Target, open_mailbox

ANSWERS = {
    "hangs": Line.wait_for_the_end,
    "hangs in a line": after(b"* LIST (", Line.wait_for_the_end),
    "hangs in a literal": after(b'* LIST () "/" {100}\r\nabc', Line.wait_for_the_end),
    "hangs up": lambda _: None,
    "hangs up in a literal": lambda line: line.say(b'* LIST () "/" {100}\r\nabc'),
    "announces four exabytes": after(b'* LIST () "/" {4000000000000000000}\r\n', Line.wait_for_the_end),
    "announces two gigabytes": after(b'* LIST () "/" {2000000000}\r\n', flood(b"x" * MIB)),
    "announces many literals": flood(b'* LIST () "/" {100000}\r\n' + b"x" * 100_000 + b"\r\n"),
    "never comes to an end": flood(b'* LIST () "/" name\r\n' * 1000),
    "writes an endless line": after(b"* LIST ", flood(b"x" * MIB)),
    "asks to go on for ever": flood(b"+ go on\r\n" * 1000),
    "answers something else": lambda line: line.say(b"zz99 OK done\r\n"),
}


@pytest.mark.parametrize("manner", ANSWERS)
def test_a_server_that_misbehaves_costs_the_connection_and_no_more(manner: str) -> None:
    with adversary(polite(LIST=ANSWERS[manner])) as (port, _), enter_hostile(port) as mailbox:
        with within(5), pytest.raises(ConnectionLost):
            mailbox.shape()
        with pytest.raises(ConnectionLost, match="closed"):
            mailbox.select("INBOX")


def test_an_answer_without_end_is_cut_off_by_its_size_long_before_its_time() -> None:
    endless = flood(b"* LIST () " + b"x" * 90_000 + b"\r\n")
    with (
        adversary(polite(LIST=endless)) as (port, _),
        enter_hostile(port, patience=60) as mailbox,
        within(20, peak=20 * MIB),
        pytest.raises(ConnectionLost, match="broken"),
    ):
        mailbox.shape()


def test_a_server_that_reads_slowly_is_borne_with() -> None:
    """The time-out is for each chunk, not for the whole message."""
    wire = b"x: y\r\n\r\n" + b"z" * 20 * MIB

    def slow(line: Line) -> None:
        tag = line.heard.rpartition(b" APPEND")[0].rpartition(b"\n")[2]
        waits = 0
        while not line.heard.endswith(b"z\r\n") and (data := line.sock.recv(MIB)):
            line.heard += data
            if len(line.heard) // MIB > waits:  # twice the time-out in all, a tenth of it at once
                waits += 1
                threading.Event().wait(PATIENCE / 10)
        line.say(tag + b" OK [APPENDUID 7 1] done\r\n")
        line.wait_for_the_end()

    def connect(host: str, port: int, seconds: float) -> socket.socket:
        sock = socket.create_connection((host, port), seconds)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MIB // 4)
        return sock

    with adversary(polite(APPEND=slow)) as (port, _):
        target = Target("127.0.0.1", port, "none")
        begin = time.monotonic()
        with open_mailbox(target, Password("ann", SECRET), read_timeout=PATIENCE, connect=connect) as mailbox:
            assert mailbox.append(mailbox.select("INBOX"), [item(wire)]) == [Appended(1)]
            assert time.monotonic() - begin > PATIENCE


def test_a_server_that_drips_does_not_hold_us_for_ever() -> None:
    def drip(line: Line) -> None:
        for _ in range(100):
            line.say(b"x")
            threading.Event().wait(PATIENCE / 2)

    with (
        adversary(polite(LIST=drip)) as (port, _),
        enter_hostile(port) as mailbox,
        within(PATIENCE * 10 + 3),
        pytest.raises(ConnectionLost, match="timed-out"),
    ):
        mailbox.shape()


FETCHES = {
    "announces four exabytes": after(b"* 1 FETCH (UID 1 BODY[] {4000000000000000000}\r\n", Line.wait_for_the_end),
    "sends more than it said": flood(b"* 1 FETCH (UID 1 RFC822.SIZE 10 X {100000}\r\n" + b"x" * 100_000 + b")\r\n"),
    "never comes to an end": flood(b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\n" * 1000),
    "refuses": b"%T NO not now\r\n",
    "does not understand": b"%T BAD what\r\n",
}


@pytest.mark.parametrize("manner", FETCHES)
def test_looking_at_a_misbehaving_server_is_bounded_too(manner: str) -> None:
    with adversary(polite(UIDFETCH=FETCHES[manner])) as (port, _), enter_hostile(port) as mailbox:
        mailbox.select("INBOX")
        with within(10), pytest.raises(ConnectionLost):
            mailbox.sizes(range(1, 100))


def test_messages_nobody_asked_for_are_left_out() -> None:
    lines = b"* 1 FETCH (UID 5 RFC822.SIZE 10)\r\n* 2 FETCH (FLAGS ())\r\n* 3 FETCH (RFC822.SIZE 9 UID 77)\r\n"
    with adversary(polite(UIDFETCH=lines + b"%T OK done\r\n")) as (port, _), enter_hostile(port) as mailbox:
        mailbox.select("INBOX")
        assert mailbox.sizes([5, 6]) == {5: 10}


@pytest.mark.parametrize(
    "answer",
    [
        b"%T OK [APPENDUID 7 1:4294967295] done\r\n",
        b"%T OK [APPENDUID 7 1:3] done\r\n",
        b"%T OK [APPENDUID 8 1] done\r\n",
        b"%T OK [APPENDUID 7] done\r\n",
        b"%T OK [APPENDUID x y] done\r\n",
        b"%T OK done\r\n",
    ],
)
@pytest.mark.parametrize("look", [b"%T OK done\r\n", b"%T NO not now\r\n", b"* 1 FETCH (UID 5)\r\n%T OK done\r\n"])
def test_ok_means_stored_whatever_else_the_answer_says(answer: bytes, look: bytes) -> None:
    with adversary(polite(APPEND=answer, UIDFETCH=look)) as (port, _), enter_hostile(port) as mailbox:
        selected = mailbox.select("INBOX")
        with within(5):
            (stored,) = mailbox.append(selected, [item()])
            assert stored in {Appended(0), Appended(1, uidvalidity=8)}, "in no case a UID of the folder that is open"


def test_after_bad_not_another_byte_is_sent() -> None:
    with adversary(polite(APPEND=b"%T BAD what\r\n")) as (port, line):
        with enter_hostile(port) as mailbox:
            selected = mailbox.select("INBOX")
            with pytest.raises(ConnectionLost):
                mailbox.append(selected, [item()])
        assert not line.heard.rpartition(b"hello\r\n\r\n")[2]


def test_a_server_that_does_not_read_is_given_up() -> None:
    def deaf(line: Line) -> None:
        threading.Event().wait(4)
        line.sock.close()

    with adversary(polite(APPEND=deaf)) as (port, _), enter_hostile(port) as mailbox:
        selected = mailbox.select("INBOX")
        with within(4, peak=80 * MIB), pytest.raises(ConnectionLost):
            mailbox.append(selected, [item(b"x: y\r\n\r\n" + b"z" * 30 * MIB)])


class Stop(BaseException):
    """Somebody wants us to end now."""


def test_nothing_follows_a_message_that_was_left_in_the_middle() -> None:
    """Else the end of it would be the word LOGOUT."""

    def slow(line: Line) -> None:
        threading.Event().wait(1)
        line.wait_for_the_end()

    def stop(*_: object) -> None:
        raise Stop

    large = [item(b"x: y\r\n\r\n" + b"z" * 30 * MIB)]
    with adversary(polite(APPEND=slow)) as (port, line), enter_hostile(port) as mailbox:
        selected = mailbox.select("INBOX")
        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE / 2)
        with pytest.raises(Stop):
            mailbox.append(selected, large)
        signal.signal(signal.SIGALRM, before)
    assert line.heard.endswith(b"z")
    assert b"LOGOUT" not in line.heard


def test_closing_does_not_wait_for_a_server_that_hangs() -> None:
    with adversary(polite(LOGOUT=Line.wait_for_the_end)) as (port, _):
        mailbox = enter_hostile(port)
        with within(3):
            mailbox.close()
        mailbox.close()
        with pytest.raises(ConnectionLost):
            mailbox.shape()


def test_a_folder_name_as_a_literal_is_read() -> None:
    listed = b'* LIST (\\Sent) "/" {6}\r\na"b\\c)\r\n* LIST () "/" 007\r\n* LIST () NIL x\r\n* LIST () "/" "&!!!-"\r\n'
    with adversary(polite(LIST=listed + b"%T OK done\r\n")) as (port, _), enter_hostile(port) as mailbox:
        names = {folder.name: folder for folder in mailbox.shape().folders}
    assert list(names) == ['a"b\\c)', "007", "x", "&!!!-"]
    assert names['a"b\\c)'].special_use == "\\Sent"
    assert not names["&!!!-"].selectable


def test_the_words_of_a_server_do_not_reach_our_errors() -> None:
    script = polite(SELECT=b"%T NO [X-CODE] ann@example.com has no such box\r\n")
    with adversary(script) as (port, _), enter_hostile(port) as mailbox, pytest.raises(RefusedUnexplained) as caught:
        mailbox.select("INBOX")
    assert "ann" not in str(caught.value)
    assert caught.value.__cause__ is None
