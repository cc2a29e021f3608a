"""A mail server that means harm: scripts played over a socket, once, to see what the door makes of them."""

import contextlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from migrator.mailbox import Mailbox, Password, Target, open_mailbox

MIB = 1024 * 1024
PATIENCE = 0.3  # read time-out, seconds
SECRET = "open sesame"
Tls = Literal["starttls", "none"]


@dataclass
class Line:
    """The adversary's end of a connection."""

    sock: socket.socket
    heard: bytearray = field(default_factory=bytearray)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hear(self) -> bytes:
        """Return the next command line, or b"" at the end."""
        begin = len(self.heard)
        while b"\n" not in self.heard[begin:]:
            data = self.sock.recv(65536)
            if not data:
                return b""
            self.heard += data
        return bytes(self.heard[begin:])

    def wait_for_the_end(self) -> None:
        while data := self.sock.recv(65536):
            self.heard += data


Script = Callable[[Line], None]


@contextlib.contextmanager
def adversary(*scripts: Script, port: int = 0) -> Iterator[tuple[int, Line]]:
    """Give the port on which each script plays the server for one connection, in turn, and what it heard."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(10)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB // 4)
        line = Line(socket.socket())

        def play() -> None:
            for script in scripts:
                line.sock.close()
                line.sock, _ = listener.accept()
                with line.sock, contextlib.suppress(OSError):
                    line.sock.settimeout(10)
                    script(line)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], line
        finally:
            thread.join(15)
            assert not thread.is_alive()


def enter_hostile(port: int, tls: Tls = "none", patience: float = PATIENCE) -> Mailbox:
    """Open a mailbox at the adversary's."""
    target = Target("127.0.0.1", port, tls)
    return open_mailbox(target, Password("ann", SECRET), connect_timeout=2, read_timeout=patience)


CAPABLE = b"* CAPABILITY IMAP4rev1 UIDPLUS MULTIAPPEND LITERAL+ NAMESPACE QUOTA\r\n"
SELECTED = b"* 0 EXISTS\r\n* FLAGS ()\r\n* OK [PERMANENTFLAGS (\\*)]\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n"


def polite(**instead: bytes | Script) -> Script:
    """Return a script that answers as a server should, but for the commands named; `%T` stands for the tag."""

    def script(line: Line) -> None:
        line.say(b"* OK hello\r\n")
        while command := line.hear():
            tag, _, rest = command.partition(b" ")
            word = rest.split()[0].decode() if rest.split() else ""
            word = "UIDFETCH" if rest.startswith(b"UID FETCH") else word
            usual = {"CAPABILITY": CAPABLE, "SELECT": SELECTED, "NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n'}
            answer = instead.get(word, usual.get(word, b"") + b"%T OK done\r\n")
            if callable(answer):
                answer(line)
                return
            line.say(answer.replace(b"%T", tag))

    return script


def flood(data: bytes, mebibytes: int = 64) -> Script:
    """Return a script that says `data` over and over, so many MiB in all."""

    def script(line: Line) -> None:
        for _ in range(mebibytes * MIB // len(data)):
            line.say(data)

    return script


def after(data: bytes, script: Script) -> Script:
    """Return a script that says `data`, then plays `script`."""

    def both(line: Line) -> None:
        line.say(data)
        script(line)

    return both


@contextlib.contextmanager
def within(seconds: float, peak: int = 40 * MIB) -> Iterator[None]:
    """See that the block takes less than so many seconds and bytes of memory."""
    tracemalloc.start()
    begin = time.monotonic()
    try:
        yield
    finally:
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.monotonic() - begin < seconds
    assert high < peak
