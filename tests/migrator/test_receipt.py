import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receipts import sample

from migrator.receipt import LIMITS, Audit, Read, Receipt, Retained, Written, moment

texts = st.text(st.characters(codec="utf-8"), max_size=40)
numbers = st.integers(0, 2**53)
moments = st.integers(0, 2**33).map(moment)
sums = st.dictionaries(texts, numbers, max_size=5)


@st.composite
def written(draw: st.DrawFn) -> Written:
    outcomes, left = draw(sums), draw(numbers)
    return Written(
        mailbox="imap.example:993",
        tls=draw(texts),
        messages=sum(outcomes.values()) + left,
        outcomes=outcomes,
        without_outcome=left,
        folders=draw(sums),
        bytes=draw(numbers),
        verified=draw(sums),
    )


receipts = st.builds(
    sample,
    issuer=texts,
    issued=moments,
    end=st.sampled_from(["done", "done-with-exceptions", "cancelled", "expired"]),
    read=st.builds(Read, texts, sums),
    written=written(),
    contacted=st.lists(st.from_regex(r"[a-z.]{1,20}:[0-9]{1,5}", fullmatch=True), max_size=4).map(tuple),
    retained=st.lists(st.builds(Retained, texts, texts, texts, moments), max_size=3).map(tuple),
    limits=st.lists(texts, max_size=3).map(tuple),
)


@given(receipts)
def test_any_receipt_reads_back_as_it_was_written(receipt: Receipt) -> None:
    assert Receipt.from_bytes(receipt.to_bytes()) == receipt


def test_the_json_is_plain_for_people_and_other_programs() -> None:
    row = json.loads(sample().to_bytes())
    assert row["ended"] == "2026-05-28T21:26:40Z"
    assert row["written"]["folders"]["Büro/2019 alt"] == 100
    assert re.fullmatch(r"17:[0-9a-f]{64}", row["audit"]["checkpoint"])
    assert row["access"]["revocation"] == "confirmed"
    assert row["limits"] == list(LIMITS)
    assert "Büro".encode() in sample().to_bytes()


def test_a_time_is_utc_in_whole_seconds() -> None:
    assert moment(1_780_000_000.999) == datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC)
    assert moment(0).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "change",
    [
        {"migration": "someone@example.com"},
        {"receipt": ""},
        {"contacted": ("someone@example.com:993",)},
        {"contacted": ("imap.example",)},
        {"audit": "17"},
        {"contacted": ("imap.example:993\nevil:1",)},
        {"end": "finishing"},
        {"format": 2},
        {"issued": moment(0).replace(tzinfo=None)},
        {"limits": (1,)},
    ],
    ids=str,
)
def test_a_value_of_another_shape_makes_no_receipt(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        sample(**change)


def test_a_checkpoint_has_a_number_and_a_hash() -> None:
    with pytest.raises(ValueError, match="validation error"):
        Audit("17:short")


def test_counts_that_do_not_add_up_make_no_receipt() -> None:
    row = json.loads(sample().to_bytes())
    row["written"]["messages"] += 1
    with pytest.raises(ValueError, match="add up"):
        Receipt.from_bytes(json.dumps(row).encode())


@pytest.mark.parametrize("at", [(), ("written",), ("access",), ("retained", 0)], ids=str)
def test_what_this_version_does_not_know_is_not_read(at: tuple[Any, ...]) -> None:
    row = place = json.loads(sample().to_bytes())
    for step in at:
        place = place[step]
    place["more"] = 1
    with pytest.raises(ValueError, match="more"):
        Receipt.from_bytes(json.dumps(row).encode())


@pytest.mark.parametrize("count", ["312", 312.0, True, -1, None])
def test_a_number_is_a_number(count: object) -> None:
    row = json.loads(sample().to_bytes())
    row["read"]["calls"]["users.messages.get"] = count
    with pytest.raises(ValueError, match=r"users\.messages\.get"):
        Receipt.from_bytes(json.dumps(row).encode())


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b'"\\ud800"', b"[" * 5000, b"1" * 5000])
def test_other_bytes_are_no_receipt(payload: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Receipt.from_bytes(payload)


def test_a_mailbox_is_told_by_its_host_alone() -> None:
    row = json.loads(sample().to_bytes())
    row["written"]["mailbox"] = "bob@imap.example:993"
    with pytest.raises(ValueError, match="mailbox"):
        Receipt.from_bytes(json.dumps(row).encode())
