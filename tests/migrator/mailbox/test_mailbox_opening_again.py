"""Logins that fail once and pass when tried again, and those that do not."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from servers.adversary import PATIENCE, Line, Script, adversary, after, flood, polite

from emulator.servers.instance import Server, free_ports
from migrator.errors import LoginRefused, MailboxUnreachable, MigrationError
from migrator.mailbox import Mailbox, Password, Target, open_mailbox

ANN = Password("ann", "open sesame")


class Waits(list[float]):
    """What was waited, without waiting; `meanwhile` happens at the first."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._meanwhile = iter([meanwhile])

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        next(self._meanwhile, lambda: None)()


def opened(port: int, waits: Waits, second_logins: Iterator[float] = iter(()), tls: bool = False) -> Mailbox:  # noqa: B008, FBT001, FBT002
    target = Target("127.0.0.1", port, "implicit" if tls else "none")
    return open_mailbox(target, ANN, read_timeout=PATIENCE, second_logins=second_logins, wait=waits)


def reset(line: Line) -> None:
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CUT: dict[str, Script] = {
    "before the greeting": lambda _: None,
    "reset before the greeting": reset,
    "in the greeting": lambda line: line.say(b"* OK hel"),
    "by a goodbye": lambda line: line.say(b"* BYE too many connections\r\n"),
    "at the capabilities": polite(CAPABILITY=lambda _: None),
    "at the login": polite(LOGIN=lambda _: None),
    "reset at the login": polite(LOGIN=reset),
    "in the login's answer": polite(LOGIN=lambda line: line.say(b"* CAPABILITY IMAP4r")),
    "after nonsense": after(b"* OK hello\r\n", lambda line: line.say(line.hear()[:0] + b"zz9 OK what\r\n")),
}


@pytest.mark.parametrize("where", CUT)
def test_a_connection_that_is_cut_on_the_way_is_tried_again_at_once(where: str) -> None:
    waits = Waits()
    with adversary(CUT[where], CUT[where], polite()) as (port, _), opened(port, waits) as mailbox:
        assert mailbox.select("INBOX").uidvalidity == 7
    assert len(waits) == 2
    assert sum(waits) < 4


def test_a_connection_that_is_refused_is_tried_again_at_once() -> None:
    (port,) = free_ports(1)
    with ExitStack() as stack:
        waits = Waits(lambda: stack.enter_context(adversary(polite(), port=port)))
        with opened(port, waits) as mailbox:
            assert mailbox.select("INBOX").uidvalidity == 7
    assert len(waits) == 1


def test_a_server_that_cuts_every_connection_is_left_alone_for_a_while() -> None:
    waits = Waits()
    with adversary(*[CUT["at the login"]] * 3) as (port, line), pytest.raises(MailboxUnreachable):
        opened(port, waits)
    assert len(waits) == 2
    assert line.heard.count(b" LOGIN ") == 3


def test_a_server_that_says_nothing_is_not_tried_again_at_once() -> None:
    waits = Waits()
    with adversary(Line.wait_for_the_end) as (port, _), pytest.raises(MailboxUnreachable, match="timed-out"):
        opened(port, waits)
    assert waits == []


def test_a_server_that_floods_us_is_not_tried_again_at_once() -> None:
    waits = Waits()
    with adversary(flood(b"* OK " + b"x" * 60_000)) as (port, _), pytest.raises(MailboxUnreachable, match="floods"):
        opened(port, waits)
    assert waits == []


NO = b"%T NO Authentication failed: cannot reach the directory\r\n"


def test_a_login_refused_for_no_reason_told_is_tried_again_once() -> None:
    waits = Waits()
    with adversary(polite(LOGIN=NO), polite()) as (port, _), opened(port, waits, iter([5.0])) as mailbox:
        assert mailbox.select("INBOX").uidvalidity == 7
    assert waits == [5.0]


def test_a_login_is_not_refused_more_often_than_it_may_be_tried_again() -> None:
    waits, seconds = Waits(), iter([5.0])
    with adversary(*[polite(LOGIN=NO)] * 3) as (port, line):
        for _ in range(2):
            with pytest.raises(LoginRefused, match="wrong-credentials"):
                opened(port, waits, seconds)
    assert waits == [5.0]
    assert line.heard.count(b" LOGIN ") == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"%T NO [AUTHENTICATIONFAILED] no\r\n", LoginRefused),
        (b"%T NO [EXPIRED] no\r\n", LoginRefused),
        (b"%T NO [AUTHORIZATIONFAILED] no\r\n", LoginRefused),
        (b"%T NO [UNAVAILABLE] later\r\n", MailboxUnreachable),
        (b"%T NO [INUSE] later\r\n", MailboxUnreachable),
        (b"%T NO [LIMIT] later\r\n", MailboxUnreachable),
    ],
)
def test_a_reason_told_settles_it(answer: bytes, error: type[MigrationError]) -> None:
    waits = Waits()
    with adversary(polite(LOGIN=answer)) as (port, line), pytest.raises(error):
        opened(port, waits, iter([5.0]))
    assert waits == []
    assert line.heard.count(b" LOGIN ") == 1


def test_a_wrong_password_is_refused_on_every_server(every_server: Server) -> None:
    user, waits = every_server.new_user(), Waits()
    target = Target(every_server.host, every_server.port, "none")
    with pytest.raises(LoginRefused, match="wrong-credentials"):
        open_mailbox(target, Password(user.name, "wrong"), second_logins=iter([5.0]), wait=waits)
    assert len(waits) <= 1
