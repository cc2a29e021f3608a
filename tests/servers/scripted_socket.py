"""A mail server in memory behind a socket in memory: what it answers to each command is given as bytes."""

import re
import socket
from collections.abc import Mapping
from typing import Any

from migrator.mailbox import Connect

_COMMAND = re.compile(rb"([A-Z]+\d+) ((?:UID )?[A-Z]+)")
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n")


class ScriptedSocket:
    """The client's end. `%T` in an answer stands for the command's tag; what has no answer is answered OK.

    After `answers` are used up, reading times out at once, or ends the connection where `closes`.
    """

    def __init__(self, answers: Mapping[bytes, bytes], *, closes: bool) -> None:
        self._answers = answers
        self._closes = closes
        self._sent = bytearray()
        self._coming = bytearray(answers[b"greeting"])
        self._asked = 0
        self.commands: list[bytes] = []
        self.bytes_read = 0

    def setsockopt(self, *_: int) -> None:
        """Take any option."""

    def settimeout(self, _: float) -> None:
        """Take any time-out."""

    def getpeername(self) -> tuple[str, int]:
        """Return an address as the server's."""
        return "192.0.2.1", 143

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def sendall(self, data: Any) -> None:
        """Answer each command that is complete, and each literal that is asked for."""
        self._sent += data
        while end := self._whole_command():
            found = _COMMAND.match(self._sent)
            if found:
                self.commands.append(found[2])
                answer = self._answers.get(found[2], b"%T OK done\r\n")
                self._coming += answer.replace(b"%T", found[1])
            del self._sent[:end]
            self._asked = 0

    def _whole_command(self) -> int:
        """Return where the first command ends that was sent whole, or 0."""
        end = self._sent.find(b"\r\n") + 2
        while end > 1 and (literal := _LITERAL.search(self._sent, 0, end)) and literal.end() == end:
            if not literal[2] and end > self._asked:
                self._asked = end
                self._coming += b"+ go on\r\n"
            end += int(literal[1])
            end = self._sent.find(b"\r\n", end) + 2 if end <= len(self._sent) else 0
        return end if 1 < end <= len(self._sent) else 0

    def recv_into(self, buffer: Any) -> int:
        """Give some of what comes."""
        if not self._coming and not self._closes:
            raise TimeoutError
        some = self._coming[: min(len(buffer), 4096)]
        buffer[: len(some)] = some
        del self._coming[: len(some)]
        self.bytes_read += len(some)
        return len(some)


def connecting_to(scripted: ScriptedSocket) -> Connect:
    """Return what "connects" to it."""

    def connect(*_: object) -> socket.socket:
        sock: Any = scripted
        return sock  # type: ignore[no-any-return]

    return connect
