"""Both sides of the line between a closed process and its worker, in one process."""

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from waiting import eventually

from migrator.egress import Door, Doors, EgressRefused, ToMailbox, brokered, dial_out, dialling, door_to, line
from migrator.egress.broker import AT_ONCE, _Pace
from migrator.egress.dialling import Line
from migrator.egress.errands import ANSWER_SIZE, SIZE, Answer, Errand, Kind, answer_of, errand_of
from migrator.errors import HostNotAllowed


@dataclass
class Office:
    """A line, and what its worker was told."""

    line: Line
    end: socket.socket
    contacted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def office(doors: Doors) -> Iterator[Office]:
    ours, theirs = socket.socketpair()
    with theirs:
        place = Office(Line(theirs), theirs)
        with brokered(ours, doors, place.contacted.append, place.refused.append):
            yield place


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        yield listening


def name_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def to(server: socket.socket) -> Doors:
    return {name_of(server): door_to(*server.getsockname())}


def failing(error: Exception) -> Doors:
    def connect(*_: object) -> socket.socket:
        raise error

    return {"door": Door(connect)}


def test_errands_and_answers_are_read_as_they_were_written() -> None:
    errand = Errand(65535, "imap.example.com:993", 12.5, "2001:db8::1")
    assert errand_of(errand.packed()) == errand
    assert len(errand.packed()) == SIZE == len(Errand(1, "x" * 1000, 1.0, "y" * 100).packed())
    for kind in Kind:
        assert answer_of(Answer(7, kind, -2).packed()) == Answer(7, kind, -2)
    assert len(Answer(1, Kind.HERE).packed()) == ANSWER_SIZE


def test_a_door_is_connected_to_and_noted_once(server: socket.socket) -> None:
    with office(to(server)) as place, ExitStack() as stack:
        for _ in range(3):
            given = stack.enter_context(socket.socket(fileno=place.line.dial(name_of(server), 5.0)))
            assert given.getpeername() == server.getsockname()
    assert (place.contacted, place.refused) == ([name_of(server)], [])


def test_what_is_no_door_is_refused_and_told() -> None:
    with office({}) as place:
        for name in ("example.com:443", "", "x" * 1000):
            with pytest.raises(EgressRefused, match=r"^connect$"):
                place.line.dial(name)
    assert (place.contacted, place.refused) == ([], ["connect"] * 3)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), ConnectionRefusedError),
        (TimeoutError(), TimeoutError),
        (OSError("without a number"), OSError),
        (socket.gaierror(socket.EAI_AGAIN, "x"), socket.gaierror),
        (HostNotAllowed(), HostNotAllowed),
    ],
)
def test_why_there_is_no_connection_is_told_as_libraries_know_it(error: Exception, raised: type[Exception]) -> None:
    with office(failing(error)) as place, pytest.raises(raised) as told:
        place.line.dial("door")
    number = getattr(error, "errno", None)
    assert number is None or getattr(told.value, "errno", None) == number
    assert place.refused == []


def test_a_place_that_cannot_be_noted_is_not_gone_to(server: socket.socket) -> None:
    def away(_: str) -> None:
        raise KeyError

    ours, theirs = socket.socketpair()
    server.settimeout(0)
    with theirs, brokered(ours, to(server), away, [].append), pytest.raises(OSError, match="error"):
        Line(theirs).dial(name_of(server), 5.0)
    with pytest.raises(BlockingIOError):
        server.accept()


def test_a_file_is_given_until_somebody_outside_was_connected_to(server: socket.socket, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("word")
    file = Door(lambda *_: (tmp_path / "password").open("rb"), early=True)
    with office({**to(server), "administrator": file}) as place:
        with open(place.line.dial("administrator"), encoding="utf-8") as given:  # noqa: PTH123 - a descriptor
            assert given.read() == "word"
        os.close(place.line.dial(name_of(server), 5.0))
        with pytest.raises(EgressRefused):
            place.line.dial("administrator")


def test_one_that_does_not_answer_holds_up_no_other(server: socket.socket) -> None:
    free = threading.Event()

    def silent(*_: object) -> socket.socket:
        free.wait()
        raise TimeoutError

    with office({**to(server), "silent": Door(silent)}) as place:
        waiting = [threading.Thread(target=_dial, args=(place.line, "silent")) for _ in range(AT_ONCE - 1)]
        for one in waiting:
            one.start()
        os.close(place.line.dial(name_of(server), 5.0))
        free.set()
        for one in waiting:
            one.join()


def _dial(there: Line, name: str) -> None:
    with suppress(OSError):
        there.dial(name)


def test_an_errand_under_way_ends_with_the_process() -> None:
    begun, threads = threading.Event(), threading.active_count()

    def silent(_: float, over: object, __: str) -> socket.socket:
        begun.set()
        eventually(over)  # type: ignore[arg-type]
        raise TimeoutError

    with office({"silent": Door(silent)}) as place:
        asking = threading.Thread(target=_dial, args=(place.line, "silent"))
        asking.start()
        begun.wait()
    asking.join()
    eventually(lambda: threading.active_count() <= threads)


def test_who_asks_without_a_pause_waits() -> None:
    pace = _Pace()
    waits = [pace.seconds() for _ in range(200)]
    assert waits[:64] == [0.0] * 64
    assert waits[-1] > 10


def test_a_process_that_asks_and_never_listens_is_not_waited_for(server: socket.socket) -> None:
    with office(to(server)) as place:
        for number in range(1, 60):
            place.end.sendall(Errand(number, name_of(server), 1.0).packed())
        eventually(lambda: len(place.contacted) == 1)


def test_half_an_errand_is_none() -> None:
    with office({}) as place:
        place.end.sendall(b"x" * (SIZE - 1))
        place.end.shutdown(socket.SHUT_WR)
    assert place.refused == []


def test_while_it_waits_its_turn_a_process_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def long(_: _Pace) -> float:
        asked.set()
        return 3600.0

    monkeypatch.setattr(_Pace, "seconds", long)
    with office({}) as place:
        place.end.sendall(Errand(1, "x", 1.0).packed())
        asked.wait()
    assert place.refused == []


def test_without_a_worker_nothing_is_connected() -> None:
    ours, theirs = socket.socketpair()
    there = Line(theirs)
    asking = threading.Thread(target=ours.recv, args=(SIZE,))
    asking.start()
    threading.Thread(target=lambda: (asking.join(), ours.close())).start()
    with pytest.raises(ConnectionAbortedError):
        there.dial("door")
    theirs.close()


def test_a_worker_that_says_nothing_is_given_up_and_what_it_brings_later_closed(
    monkeypatch: pytest.MonkeyPatch, server: socket.socket
) -> None:
    monkeypatch.setattr(dialling, "_MARGIN_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            Line(theirs).dial("door", 0.05)
        with socket.create_connection(server.getsockname()) as late:
            socket.send_fds(ours, [Answer(1, Kind.HERE).packed()], [late.fileno()])
        taken, _ = server.accept()
        with taken:
            taken.settimeout(10)
            assert taken.recv(1) == b"", "nobody holds the other end any more"


@pytest.fixture
def _dialling() -> Iterator[None]:
    """Put back, after the test, what dialling out changes in this process."""
    before = socket.socket, socket.getaddrinfo
    yield
    socket.socket, socket.getaddrinfo = before  # type: ignore[misc]
    dialling._lines.clear()


@pytest.mark.usefixtures("_dialling")
def test_libraries_connect_as_ever(server: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    made_before = [socket.create_connection(server.getsockname()) for _ in range(3)]

    def connect(*_: object) -> socket.socket:
        if made_before:
            return made_before.pop()
        raise ConnectionRefusedError(errno.ECONNREFUSED, "x")

    doors = {name_of(server): Door(connect)}
    with theirs, brokered(ours, doors, [].append, [].append):
        dial_out(theirs)
        with socket.create_connection(server.getsockname(), 5) as made:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            assert made.getpeername() == server.getsockname()
            assert made.gettimeout() == 5
        with socket.socket() as early:
            early.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            assert early.connect_ex(server.getsockname()) == 0
            assert early.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as lost, pytest.raises(PermissionError):
            lost.bind(("127.0.0.1", 0))
        mailbox = ToMailbox(server.getsockname(), "127.0.0.1")
        mailbox.served("127.0.0.1")
        with mailbox(*server.getsockname(), 5) as made:
            assert made.gettimeout() == 5
        with pytest.raises(HostNotAllowed):
            mailbox("example.com", 993, 5)
        with socket.socket() as wrong, pytest.raises(EgressRefused):
            wrong.connect(("example.com", 443))
        with socket.socket() as late:
            assert late.connect_ex(server.getsockname()) == errno.ECONNREFUSED


def test_a_process_without_a_line_has_none() -> None:
    with pytest.raises(LookupError):
        line()
