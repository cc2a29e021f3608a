"""One post to the host's address: signed, in time, and to nobody else."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException

import pytest
from receiver import SECRET, place_for_receiver, receiving

from emulator.servers.certificates import Authority, Certificate, authority
from emulator.servers.instance import folder
from jobs.hook import Hook, post, secret_of, signed_headers


def test_the_signature_is_that_of_the_example_of_standard_webhooks() -> None:
    hook = Hook("https://host.example/", secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = signed_headers(hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1_614_265_330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.fixture(scope="module")
def ours() -> Iterator[Authority]:
    with folder() as home:
        yield authority(home)


@pytest.fixture(scope="module")
def certificates(ours: Authority) -> dict[str, Certificate]:
    return {
        "good": ours.certify("good"),
        "foreign": ours.certify("foreign", host="elsewhere.example"),
        "late": ours.certify("late", days=-1),
    }


@pytest.mark.parametrize(("which", "trusted", "taken"), [
    ("good", True, True), ("good", False, False), ("foreign", True, False), ("late", True, False),
])  # fmt: skip
def test_who_cannot_prove_that_he_is_the_host_hears_nothing(
    which: str, certificates: dict[str, Certificate], *, trusted: bool, taken: bool
) -> None:
    chosen = certificates[which]
    with place_for_receiver() as place, receiving(place, chosen) as host:
        hook = Hook(host.url, SECRET, chosen.ca_file if trusted else None)
        if taken:
            assert post(hook, "msg_1", b"{}")
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                post(hook, "msg_1", b"{}")
        assert len(host.heard) == taken


def test_a_receiver_that_answers_byte_by_byte_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        begun = time.monotonic()
        hook = Hook(f"http://127.0.0.1:{listener.getsockname()[1]}", SECRET, seconds=0.5)
        with pytest.raises((OSError, HTTPException)):
            post(hook, "msg_1", b"{}")
        assert time.monotonic() - begun < 15
        thread.join()


def drip(listener: socket.socket) -> None:
    """Answer without an end, each byte in good time, until the client hangs up or half a minute is over."""
    line, _ = listener.accept()
    enough = threading.Event()
    with line:
        for _ in range(150):
            enough.wait(0.2)
            try:
                line.sendall(b"H")
            except OSError:
                return


@pytest.mark.parametrize(
    "url",
    [
        "http://host.example/",
        "http://127.0.0.1.host.example/",
        "https://",
        "ftp://host.example/",
        "https://u:p@host.example/",
        "x",
        "https:///x",
    ],
)
def test_an_address_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Hook(url, SECRET)


def test_a_short_secret_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="24 bytes"):
        Hook("https://host.example/", b"short")
    assert "0123" not in repr(Hook("https://host.example/", SECRET))
    for text in ("", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"):
        with pytest.raises(ValueError, match="whsec_"):
            secret_of(text)
