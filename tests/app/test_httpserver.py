"""Connections that are kept open by sending slowly, or framed in two ways: a real server over a socket."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse

from app import httpserver
from app.serving import listening, serving

BOUNDS = tuple(getattr(httpserver, f"{name}_SECONDS") for name in ("REST", "HEADERS", "BODY", "LONGEST_BODY"))
"""As they are without these tests."""

FORM = b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
PATIENCE = 2.0
"""Seconds of these tests, for 15 and 20."""


def site() -> FastAPI:
    made = FastAPI(openapi_url=None)

    @made.get("/")
    def page() -> Response:
        return PlainTextResponse("page")

    @made.post("/form")
    async def form(request: Request) -> Response:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    @made.post("/early")
    def early() -> Response:
        return PlainTextResponse("no", 403)

    @made.get("/slow")
    def slow() -> Response:
        time.sleep(2 * PATIENCE)
        return PlainTextResponse("at last")

    return made


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with (
        pytest.MonkeyPatch.context() as patch,
        listening("127.0.0.1", 0, "web") as listeners,
        serving(site(), listeners, threading.Event(), "web"),
    ):
        for name in ("HEADERS_SECONDS", "BODY_SECONDS", "REST_SECONDS"):
            patch.setattr(httpserver, name, PATIENCE)
        yield listeners[0].getsockname()[1]


def heard(line: socket.socket) -> bytes:
    """Return what comes until the other side hangs up."""
    parts = []
    try:
        while part := line.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def trickled(port: int, begin: bytes, drop: bytes) -> bytes:
    """Send a beginning, and then a byte each tenth of a second while somebody takes them; return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(begin)
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(0.1):
                try:
                    line.sendall(drop)
                except OSError:
                    return

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            return heard(line)
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("begin", "drop", "status"),
    [
        (b"G", b"E", b"408"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ", b"a", b"408"),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"408"),
        (FORM, b"a", b"408"),
        (b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"408"),
        (FORM.replace(b"/form", b"/early"), b"", b"403"),
        (FORM.replace(b"/form", b"/early").replace(b"100", b"999999999"), b"a", b"403"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET", b"a", b"200"),
    ],
)
def test_who_sends_slowly_is_hung_up_on(port: int, begin: bytes, drop: bytes, status: bytes) -> None:
    answer = trickled(port, begin, drop)
    assert answer.split()[1] == status


def test_who_says_nothing_is_hung_up_on_without_a_word(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        assert heard(line) == b""


def test_an_answer_that_takes_its_time_is_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert heard(line).endswith(b"at last")


def test_a_connection_is_used_again_and_each_request_has_its_own_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        for _ in range(4):
            line.sendall(FORM)
            time.sleep(PATIENCE * 0.3)
            line.sendall(b"a" * 100)
            assert line.recv(65536).endswith(b"100 bytes")


AMBIGUOUS = (
    b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /form HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /form HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
)


@pytest.mark.parametrize("request_", AMBIGUOUS)
def test_a_request_framed_in_two_ways_is_refused_and_the_connection_closed(port: int, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request_ + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = heard(line)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"page" not in answer


def test_what_a_browser_may_take_is_bounded() -> None:
    assert BOUNDS == (5, 15, 20, 90)
