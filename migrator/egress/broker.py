"""The worker's side of a closed process's connections: it makes them, and hands their descriptors over (unix(7)).

The process may be in hostile hands. It can say one thing, in a fixed number of bytes: connect me to the door of this
name. Doors are those of its migration. Each errand has a thread of its own, so that a silent host holds up no other
one; there are few at a time and not many a second, and the process that asks faster waits. TLS ends in the process, so
what goes over the connections is not seen here.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from migrator.egress.errands import SIZE, Answer, Errand, Kind, errand_of, failed
from migrator.errors import HostNotAllowed

LONGEST_SECONDS = 60.0
"""No connection is waited for longer."""

AT_ONCE = 16
"""Errands of one process under way: eight that fetch, four connections to the mailbox, and some to spare."""

_BURST, _A_SECOND = 64, 8
"""So many errands without a pause, and so many a second behind them."""

_END_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Door:
    """What a closed process may be connected to.

    Attributes:
        connect: makes the connection, given seconds, what tells that nobody wants it any more, and the address that
            served before (or ""); raises OSError or HostNotAllowed. Or it opens a file.
        told: the `host:port` that is noted before the first connection; "" where that is nobody's business.
        early: shut once the process was connected to anything that is told: it may be in other hands from then on.
    """

    connect: Callable[[float, Callable[[], bool], str], socket.socket | BinaryIO]
    told: str = ""
    early: bool = False


Doors = Mapping[str, Door]
"""By the name that the process knows them by."""

Tell = Callable[[str], None]


@contextmanager
def brokered(channel: socket.socket, doors: Doors, contacted: Tell, refused: Tell) -> Iterator[None]:
    """Connect the process at the other end of a channel to these doors, until the block ends.

    Args:
        channel: one end of a pair of Unix sockets; closed at the end.
        doors: whatever the process may reach.
        contacted: told a door's `host:port` once, before it is connected to; what it raises keeps the door shut.
        refused: told `connect` when the process asks for another door.
    """
    broker = _Broker(channel, doors, contacted, refused)
    thread = threading.Thread(target=broker.serve, name="broker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        broker.end()
        thread.join(_END_SECONDS)


class _Broker:
    def __init__(self, channel: socket.socket, doors: Doors, contacted: Tell, refused: Tell) -> None:
        self._channel = channel
        self._doors = doors
        self._contacted = contacted
        self._refused = refused
        self._told: set[str] = set()
        self._telling = threading.Lock()
        self._answering = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._over = threading.Event()
        self._pace = _Pace()

    def serve(self) -> None:
        """Take errands until the process or the block ends."""
        with suppress(OSError):
            while len(asked := self._channel.recv(SIZE, socket.MSG_WAITALL)) == SIZE:
                if self._over.wait(self._pace.seconds()):
                    return
                self._places.acquire()
                threading.Thread(target=self._run, args=(errand_of(asked),), name="errand", daemon=True).start()

    def end(self) -> None:
        """Answer nobody any more."""
        self._over.set()
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        with self._answering:
            self._channel.close()

    def _run(self, errand: Errand) -> None:
        try:
            self._answer(errand)
        finally:
            self._places.release()

    def _answer(self, errand: Errand) -> None:
        door = self._doors.get(errand.door)
        if door is None or (door.early and self._told):
            self._refused("connect")
            self._say(Answer(errand.number, Kind.REFUSED))
            return
        try:
            with self._connected(door, errand) as made:
                self._say(Answer(errand.number, Kind.HERE), made.fileno())
        except HostNotAllowed:
            self._say(Answer(errand.number, Kind.NOT_PUBLIC))
        except OSError as error:
            self._say(failed(errand.number, error))

    def _connected(self, door: Door, errand: Errand) -> socket.socket | BinaryIO:
        self._note(door.told)
        return door.connect(min(errand.seconds, LONGEST_SECONDS), self._over.is_set, errand.served)

    def _note(self, place: str) -> None:
        """Have a place noted once; where that fails, it is not gone to."""
        with self._telling:
            if place and place not in self._told:
                try:
                    self._contacted(place)
                except Exception as error:
                    raise OSError from error
                self._told.add(place)

    def _say(self, answer: Answer, *descriptors: int) -> None:
        """Answer; a process that does not listen is not waited for."""
        with self._answering, suppress(OSError):
            socket.send_fds(self._channel, [answer.packed()], descriptors, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


class _Pace:
    """How long the next errand waits."""

    def __init__(self) -> None:
        self._left, self._at = float(_BURST), time.monotonic()

    def seconds(self) -> float:
        now = time.monotonic()
        self._left, self._at = min(_BURST, self._left + (now - self._at) * _A_SECOND) - 1, now
        return max(0.0, -self._left / _A_SECOND)
