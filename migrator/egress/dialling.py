"""A closed process's side: it makes no socket, and is given connected ones by its worker.

Libraries make sockets as they always do, look a name up and connect. Here a name's only address is the name, a socket
is a place-holder until it is connected, and connecting is an errand of the worker's.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from migrator.egress.broker import LONGEST_SECONDS
from migrator.egress.errands import ANSWER_SIZE, LONGEST_NAME, Answer, Errand, Kind, answer_of
from migrator.errors import HostNotAllowed

Place = tuple[str, int]
"""A host's name, or an address, and a port."""


class EgressRefused(Exception):
    """A door is closed; `str()` is what was tried: connect, send, listen, resolve, write, read, process, native."""


Hear = Callable[[Answer | None, list[int]], None]

_MARGIN_SECONDS = 5.0
"""The worker keeps the time; this is for a worker that is slow to say that it is up."""


class Line:
    """The process's line to its worker, for all its threads."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: dict[int, Hear] = {}

    def dial(self, door: str, seconds: float | None = None, served: str = "") -> int:
        """Return the descriptor of a new connection to a door.

        Args:
            door: its name.
            seconds: how long it may take.
            served: the address that served before, if any.

        Raises:
            OSError: as of `socket.create_connection`.
            HostNotAllowed: a customer may not name this host.
            EgressRefused: there is no such door.
        """
        heard, said = threading.Event(), []
        limit = LONGEST_SECONDS if seconds is None else min(seconds, LONGEST_SECONDS)

        def hear(answer: Answer | None, descriptors: list[int]) -> None:
            said.append((answer, descriptors))
            heard.set()

        number = self._send(door, limit, served, hear)
        if not heard.wait(limit + _MARGIN_SECONDS) and self._waiting.pop(number, _nobody) is not _nobody:
            raise TimeoutError
        heard.wait()
        answer, descriptors = said[0]
        if answer is None or answer.kind is not Kind.HERE or not descriptors:
            _raise(answer)
        return int(descriptors[0])

    def _send(self, door: str, seconds: float, served: str, hear: Hear) -> int:
        with self._lock:
            if not self._number:
                threading.Thread(target=self._listen, name="line", daemon=True).start()
            self._number = self._number % 0xFFFF + 1
            self._waiting[self._number] = hear
            self._channel.sendall(Errand(self._number, door, seconds, served).packed())
            return self._number

    def _listen(self) -> None:
        while True:
            try:
                blob, descriptors, _, _ = socket.recv_fds(self._channel, ANSWER_SIZE, 1)
            except OSError:
                blob, descriptors = b"", []
            if len(blob) < ANSWER_SIZE:
                break
            answer = answer_of(blob)
            self._waiting.pop(answer.number, _nobody)(answer, descriptors)
        with self._lock:
            for hear in self._waiting.values():
                hear(None, [])


def _nobody(_: Answer | None, descriptors: list[int]) -> None:
    _close(descriptors)


def _close(descriptors: list[int]) -> None:
    for one in descriptors:
        os.close(one)


def _raise(answer: Answer | None) -> NoReturn:
    if answer is None:
        raise ConnectionAbortedError
    match answer.kind:
        case Kind.NAME:
            raise socket.gaierror(answer.detail, "cannot be looked up")
        case Kind.NOT_PUBLIC:
            raise HostNotAllowed
        case Kind.REFUSED:
            raise EgressRefused("connect")
    raise OSError(answer.detail, os.strerror(answer.detail))


def door_of(address: Any) -> str:
    """Return the name of the door that an address stands for; a name of no door where it is no address."""
    if isinstance(address, tuple):
        host = address[0].decode("ascii", "replace") if isinstance(address[0], bytes) else address[0]
        return f"{host}:{address[1]}"[:LONGEST_NAME]
    return f"unix:{os.fsdecode(address)}"[:LONGEST_NAME]


_lines: list[Line] = []
"""At most one: this process's."""


def line() -> Line:
    """Return this process's line; `LookupError` in a process that has none."""
    return _lines[-1]


def dial_out(channel: socket.socket) -> None:
    """Have this process's connections made by its worker, whatever library asks for them. For good."""
    idle, other = socket.socketpair()
    other.close()
    place_holder = idle.detach()

    class Dialled(socket.socket):
        """A socket that its worker connects; a place-holder till then."""

        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002 - as the class it stands for
            self._options: list[tuple[Any, ...]] | None = None
            if fileno is None:
                self._options = []
                family = socket.AF_INET if family == -1 else family
                type, proto, fileno = (socket.SOCK_STREAM if type == -1 else type), max(proto, 0), os.dup(place_holder)  # noqa: A001
            super().__init__(family, type, proto, fileno)

        def setsockopt(self, *option: Any) -> None:
            if self._options is None:
                super().setsockopt(*option)
            else:
                self._options.append(option)

        def bind(self, _: Any) -> None:
            """Refuse without asking the kernel, which ends the process: libraries try what the system can."""
            raise PermissionError(errno.EPERM, "a closed process listens nowhere")

        def connect(self, address: Any) -> None:
            given = line().dial(door_of(address), self.gettimeout())
            os.dup2(given, self.fileno(), inheritable=False)
            os.close(given)
            self.settimeout(self.gettimeout())
            options, self._options = self._options or [], None
            for option in options:
                self.setsockopt(*option)

        def connect_ex(self, address: Any) -> int:
            try:
                self.connect(address)
            except OSError as error:
                return error.errno or 0
            return 0

    _lines.append(Line(channel))
    socket.socket = Dialled  # type: ignore[misc]
    socket.getaddrinfo = _its_own_address


def _its_own_address(host: Any, port: Any, *_: Any, **__: Any) -> Any:
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]


class ToMailbox:
    """Makes the connections to a mailbox host, for `open_mailbox(..., connect=...)`."""

    def __init__(self, place: Place, first: str = "") -> None:
        self._place = place
        self._served = first

    def __call__(self, host: str, port: int, seconds: float) -> socket.socket:
        """Connect to it; raises as `Line.dial`, and HostNotAllowed for any other host."""
        if (host, port) != self._place:
            raise HostNotAllowed
        served, self._served = self._served, ""
        sock = socket.socket(fileno=line().dial(door_of((host, port)), seconds, served))
        sock.settimeout(seconds)
        return sock

    def served(self, address: str) -> None:
        """Begin with this address from now on, if it is one of the host's."""
        self._served = address
