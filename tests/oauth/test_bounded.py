"""Answers that trickle, or do not end: a real server that says a byte now and then, in the clear and over TLS."""

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from emulator.servers.certificates import authority
from oauth import bounded, consent, trying
from oauth.consent import Consent, exchange
from oauth.errors import AnswerPending
from oauth.grant import Client, Grant
from oauth.revocation import give_back, is_dead, revoke

LIMIT = 1.0
"""Seconds in these tests."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
JSON = b'{"error": "invalid_token"}'

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
def server(said: tuple[bytes, bytes], every: float = 0.1, secure: ssl.SSLContext | None = None) -> Iterator[str]:
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


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "TIMEOUT", LIMIT)
    monkeypatch.setattr(consent, "_ANSWER_SECONDS", LIMIT)


@pytest.mark.parametrize("said", [STATUS, HEADERS, MORE_HEADERS, BODY, CHUNKS, ENDLESS])
def test_a_revocation_endpoint_that_trickles_is_cut_off(said: tuple[bytes, bytes]) -> None:
    with server(said) as url:
        client, begin = Client("id", "secret", token_uri=f"{url}/token", revoke_uri=f"{url}/revoke"), time.monotonic()
        assert not revoke(client, "1//token")
        assert LIMIT * 0.9 < time.monotonic() - begin < LIMIT + 10
        assert not is_dead(client, Grant("1//token"))


def test_and_so_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = authority(tmp_path)
    made = ours.certify("google")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ours.ca_file))
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(made.chain, made.key)
    with server(HEADERS, secure=secure) as url:
        begin = time.monotonic()
        with pytest.raises(requests.RequestException, match="timed out"):
            trying.posted(url.replace("127.0.0.1", "localhost"), {"token": "x"})
        assert time.monotonic() - begin < LIMIT + 10


def test_every_try_of_giving_back_has_an_end() -> None:
    with server(MORE_HEADERS) as url:
        assert not give_back(Client("id", "secret", revoke_uri=f"{url}/revoke"), "1//token")


def test_a_token_endpoint_that_trickles_is_no_answer(client: Client) -> None:
    asked = Consent("", "http://127.0.0.1:1/back", "state", "verifier")
    with server(BODY) as url, pytest.raises(AnswerPending):
        exchange(Client("id", "secret", client.auth_uri, f"{url}/token", f"{url}/revoke"), asked, "code")


def test_an_answer_that_does_not_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "TIMEOUT", 30)
    said = (HEAD + b"\r\n", b" " * 65536)
    with server(said, every=0.0) as url, pytest.raises(requests.RequestException, match="too long"):
        trying.posted(url, {"token": "x"})


def test_an_answer_in_time_is_read_whole() -> None:
    body = JSON + b" " * (bounded.LONGEST - len(JSON))
    with server((HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body, b""), every=5.0) as url:
        answer = trying.posted(url, {"token": "x"})
    assert (answer.status_code, len(answer.content), answer.json()["error"]) == (200, bounded.LONGEST, "invalid_token")
