import random
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from itertools import pairwise

import pytest
from engine import ADDRESS, gmail_door, letter
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from stand_in import Google

from migrator.errors import AnswerDamaged, GoogleUnavailable, MessageGone
from migrator.gmail import Gmail, Listing
from migrator.gmail.decode import streamed, whole

EVERY_BYTE = bytes(range(256))
LARGE = EVERY_BYTE * 12 * 1024 + b"odd"  # 3 MiB and three bytes

either_way = pytest.mark.parametrize("large", [False, True], ids=["whole", "streamed"])


@either_way
def test_every_byte_arrives_as_it_was(google: Google, gmail: Gmail, *, large: bool) -> None:
    for raw in (letter(1), EVERY_BYTE, EVERY_BYTE[:-1], EVERY_BYTE[:-2], b"x", b"", LARGE, b"\0" * 3_000_000):
        message = google.add(raw, labelIds=["INBOX", "STARRED"], internalDate=1_600_000_000_123)
        found = gmail.message(message["id"], large=large)
        assert found.raw == raw
        assert found.label_ids == {"INBOX", "STARRED"}
        assert found.internal_date == 1_600_000_000_123
        assert found.id == message["id"]


@either_way
def test_a_message_without_labels_has_none(google: Google, gmail: Gmail, *, large: bool) -> None:
    message = google.add(letter(1), labelIds=[])
    assert gmail.message(message["id"], large=large).label_ids == frozenset()


@either_way
@pytest.mark.parametrize("raw", [letter(1), LARGE], ids=["small", "large"])
def test_an_answer_cut_short_is_damaged_and_the_next_one_is_whole(
    google: Google, gmail: Gmail, raw: bytes, *, large: bool
) -> None:
    message = google.add(raw)
    google.fault("truncated", method="messages.get")
    with pytest.raises(AnswerDamaged, match="cut-short"):
        gmail.message(message["id"], large=large)
    assert gmail.message(message["id"], large=large).raw == raw


@either_way
def test_another_message_than_the_one_asked_for_is_never_handed_on(
    google: Google, gmail: Gmail, *, large: bool
) -> None:
    first, second = google.add(letter(1)), google.add(letter(2))
    google.fault("wrongId", message=second["id"])
    with pytest.raises(AnswerDamaged, match="wrong-id"):
        gmail.message(second["id"], large=large)
    assert gmail.message(first["id"], large=large).raw == letter(1)


@either_way
@pytest.mark.parametrize("raw", [letter(1), LARGE], ids=["small", "large"])
def test_junk_in_the_base64_is_damage_and_not_dropped(google: Google, gmail: Gmail, raw: bytes, *, large: bool) -> None:
    message = google.add(raw)
    google.fault("badBase64")
    with pytest.raises(AnswerDamaged, match="not-base64url"):
        gmail.message(message["id"], large=large)


@pytest.mark.alone
@either_way
def test_a_google_that_says_nothing_is_given_up_after_the_timeout(google: Google, redis: Redis, *, large: bool) -> None:
    message = google.add(letter(1))
    with gmail_door(google, redis, timeout=0.3) as gmail:
        gmail.account()
        google.fault("hang", method="messages.get", seconds=2)
        began = time.monotonic()
        with pytest.raises(GoogleUnavailable):
            gmail.message(message["id"], large=large)
        assert time.monotonic() - began < 1
        assert gmail.message(message["id"], large=large).raw == letter(1)


def test_a_listing_cut_short_is_damaged_and_no_shorter_listing(google: Google, gmail: Gmail) -> None:
    google.control("accounts", {"address": ADDRESS, "synthetic": 700})
    google.fault("truncated", method="messages.list")
    with pytest.raises(AnswerDamaged):
        gmail.page(Listing(), None)


def answer(raw: str, message_id: str = "aa", tail: str = "") -> bytes:
    return f'{{"id": "{message_id}", "labelIds": ["A"], "internalDate": "5",\n "raw" : "{raw}"{tail}}}'.encode()


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[low:high] for low, high in pairwise(places)]


@given(
    raw=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 500), max_size=8),
    dropped=st.booleans(),
    last=st.booleans(),
)
def test_a_stream_means_the_same_however_it_is_cut_into_pieces(
    raw: bytes, cuts: list[int], *, dropped: bool, last: bool
) -> None:
    text = urlsafe_b64encode(raw).decode().rstrip("=" if dropped else "")
    data = answer(text, tail="" if last else ', "threadId": "x"')
    found = streamed(pieces(data, cuts), "aa")
    assert found.raw == raw
    assert found == whole({"id": "aa", "labelIds": ["A"], "internalDate": "5", "raw": text}, found.id)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 500), max_size=4))
def test_a_stream_that_ends_early_is_damaged_wherever_it_ends(end: int, cuts: list[int]) -> None:
    data = answer("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=")
    with pytest.raises(AnswerDamaged):
        streamed(pieces(data[: end % len(data)], cuts), "aa")


@pytest.mark.parametrize("raw", ["QUI*", "QUI=QUI=", "Q", "QU I", "QUJ\\n", "QUJDé"])
def test_what_is_not_base64url_is_damaged_in_either_way(raw: str) -> None:
    with pytest.raises(AnswerDamaged):
        streamed([answer(raw)], "aa")
    with pytest.raises(AnswerDamaged):
        whole({"id": "aa", "internalDate": "5", "raw": raw}, "aa")


@pytest.mark.parametrize(
    "row",
    [
        {"internalDate": "x", "raw": ""},
        {"internalDate": None, "raw": ""},
        {"raw": None},
        {"raw": 5},
        {"raw": "", "labelIds": None},
        {},
    ],
)
def test_an_answer_of_another_shape_is_damaged(row: dict[str, object]) -> None:
    with pytest.raises(AnswerDamaged):
        whole({"id": "aa", **row}, "aa")


def test_a_stream_whose_head_never_ends_is_not_read_for_ever() -> None:
    noise = random.Random(1)

    def endless() -> Iterator[bytes]:
        while True:
            yield noise.randbytes(1000).hex().encode()

    with pytest.raises(AnswerDamaged, match="no-raw"):
        streamed(endless(), "aa")


def test_a_message_that_was_deleted_is_gone_in_a_stream_too(google: Google, gmail: Gmail) -> None:
    message = google.add(LARGE)
    google.control(f"messages/{message['id']}", verb="DELETE")
    with pytest.raises(MessageGone):
        gmail.message(message["id"], large=True)
