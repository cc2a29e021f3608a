"""What a closed process asks of its worker, and what it is answered: of fixed size, so that nothing else can be said.

    child                                                   worker
    number, door, how long, the address that served ──────► looked up, checked, connected to
                             ◄────────────────────────────── number, how it went, the connection's descriptor

Numbers tell which answer belongs to which errand: several may be under way.
"""

import errno
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

_ERRAND = struct.Struct("!HI46s262s")
_ANSWER = struct.Struct("!HBi")

SIZE, ANSWER_SIZE = _ERRAND.size, _ANSWER.size
LONGEST_NAME = 262
"""Bytes of a door's name: a host of 253 and a port, or the path of a socket."""


class Kind(IntEnum):
    """How an errand went; `detail` of the answer is a number of the system's, or 0."""

    HERE = 0
    """The descriptor comes with the answer."""
    SYSTEM = 1
    """It could not be connected: `errno`."""
    NAME = 2
    """Its name could not be looked up: `EAI_*`."""
    NOT_PUBLIC = 3
    """A host that a customer may not name."""
    REFUSED = 4
    """There is no such door."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Connect to a door within so many seconds; `served` is the address that served before, or empty."""

    number: int
    door: str
    seconds: float
    served: str = ""

    def packed(self) -> bytes:
        """Return its bytes; what is too long is cut off, and so no door's name."""
        return _ERRAND.pack(self.number, int(self.seconds * 1000), self.served.encode(), self.door.encode())


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the errand of this number."""

    number: int
    kind: Kind
    detail: int = 0

    def packed(self) -> bytes:
        """Return its bytes."""
        return _ANSWER.pack(self.number, self.kind, self.detail)


def errand_of(blob: bytes) -> Errand:
    """Read an errand; whatever the bytes are, they are one."""
    number, milliseconds, served, door = _ERRAND.unpack(blob)
    return Errand(number, _text(door), milliseconds / 1000, _text(served))


def answer_of(blob: bytes) -> Answer:
    """Read the worker's answer."""
    number, kind, detail = _ANSWER.unpack(blob)
    return Answer(number, Kind(kind), detail)


def failed(number: int, error: OSError) -> Answer:
    """Return the answer that tells of an error."""
    if isinstance(error, socket.gaierror):
        return Answer(number, Kind.NAME, error.errno or 0)
    silent = isinstance(error, TimeoutError)
    return Answer(number, Kind.SYSTEM, errno.ETIMEDOUT if silent else error.errno or errno.EIO)


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
