from collections.abc import Callable

import pytest
from engine import KEY, letter
from hypothesis import given
from hypothesis import strategies as st

from migrator.message import NO_IDENTITY, GmailMessage, fingerprint, identity, is_certain, with_crlf

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


def as_an_mbox_stores(wire: bytes) -> bytes:
    head, blank, body = as_dovecot_stores(wire).partition(b"\r\n\r\n")
    if not blank:
        return head + b"\r\n\r\n"
    return head + blank + (body if body.endswith(b"\r\n") else body + b"\r\n")


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


@given(wires, st.sampled_from([as_dovecot_stores, as_cyrus_stores, as_courier_stores, as_an_mbox_stores]))
def test_a_mail_is_recognised_after_what_a_server_did_to_it(wire: bytes, store: Callable[[bytes], bytes]) -> None:
    before = fingerprint(wire, KEY)
    stored = store(bytes(wire))
    after = fingerprint(stored, KEY)
    assert after.likeness == before.likeness
    assert abs(after.size - before.size) <= before.slack
    assert (after.digest == before.digest) == (stored == wire)


UNNAMED = b"From: Ann\r\nDate:  today\r\nX-To:\tBob\r\n\r\n"


@pytest.mark.parametrize(
    "stored",
    [
        b"From: Ann\r\nDate: today\r\nX-To: Bob\r\n\r\nhello\r\n",
        b"From: Ann\r\nDate: today\r\nX-To: Bob\r\nX-IMAPbase: 1700000000 0000000001\r\nX-UID: 1\r\n\r\nhello\r\n",
        UNNAMED + b"hello",
    ],
)
@pytest.mark.parametrize("before", [b"", b"From ann@example.com Tue Nov 14 22:13:20 2023\r\n"])
def test_mail_without_a_message_id_is_recognised_whatever_the_store_does_to_its_header(
    stored: bytes, before: bytes
) -> None:
    sent, after = fingerprint(before + UNNAMED + b"hello\r\n", KEY), fingerprint(stored, KEY)
    assert after.likeness == sent.likeness
    assert abs(after.size - sent.size) <= sent.slack
    assert after.likeness != fingerprint(UNNAMED.replace(b"Bob", b"Eve") + b"hello\r\n", KEY).likeness


def test_mail_without_a_message_id_is_recognised_with_its_from_lines_escaped() -> None:
    lines = b"From Monday on\r\n" * 80
    sent, after = (fingerprint(UNNAMED + body, KEY) for body in (lines, lines.replace(b"From", b">From")))
    assert after.likeness == sent.likeness
    assert after.size - sent.size == 80 <= sent.slack


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
    assert "canary" not in repr(GmailMessage("00000000000000aa", frozenset(), 0, b"canary"))


# --- identity ---------------------------------------------------------------------------------------------------------

NAMED = b"From: Ann <ann@example.com>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n"


@given(wires, st.sampled_from([as_dovecot_stores, as_cyrus_stores, as_courier_stores]))
def test_the_identity_outlives_what_a_server_does(wire: bytes, store: Callable[[bytes], bytes]) -> None:
    assert identity(store(bytes(wire)), KEY) == fingerprint(wire, KEY).identity


@pytest.mark.parametrize(
    "answered",
    [
        NAMED,
        NAMED.replace(b"\r\n", b"\n"),
        b"Message-ID: <1@example.com>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Ann <ann@example.com>\r\n\r\n",
        NAMED.replace(b"Date: Tue, 14", b"DATE :Tue,\r\n 14"),
        NAMED.replace(b"Message-ID: ", b"message-id:\r\n\t"),
        NAMED[:-2] + b"Message-ID: <another@example.com>\r\n\r\n",
        b"X-Store: 5\r\n" + NAMED[:-2] + b"Subject: any\r\n\r\nMessage-ID: <in the body@example.com>\r\n",
        b"no header line\r\n" + NAMED,
        NAMED.rstrip(),
    ],
)
def test_the_identity_does_not_depend_on_how_a_server_writes_the_fields(answered: bytes) -> None:
    assert identity(answered, KEY) == identity(NAMED, KEY)
    assert is_certain(identity(NAMED, KEY))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<1@", b"<2@"), (b"22:13:20", b"22:13:21"), (b"Ann", b"Bob"), (b"Message-ID: <1@example.com>", b"X: y")],
)
def test_another_message_id_date_or_sender_is_another_identity(old: bytes, new: bytes) -> None:
    assert identity(NAMED.replace(old, new), KEY) != identity(NAMED, KEY)


def test_an_identity_means_nothing_under_another_key() -> None:
    assert identity(NAMED, KEY) != identity(NAMED, b"x" * 32)


def test_without_a_message_id_an_identity_is_not_certain() -> None:
    plain = b"From: ann\r\nDate: today\r\nSubject: one\r\n\r\n"
    empty = b"Message-ID: \r\n" + plain
    assert identity(plain, KEY) == identity(empty, KEY) != identity(plain.replace(b"one", b"two"), KEY)
    assert not is_certain(identity(plain, KEY))
    assert identity(b"X-Other: 1\r\n\r\nFrom: body", KEY) == identity(b"", KEY) == NO_IDENTITY
    assert not is_certain(NO_IDENTITY)


@pytest.mark.parametrize(
    "stored",
    [
        b"X-UID: 7\r\n" + NAMED + b"hello\r\nFrom here\r\n",
        b"\r\n".join(sorted(NAMED[:-4].split(b"\r\n"))) + b"\r\n\r\nhello\r\n>From here\r\n\r\n",
        NAMED + b"\r\nhello\r\nFrom here",
    ],
)
def test_the_content_is_the_same_whatever_became_of_the_header(stored: bytes) -> None:
    mark = fingerprint(NAMED + b"hello\r\nFrom here\r\n", KEY)
    assert fingerprint(stored, KEY).content == mark.content
    assert fingerprint(NAMED + b"hello\r\nFrom there\r\n", KEY).content != mark.content
