"""A server over HTTP that says its answer a byte now and then, or without an end."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
Said = Iterable[bytes]


def dripping(begin: bytes, drop: bytes) -> Said:
    return itertools.chain((begin,), itertools.repeat(drop))


STATUS = (b"HTTP/1.1 200 O", b"K")
HEADERS = (HEAD + b"x-a: ", b"a")
MORE_HEADERS = (HEAD, b"x-a: a\r\n")
BODY = (HEAD + b"content-length: 100000\r\n\r\n", b" ")
CHUNKS = (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")
ENDLESS = (HEAD + b"\r\n", b" ")


@contextmanager
def trickling(said: tuple[bytes, bytes], every: float = 0.1, secure: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer each request by what is said, a piece at a time, for as long as somebody listens; give the address."""
    over = threading.Event()

    def answer(line: socket.socket) -> None:
        with contextlib.suppress(OSError), secure.wrap_socket(line, server_side=True) if secure else line as wrapped:
            wrapped.recv(65536)
            for piece in dripping(*said):
                wrapped.sendall(piece)
                if over.wait(every):
                    return

    def listen() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield f"{'https' if secure else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
