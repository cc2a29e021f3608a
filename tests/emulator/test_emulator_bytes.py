from base64 import urlsafe_b64decode
from typing import Any

import pytest
from small_mailbox import EVERY_BYTE, ROWS, message_id
from stand_in import Google


def raw(google: Google, number: str) -> tuple[bytes, dict[str, Any]]:
    answer = google.gmail(f"messages/{number}", google.token(), format="raw").json()
    assert len(answer["raw"]) % 4 == 0
    return urlsafe_b64decode(answer["raw"]), answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verbatim_serves_the_very_bytes(verbatim: Google, row: Any) -> None:
    found, answer = raw(verbatim, message_id(row.name))
    assert found == row.raw == verbatim.served(message_id(row.name))
    assert answer["sizeEstimate"] == len(row.raw)


def test_a_bare_lf_is_served_as_crlf_and_nothing_else_is_changed(google: Google) -> None:
    found, answer = raw(google, message_id("lf"))
    assert found == b"Subject: lf\r\n\r\nbare\r\nlines\r\n"
    assert answer["sizeEstimate"] == len(found)
    assert raw(google, message_id("odd"))[0] == b"Subject: odd\r\n\r\na\0b\rc\r\nd\r\n\r\r\n\r\n"
    assert raw(google, message_id("header8bit"))[0] == b"Subject: caf\xe9 \xff\r\n\r\n"


def test_a_message_handed_over_is_served_as_it_is(google: Google) -> None:
    for body in (EVERY_BYTE, b"", b"\n", b"\0\r", b"a" * 3_000_000):
        assert raw(google, google.add(body)["id"])[0] == body


def test_invented_messages_have_their_size_and_never_change(google: Google) -> None:
    google.control("accounts", {"address": "many@gmail.example", "synthetic": 50, "body_bytes": 700_000})
    token = google.token(account="many@gmail.example")
    numbers = [one["id"] for one in google.gmail("messages", token).json()["messages"]]
    bodies = {number: google.served(number, "many@gmail.example") for number in numbers[:3]}
    assert len(set(bodies.values())) == 3
    for number, body in bodies.items():
        head, _, text = body.partition(b"\r\n\r\n")
        answer = google.gmail(f"messages/{number}", token, format="raw").json()
        assert (len(text), b"Message-ID: <" in head, b"\n" in text.replace(b"\r\n", b"")) == (700_000, True, False)
        assert urlsafe_b64decode(answer["raw"]) == body
        assert answer["sizeEstimate"] == len(body)
