"""A name is asked for once. The answers of these tests come from functions that answer as `socket.getaddrinfo` does."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from servers.fixtures import StartServer

from emulator.servers.instance import Server
from migrator.egress import Pinned, Reach, Trust, door_to, pin
from migrator.errors import CertificateInvalid, HostNotAllowed, MailboxUnreachable, UnknownHost
from migrator.mailbox import Password, Target, open_mailbox

PUBLIC, OTHER = "8.8.8.8", "2606:4700::1111"
_attempts: list[list[tuple[str, int]]] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    """While a test listens: note each connection, and let none leave the machine."""
    if event == "socket.connect" and _attempts and isinstance(args[1], tuple):
        _attempts[-1].append(args[1][:2])
        if args[1][0] not in {"127.0.0.1", "127.0.0.2", "::1"}:
            raise ConnectionRefusedError


sys.addaudithook(_note)


@contextmanager
def connections() -> Iterator[list[tuple[str, int]]]:
    """Give the list of the connections that are tried from now on."""
    _attempts.append([])
    try:
        yield _attempts[-1]
    finally:
        _attempts.pop()


class Names:
    """A name service whose answers change: the first, the second, and so on; the last one stays."""

    def __init__(self, *answers: tuple[str, ...] | Exception) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in at], socket.SOCK_STREAM, 6, "", (at, port)) for at in answer]


def pinned_by(names: Names, trust: Trust = Trust.CUSTOMER, host: str = "imap.example.com", port: int = 993) -> Pinned:
    return pin(host, port, "implicit", trust, names)


def never() -> bool:
    return False


def led_to(pinned: Pinned) -> Callable[[str, int, float], socket.socket]:
    reach = Reach(pinned)
    return lambda _host, _port, seconds: reach(seconds)


def test_nobody_is_waited_for_once_it_is_over() -> None:
    with silent("127.0.0.1") as port, pytest.raises(TimeoutError):
        Reach(Pinned("imap.example.com", port, ("127.0.0.1",)))(3600, lambda: True)


@pytest.fixture
def ears() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two listeners with one port: 127.0.0.1, where the host is, and 127.0.0.2, where nobody may be led."""
    with (
        socket.create_server(("127.0.0.1", 0)) as here,
        socket.create_server(("127.0.0.2", here.getsockname()[1])) as there,
    ):
        there.settimeout(0)
        yield here, there


def test_a_host_that_answers_differently_the_second_time_is_reached_where_it_was_the_first_time(
    ears: tuple[socket.socket, socket.socket],
) -> None:
    here, there = ears
    names, port = Names(("127.0.0.1",), ("127.0.0.2",)), here.getsockname()[1]
    door = door_to("imap.example.com", port, resolver=names)
    for _ in range(3):
        with closing(door.connect(5, never, "")) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)  # type: ignore[union-attr]
    assert names.asked == ["imap.example.com"]
    with pytest.raises(BlockingIOError):
        there.accept()


def test_a_customers_host_that_turns_inward_the_second_time_gets_no_connection() -> None:
    names = Names((PUBLIC,), ("127.0.0.1",), ("169.254.169.254",))
    door = door_to("imap.example.com", 993, trust=Trust.CUSTOMER, resolver=names)

    def connect(_host: str, _port: int, seconds: float) -> socket.socket:
        made = door.connect(seconds, never, "")
        assert isinstance(made, socket.socket)
        return made

    with connections() as tried:
        for _ in range(3):
            with pytest.raises(MailboxUnreachable):
                open_mailbox(Target("imap.example.com"), Password("ann", "pass"), connect=connect)
    assert set(tried) == {(PUBLIC, 993)}
    assert names.asked == ["imap.example.com."]


@pytest.mark.parametrize(
    "answers", [("127.0.0.1",), (PUBLIC, "10.0.0.1"), (OTHER, PUBLIC, "::1"), (PUBLIC, "fe80::1%eth0")]
)
def test_one_address_that_is_not_public_refuses_a_customers_host(answers: tuple[str, ...]) -> None:
    with connections() as tried, pytest.raises(HostNotAllowed, match=r"^host-not-allowed$"):
        pinned_by(Names(answers))
    assert tried == []


def test_a_host_that_is_not_there_and_one_that_is_inside_look_the_same_to_a_customer() -> None:
    errors = []
    for answer in (("10.0.0.1",), (), socket.gaierror(socket.EAI_NONAME, "x"), UnicodeError("x")):
        with pytest.raises(HostNotAllowed) as raised:
            pinned_by(Names(answer))
        errors.append((str(raised.value), raised.value.__cause__, raised.value.__suppress_context__))
    assert {error[:2] for error in errors} == {("host-not-allowed", None)}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "imap.internal"])
def test_what_a_customer_may_not_name_is_not_even_looked_up(host: str) -> None:
    names = Names((PUBLIC,))
    with pytest.raises(HostNotAllowed):
        pinned_by(names, host=host)
    with pytest.raises(HostNotAllowed):
        pinned_by(names, port=25)
    assert names.asked == []


def test_a_customers_name_is_looked_up_as_a_whole_and_known_without_its_dot() -> None:
    names = Names((PUBLIC,))
    assert pinned_by(names, host="IMAP.Müller.example.com".replace("Müller", "müller")) == Pinned(
        "imap.xn--mller-kva.example.com", 993, (PUBLIC,)
    )
    assert names.asked == ["imap.xn--mller-kva.example.com."]


def test_an_address_named_twice_is_tried_once_and_eight_are_enough() -> None:
    many = tuple(f"8.8.8.{n}" for n in range(1, 13))
    assert pinned_by(Names((PUBLIC, PUBLIC, OTHER))).addresses == (PUBLIC, OTHER)
    assert pinned_by(Names(many)).addresses == many[:8]
    with pytest.raises(HostNotAllowed):  # though the bad one would not be tried
        pinned_by(Names((*many, "10.0.0.1")))


@pytest.mark.parametrize("answer", [(), socket.gaierror(socket.EAI_NONAME, "x"), UnicodeError("x")], ids=repr)
def test_the_operators_host_without_an_address_is_unknown(answer: Any) -> None:
    with pytest.raises(UnknownHost, match=r"^unknown-host$"):
        pinned_by(Names(answer), Trust.OPERATOR)


@pytest.mark.parametrize("trust", Trust)
def test_a_name_service_that_does_not_answer_is_waited_for(trust: Trust) -> None:
    with pytest.raises(MailboxUnreachable, match="name-service"):
        pinned_by(Names(socket.gaierror(socket.EAI_AGAIN, "x")), trust)


def test_the_operators_host_may_lie_inside_and_be_an_address() -> None:
    assert pin("127.0.0.1", 10143, "none", Trust.OPERATOR) == Pinned("127.0.0.1", 10143, ("127.0.0.1",))


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), socket.EAI_NONAME),
        (socket.gaierror(socket.EAI_AGAIN, "x"), socket.EAI_AGAIN),
    ],
)
def test_a_door_says_of_a_name_what_the_name_service_says(said: socket.gaierror, number: int) -> None:
    with pytest.raises(socket.gaierror) as raised:
        door_to("imap.example.com", 993, resolver=Names(said)).connect(5, never, "")
    assert raised.value.errno == number


def test_the_next_address_is_tried_when_one_does_not_answer(ears: tuple[socket.socket, socket.socket]) -> None:
    port = ears[0].getsockname()[1]
    connect = Reach(Pinned("imap.example.com", port, ("::1", "127.0.0.1")))
    with connections() as tried, connect(5) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    assert tried == [("::1", port), ("127.0.0.1", port)]


def test_what_the_last_address_says_is_told_and_no_socket_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Reach(Pinned("imap.example.com", port, ("::1", "127.0.0.1")))(5)


@contextmanager
def silent(address: str, port: int = 0) -> Iterator[int]:
    """Let something listen that answers no more connections: its queue is full."""
    with ExitStack() as stack:
        ear = stack.enter_context(socket.create_server((address, port), backlog=0))
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(ear.getsockname())
        yield ear.getsockname()[1]


@pytest.mark.alone
def test_where_no_address_answers_the_time_is_up_once_for_all() -> None:
    with silent("127.0.0.1") as port, silent("127.0.0.2", port):
        connect = Reach(Pinned("imap.example.com", port, ("127.0.0.1", "127.0.0.2")))
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            connect(1)
        assert 0.9 < time.monotonic() - begun < 1.5


@pytest.mark.alone
def test_addresses_that_do_not_answer_hold_nobody_up_for_long() -> None:
    with silent("127.0.0.1") as port, silent("127.0.0.3", port), socket.create_server(("127.0.0.2", port)):
        connect = Reach(Pinned("imap.example.com", port, ("127.0.0.1", "127.0.0.3", "127.0.0.2")))
        begun = time.monotonic()
        with connect(30) as sock:
            assert sock.getpeername() == ("127.0.0.2", port)
            assert sock.gettimeout(), "it is one that waits"
        assert time.monotonic() - begun < 1


def test_the_address_that_served_is_tried_first_and_one_that_answered_in_vain_last() -> None:
    ours = ("127.0.0.1", "127.0.0.2", "::1")
    with ExitStack() as stack:
        port = stack.enter_context(socket.create_server((ours[0], 0))).getsockname()[1]
        stack.enter_context(socket.create_server((ours[1], port)))
        stack.enter_context(socket.create_server((ours[2], port), family=socket.AF_INET6))
        connect = Reach(Pinned("imap.example.com", port, ours))

        def reached(served: str = "") -> str:
            with connect(5, never, served) as sock:
                return str(sock.getpeername()[0])

        assert [reached() for _ in range(4)] == [*ours, ours[0]]
        assert reached(ours[2]) == ours[2]
        assert reached("192.0.2.1") == ours[1], "an address that is none of the host's changes nothing"


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        (("2001:db8::1", "2001:db8::2", "192.0.2.1"), ("2001:db8::1", "192.0.2.1", "2001:db8::2")),
        (("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1"), ("192.0.2.1", "2001:db8::1", "192.0.2.2")),
        (
            (*(f"2001:db8::{n}" for n in range(1, 10)), "192.0.2.1"),
            ("2001:db8::1", "192.0.2.1", *(f"2001:db8::{n}" for n in range(2, 8))),
        ),
    ],
)
def test_addresses_of_both_kinds_are_tried_by_turns(answers: tuple[str, ...], tried: tuple[str, ...]) -> None:
    assert pinned_by(Names(answers), Trust.OPERATOR).addresses == tried


Wish = Callable[[Server], Target]


@pytest.mark.parametrize(
    "target",
    [
        lambda server: Target("localhost", server.tls_port, "implicit", server.ca_file),
        lambda server: Target("localhost", server.port, "starttls", server.ca_file),
    ],
    ids=["implicit", "starttls"],
)
def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    start_server: StartServer, target: Wish
) -> None:
    server = start_server("dovecot")
    user, right = server.new_user(), target(server)
    login = Password(user.name, user.password)
    led = pin(right.host, right.port, right.tls, Trust.OPERATOR, Names(("127.0.0.1",)))
    with open_mailbox(right, login, connect=led_to(led)) as mailbox:
        assert mailbox.select("INBOX").exists == 0
    wrong = Target("imap.example.com", right.port, right.tls, server.ca_file)
    led = pin(wrong.host, wrong.port, wrong.tls, Trust.OPERATOR, Names(("127.0.0.1",)))
    with pytest.raises(CertificateInvalid, match="wrong-name"):
        open_mailbox(wrong, login, connect=led_to(led))
