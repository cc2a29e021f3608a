"""The bytes to and from the mail server: imaplib's connection, with bounds on what a server may send us.

imaplib reads whatever literal a server announces, in text too, and waits as long as bytes keep coming. Here responses
are read by the standard's grammar, every command has an allowance of bytes and a deadline, and the socket is made by a
function the caller may replace (to pin a checked address).
"""

import imaplib
import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from . import responses
from .answers import Answer, read
from .responses import Response
from .target import Target

Connect = Callable[[str, int, float], socket.socket]  # host, port, seconds

CHUNK = 256 * 1024  # bytes per write: a time-out then covers one chunk, not a whole message
ALLOWANCE = 4 * 1024 * 1024  # bytes a server may answer to one command, unless the command says otherwise
GREETING = 64 * 1024  # bytes of greeting and capabilities
_LINE = 1_000_000  # bytes of one line
PATIENCE = 10  # read time-outs that one command may last altogether

# Linux: acknowledge at once what is read next. A server that leaves Nagle's algorithm on (Cyrus) sends the second of
# two short answers only then, 40 ms later. The option wears off, so it is set before each read.
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Nonsense(imaplib.IMAP4.abort):
    """The server said what no server may say here; what it did with the last command is unknown."""


class Flood(ConnectionAbortedError):
    """The server sent more than it was allowed to."""


class _Incoming(io.RawIOBase):
    """What the server sends, counted against `allowance` (bytes) and `deadline` (monotonic seconds)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.allowance = 0
        self.deadline = 0.0
        self.unread = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if time.monotonic() > self.deadline:
            raise TimeoutError
        if _QUICKACK is not None:
            self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        count = self._sock.recv_into(buffer)
        self.allowance -= count
        self.unread += count
        if self.allowance < 0:
            raise Flood
        return count


class Wire(imaplib.IMAP4):
    """One connection. Made by IMAPClient; nothing said on it is logged or remembered."""

    def __init__(self, target: Target, connect: Connect, connect_timeout: float, read_timeout: float) -> None:
        self._target = target
        self._reach = connect
        self._read_timeout = read_timeout
        super().__init__(target.host, target.port, connect_timeout)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect, with TLS from the first byte if the target says so; the greeting has the read time-out."""
        self.host, self.port = host, port
        sock = self._reach(host, port, timeout or self._read_timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms a message (Nagle, delayed ACK)
            if self._target.tls == "implicit":
                sock = self.context().wrap_socket(sock, server_hostname=host)
            sock.settimeout(self._read_timeout)
        except BaseException:
            sock.close()
            raise
        self._listen(sock)

    def context(self) -> ssl.SSLContext:
        """Return what verifies the server's certificate and name."""
        return ssl.create_default_context(cafile=self._target.ca_file)

    def _listen(self, sock: socket.socket) -> None:
        self.sock = sock
        self._incoming = _Incoming(sock)
        self._reader = io.BufferedReader(self._incoming, 64 * 1024)
        self.expect(GREETING)

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Literal["OK"], list[None]]:
        """Change to TLS; what came before it in the clear counts for nothing, or breaks the connection."""
        answer = self.run(b"STARTTLS")
        if not answer.ok or self._incoming.unread:
            raise self.abort("no TLS, or data before TLS")
        self._listen((ssl_context or self.context()).wrap_socket(self.sock, server_hostname=self.host))
        self._get_capabilities()
        return "OK", [None]

    def read(self, size: int) -> bytes:
        """Read a literal of `size` bytes, if that many may still come."""
        if size > self._incoming.allowance + self._incoming.unread:
            raise Nonsense("literal too large")
        data = self._reader.read(size)
        self._incoming.unread -= len(data)
        if len(data) < size:
            raise self.abort("closed in a literal")
        return data

    def readline(self) -> bytes:
        """Read a line with its end, CRLF or LF; imaplib's own bound of 1,000,000 bytes holds."""
        line = self._reader.readline(_LINE + 1)
        self._incoming.unread -= len(line)
        if len(line) > _LINE:
            raise Nonsense("line too long")
        if not line.endswith(b"\n"):
            raise self.abort("closed in a line")
        return line

    def send(self, data: Any) -> None:
        """Send bytes or a view of bytes, in chunks."""
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            self.sock.sendall(view[start : start + CHUNK])

    def shutdown(self) -> None:
        """Close the socket at once."""
        self._reader.close()
        self.sock.close()

    def hush(self) -> None:
        """Undo IMAPClient's switching on of imaplib's debug messages."""
        self.debug = 0

    def _log(self, line: bytes) -> None:
        """Keep no log of the last commands: LOGIN would be among them."""

    @property
    def in_step(self) -> bool:
        """Whether every command begun has its answer."""
        return None not in self.tagged_commands.values()

    def expect(self, allowance: int = ALLOWANCE) -> None:
        """From here count what the server sends, and the time."""
        self._incoming.allowance = allowance
        self._incoming.deadline = time.monotonic() + PATIENCE * self._read_timeout

    def new_tag(self, allowance: int = ALLOWANCE) -> bytes:
        """Return the tag of a new command, whose answer may have `allowance` bytes."""
        self.expect(allowance)
        self.untagged_responses.clear()
        tag: bytes = self._new_tag()
        return tag

    def begin(self, line: bytes, allowance: int = ALLOWANCE) -> bytes:
        """Send a command with a new tag, and return the tag."""
        tag = self.new_tag(allowance)
        self.send(b"%b %b\r\n" % (tag, line))
        return tag

    def finish(self, tag: bytes) -> Answer:
        """Read up to the answer of the command with this tag."""
        while self.tagged_commands[tag] is None:
            self._get_response()
        reply: Any = self.tagged_commands.pop(tag)
        status, (rest,) = reply
        return read(status, rest)

    def run(self, line: bytes) -> Answer:
        """Send a command and return its answer; what came untagged lies in `untagged_responses`."""
        return self.finish(self.begin(line))

    def asks_for_more(self, tag: bytes) -> bool:
        """Read up to a continuation request `+` (True) or the answer of the command with this tag (False)."""
        while self.tagged_commands[tag] is None:
            if self._get_response() is None:
                return True
        return False

    def stream(self, line: bytes, allowance: int = ALLOWANCE) -> Iterator[bytes]:
        """Send a command and give each response line with its literals put in, keeping none; exhaust it always."""
        tag = self.begin(line, allowance)
        for parts in self.untagged(tag):
            yield b"".join(parts)
        if not self.finish(tag).ok:
            raise self.abort("refused")

    def untagged(self, tag: bytes) -> Iterator[list[bytes]]:
        """Give each response before the answer of the command with this tag, as text, literal, text, ...

        Exhaust it always; `finish` has the answer then.
        """
        while (parts := self._whole())[0].startswith((b"*", b"+")):
            yield parts
        answer = self._answering(parts[0])
        if answer.tag != tag:
            raise Nonsense("an answer to another command")
        reply: Any = (answer.word, [answer.rest])
        self.tagged_commands[tag] = reply

    def _whole(self) -> list[bytes]:
        """Read one response: a line, and each literal in it with the line that follows. Blank lines count for none."""
        line = self.readline()
        while not line.strip():
            line = self.readline()
        parts = [line]
        while (size := responses.literal(line, parts[-1])) is not None:
            parts += [self.read(size), self.readline()]
        return parts

    def _answering(self, line: bytes) -> Response:
        """Return the answer to a command under way; any other line is nonsense.

        An answer nobody asked for means that the server takes something else than our commands for commands.
        """
        response = responses.read(line.rstrip(b"\r\n"))
        if response is None or response.tag not in self.tagged_commands:
            raise Nonsense("no answer to anything we said")
        return response

    def _get_response(self) -> bytes | None:
        """Take in one response as imaplib does: None for `+`; else the line, its content in `untagged_responses`."""
        first, *rest = self._whole()
        if first.startswith(b"+"):
            return None
        if first.startswith(b"*"):
            self._take_untagged(first, rest)
        else:
            answer = self._answering(first)
            reply: Any = (answer.word, [answer.rest])
            self.tagged_commands[answer.tag] = reply
            self._take_code(answer)
        return first

    def _take_untagged(self, first: bytes, rest: list[bytes]) -> None:
        response = responses.read(first.rstrip(b"\r\n"))
        if response is None:  # a star and nothing we know: it may mean something to somebody
            return
        text = response.rest
        for literal, line in zip(rest[::2], rest[1::2], strict=True):
            self._append_untagged(response.word, (text, literal))
            text = line.rstrip(b"\r\n")
        self._append_untagged(response.word, text)
        self._take_code(response)

    def _take_code(self, response: Response) -> None:
        if response.code:
            self._append_untagged(*response.code)
