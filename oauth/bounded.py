"""Answers over HTTP that are whole by one moment and no longer than they may be, or are given up.

requests bounds how long a server may be silent, so one that says a byte now and then holds its caller for ever. Here
the time runs from the connection on, over headers and body together (TLS has had its own end by then).
"""

import io
import socket
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

LONGEST = 1024 * 1024
"""Bytes that an answer's body may have, unpacked."""

_PIECE = 16 * 1024


class BoundedAdapter(HTTPAdapter):
    """Sends the requests of a `requests.Session`, each over a connection of its own that ends in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        super().__init__()

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        """Have connections made that end by themselves."""
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = _pools(self._seconds)

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        """Return an answer that has been read.

        Raises:
            requests.RequestException: none came, or it took too long or was too long.
        """
        answer = super().send(request, *args, **{**settings, "stream": True})
        try:
            answer._content = _read(answer)  # noqa: SLF001 - as its own `content` does
        finally:
            answer.close()
        return answer


def post(uri: str, form: Mapping[str, str], seconds: float, connect_seconds: float = 0.0) -> requests.Response:
    """POST a form; raises `requests.RequestException`.

    No redirect is followed: it would carry the token on to another place (RFC 9110 §15.4.8: 307 repeats the body).

    Args:
        uri: where to.
        form: what is posted.
        seconds: for the answer, from the connection on.
        connect_seconds: for the connection; as many as for the answer where 0.
    """
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedAdapter(seconds))
        return session.post(uri, data=form, timeout=(connect_seconds or seconds, seconds), allow_redirects=False)


def _read(answer: requests.Response) -> bytes:
    found = bytearray()
    for piece in answer.iter_content(_PIECE):
        found += piece
        if len(found) > LONGEST:
            raise requests.RequestException("the answer is too long")
    return bytes(found)


@cache
def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = _Ending(self.sock, seconds)

    class Safe(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = _Ending(self.sock, seconds)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SafePool(HTTPSConnectionPool):
        ConnectionCls = Safe

    return {"http": PlainPool, "https": SafePool}


class _Ending:
    """A connected socket that is read from for so many seconds, and no longer."""

    def __init__(self, line: socket.socket, seconds: float) -> None:
        self._line = line
        self._until = time.monotonic() + seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return what `http.client` reads an answer from."""
        return io.BufferedReader(_Reads(self._line, self._until))


class _Reads(io.RawIOBase):
    def __init__(self, line: socket.socket, until: float) -> None:
        self._line = line
        self._until = until
        self._raw = line.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._line.settimeout(left)
        return self._raw.readinto(into)

    def close(self) -> None:
        self._raw.close()
        super().close()
