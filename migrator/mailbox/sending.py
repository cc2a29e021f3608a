"""Putting APPEND on the wire: many messages in one command, or one each with several commands under way.

What is sent without waiting for the server (LITERAL+) is only ever what `heads` has checked; and after BAD to it
nothing more goes over this connection.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from . import heads
from .answers import Answer
from .values import Item
from .wire import Wire

_IN_FLIGHT = 16  # single APPENDs sent before the first is answered
_COPIED = 64 * 1024  # what is shorter is joined with its neighbours into one write
_LITERAL_MINUS = 4096  # bytes (RFC 7888 §5)
_APPENDLIMIT = re.compile(r"APPENDLIMIT=\d{1,18}")


@dataclass(frozen=True, slots=True)
class Ways:
    """How this server takes messages (RFC 3502, 7888, 4315, 7889).

    `literals`: sent at once (plus), at once up to 4 KiB (minus), or after the server's `+` (patient).
    `limit`: the largest message it takes, in octets; None where it does not say. `beside`: no folder may be open while
    messages are sent, and the folder has to be opened again to see them. So it is with GNU imap4d, which removes what
    was appended to the open folder of an mbox store; it is told by UNSELECT (RFC 3691) without UIDPLUS.
    """

    multi: bool
    literals: Literal["plus", "minus", "patient"]
    uidplus: bool
    limit: int | None = None
    beside: bool = False

    @classmethod
    def of(cls, capabilities: frozenset[str], *, careful: bool = False) -> "Ways":
        """Return the quickest ways these capabilities allow; careful: one by one, each literal asked for."""
        literals: Literal["plus", "minus", "patient"] = "patient"
        if not careful and capabilities & {"LITERAL+", "LITERAL-"}:
            literals = "plus" if "LITERAL+" in capabilities else "minus"
        multi = "MULTIAPPEND" in capabilities and not careful
        limits = [int(name[12:]) for name in capabilities if _APPENDLIMIT.fullmatch(name)]
        uidplus = "UIDPLUS" in capabilities
        beside = not uidplus and "UNSELECT" in capabilities
        return cls(multi, literals, uidplus, min(limits, default=None), beside)

    def waits(self, size: int) -> bool:
        """Whether a literal of `size` bytes has to wait for the server's `+`."""
        return self.literals == "patient" or (self.literals == "minus" and size > _LITERAL_MINUS)


@dataclass(frozen=True, slots=True)
class Piece:
    """A message as it will be sent: its flags may be fewer than the item's."""

    item: Item
    flags: tuple[str, ...]

    @property
    def dropped(self) -> bool:
        """Whether it lost keywords."""
        return self.flags != self.item.flags


class Sender:
    """Sends to one folder; `mailbox` is its quoted name."""

    def __init__(self, wire: Wire, mailbox: bytes) -> None:
        self._wire = wire
        self._mailbox = mailbox
        self._buffer: list[bytes | bytearray] = []
        self._buffered = 0

    def batch(self, batch: Sequence[Piece], ways: Ways) -> Answer:
        """Send one APPEND with all of them (MULTIAPPEND) and return its answer."""
        tag = self._wire.new_tag()
        self._put(b"%b APPEND %b" % (tag, self._mailbox))
        for piece in batch:
            if not self._put_message(tag, piece, ways):
                return self._answered(tag, ways)
        self._put(b"\r\n")
        self._flush()
        return self._answered(tag, ways)

    def singles(self, batch: Sequence[Piece], ways: Ways) -> list[Answer]:
        """Send an APPEND for each, up to 16 before the first is answered, and return their answers in order."""
        replies: list[Answer] = []
        waiting: deque[bytes] = deque()
        for piece in batch:
            if len(waiting) == _IN_FLIGHT:
                self._flush()
                replies.append(self._answered(waiting.popleft(), ways))
            tag = self._wire.new_tag()
            waiting.append(tag)
            self._put(b"%b APPEND %b" % (tag, self._mailbox))
            if self._put_message(tag, piece, ways):
                self._put(b"\r\n")
        self._flush()
        return replies + [self._answered(tag, ways) for tag in waiting]

    def _put_message(self, tag: bytes, piece: Piece, ways: Ways) -> bool:
        """Put a message's head and literal; False if the server answered instead of asking for the literal."""
        size = len(piece.item.wire)
        waits = ways.waits(size)
        self._put(heads.before_literal(piece.item, piece.flags) + (b"{%d}\r\n" if waits else b"{%d+}\r\n") % size)
        if waits:
            self._flush()
            if not self._wire.asks_for_more(tag):
                return False
        self._put(piece.item.wire)
        return True

    def _answered(self, tag: bytes, ways: Ways) -> Answer:
        answer = self._wire.finish(tag)
        if answer.status not in {"OK", "NO"} and ways.literals != "patient":
            raise self._wire.abort("BAD")
        return answer

    def _put(self, data: bytes | bytearray) -> None:
        if len(data) > _COPIED:
            self._flush()
            self._wire.send(data)
            return
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered > _COPIED:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._wire.send(b"".join(self._buffer))
            self._buffer, self._buffered = [], 0
