"""Answers that trickle, or do not end: a real server that says a byte now and then, in the clear and over TLS."""

import ssl
import time
from pathlib import Path

import pytest
import requests
from servers.trickling import BODY, CHUNKS, ENDLESS, HEAD, HEADERS, MORE_HEADERS, STATUS, trickling

from emulator.servers.certificates import authority
from oauth import bounded, consent, trying
from oauth.consent import Consent, exchange
from oauth.errors import AnswerPending
from oauth.grant import Client, Grant
from oauth.revocation import give_back, is_dead, revoke

LIMIT = 1.0
"""Seconds in these tests."""

JSON = b'{"error": "invalid_token"}'


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "TIMEOUT", LIMIT)
    monkeypatch.setattr(consent, "_ANSWER_SECONDS", LIMIT)


@pytest.mark.parametrize("said", [STATUS, HEADERS, MORE_HEADERS, BODY, CHUNKS, ENDLESS])
def test_a_revocation_endpoint_that_trickles_is_cut_off(said: tuple[bytes, bytes]) -> None:
    with trickling(said) as url:
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
    with trickling(HEADERS, secure=secure) as url:
        begin = time.monotonic()
        with pytest.raises(requests.RequestException, match="timed out"):
            trying.posted(url.replace("127.0.0.1", "localhost"), {"token": "x"})
        assert time.monotonic() - begin < LIMIT + 10


def test_every_try_of_giving_back_has_an_end() -> None:
    with trickling(MORE_HEADERS) as url:
        assert not give_back(Client("id", "secret", revoke_uri=f"{url}/revoke"), "1//token")


def test_a_token_endpoint_that_trickles_is_no_answer(client: Client) -> None:
    asked = Consent("", "http://127.0.0.1:1/back", "state", "verifier")
    with trickling(BODY) as url, pytest.raises(AnswerPending):
        exchange(Client("id", "secret", client.auth_uri, f"{url}/token", f"{url}/revoke"), asked, "code")


def test_an_answer_that_does_not_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "TIMEOUT", 30)
    said = (HEAD + b"\r\n", b" " * 65536)
    with trickling(said, every=0.0) as url, pytest.raises(requests.RequestException, match="too long"):
        trying.posted(url, {"token": "x"})


def test_an_answer_in_time_is_read_whole() -> None:
    body = JSON + b" " * (bounded.LONGEST - len(JSON))
    with trickling((HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body, b""), every=5.0) as url:
        answer = trying.posted(url, {"token": "x"})
    assert (answer.status_code, len(answer.content), answer.json()["error"]) == (200, bounded.LONGEST, "invalid_token")
