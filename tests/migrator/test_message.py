from collections.abc import Callable

import pytest
from engine import KEY, letter
from hypothesis import given
from hypothesis import strategies as st

from migrator.message import GmailMessage, fingerprint, with_crlf

pieces = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b"\x80", b"\xff", b"\xc3\xa9", b"X", b"a", b": ", b"Subject: x\r\n"]
)
mails = st.lists(pieces, max_size=30).map(b"".join)
wires = mails.map(with_crlf)


def as_dovecot_stores(wire: bytes) -> bytes:
    return wire.replace(b"\0", b"\x80").replace(b"\r\r\n", b"\r\n").removesuffix(b"\r")


def as_cyrus_stores(wire: bytes) -> bytes:
    head, blank, body = wire.partition(b"\r\n\r\n")
    return bytes(ord("X") if byte > 0x7F else byte for byte in head) + blank + body


def as_courier_stores(wire: bytes) -> bytes:
    lines = b"\r\n".join(part.replace(b"\r", b"") for part in wire.split(b"\r\n"))
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


@given(mails)
def test_on_the_wire_every_line_ends_in_crlf_and_nothing_else_changed(raw: bytes) -> None:
    wire = bytes(with_crlf(raw))
    assert wire.count(b"\n") == wire.count(b"\r\n")
    assert wire.replace(b"\r\n", b"\n") == raw.replace(b"\r\n", b"\n")
    assert bytes(with_crlf(wire)) == wire


def test_a_mail_that_is_in_order_is_handed_on_and_not_copied() -> None:
    raw = bytearray(letter(1))
    assert with_crlf(raw) is raw


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        (b"a\nb\r\nc", b"a\r\nb\r\nc"),
        (b"a\rb\n", b"a\rb\r\n"),
        (b"\n", b"\r\n"),
        (b"a\r\r\nb", b"a\r\r\nb"),
        (b"a\n\rb", b"a\r\n\rb"),
        (b"", b""),
    ],
)
def test_line_ends(raw: bytes, wire: bytes) -> None:
    assert with_crlf(raw) == wire


@given(wires, st.sampled_from([as_dovecot_stores, as_cyrus_stores, as_courier_stores]))
def test_a_mail_is_recognised_after_what_a_server_did_to_it(wire: bytes, store: Callable[[bytes], bytes]) -> None:
    before = fingerprint(wire, KEY)
    stored = store(bytes(wire))
    after = fingerprint(stored, KEY)
    assert after.likeness == before.likeness
    assert abs(after.size - before.size) <= before.slack
    assert (after.digest == before.digest) == (stored == wire)


@given(wires, st.data())
def test_another_letter_makes_it_another_mail(wire: bytes, data: st.DataObject) -> None:
    places = [place for place, byte in enumerate(wire) if byte == ord("a")]
    if places:
        place = data.draw(st.sampled_from(places))
        other = bytes(wire[:place]) + b"b" + bytes(wire[place + 1 :])
        assert fingerprint(other, KEY).likeness != fingerprint(wire, KEY).likeness
        assert fingerprint(other, KEY).digest != fingerprint(wire, KEY).digest


@given(wires)
def test_bytes_and_bytearray_are_the_same_mail(wire: bytes) -> None:
    assert fingerprint(bytearray(wire), KEY) == fingerprint(bytes(wire), KEY)


def test_the_fingerprint_of_a_mail_means_nothing_under_another_key() -> None:
    one, other = fingerprint(letter(1), KEY), fingerprint(letter(1), b"x" * 32)
    assert one.digest != other.digest
    assert one.likeness != other.likeness


def test_fingerprinting_changes_nothing() -> None:
    raw = bytearray(b"Subject: \xff\0\r\r\n\r\n\0\xff\r")
    kept = bytes(raw)
    fingerprint(raw, KEY)
    with_crlf(raw)
    assert raw == kept


def test_a_message_shows_nothing_of_its_bytes() -> None:
    assert "canary" not in repr(GmailMessage("aa", frozenset(), 0, b"canary"))
