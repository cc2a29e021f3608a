import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import AnswerDamaged
from migrator.gmail.decode import parsed, whole

ID = "aa"
MAIL = b"Subject: x\r\n\r\nbody \xff\xfe\r\n"


def row(**changes: Any) -> dict[str, Any]:
    return {"id": ID, "labelIds": ["A"], "internalDate": "5", "raw": base64.urlsafe_b64encode(MAIL).decode()} | changes


@given(
    raw=st.binary(max_size=300),
    padded=st.booleans(),
    spaced=st.booleans(),
    order=st.permutations(["id", "labelIds", "internalDate", "raw"]),
)
def test_the_quick_way_gives_what_a_json_parser_gives(
    *, raw: bytes, padded: bool, spaced: bool, order: list[str]
) -> None:
    text = base64.urlsafe_b64encode(raw).decode()
    answer = row(raw=text if padded else text.rstrip("="))
    body = json.dumps({name: answer[name] for name in order}, separators=None if spaced else (",", ":")).encode()
    assert parsed(body, ID) == whole(answer, ID)
    assert parsed(body, ID).raw == raw


def test_escapes_within_the_bytes_are_understood() -> None:
    body = json.dumps(row()).replace("=", "\\u003d").encode()
    assert b"\\u003d" in body
    assert parsed(body, ID).raw == MAIL


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "not-json"),
        (b"<!DOCTYPE html>", "not-json"),
        (json.dumps(row()).encode()[:60], "not-json"),
        (json.dumps(row()).encode()[:-1], "not-json"),
        (json.dumps(row()).encode() + b"\xff", "not-json"),
        (json.dumps(row(raw="AA*!")).encode(), "not-base64url"),
        (json.dumps(row(raw=5)).encode(), "no-raw"),
        (json.dumps({"id": ID, "labelIds": ["A"]}).encode(), "no-raw"),
        (json.dumps({"id": ID, "payload": {"raw": "AAAA"}}).encode(), "no-raw"),
        (json.dumps([row()]).encode(), "no-raw"),
        (b"[]", "no-raw"),
        (json.dumps(row(id="ab")).encode(), "wrong-id"),
        (json.dumps(row(internalDate="soon")).encode(), "date-or-labels"),
    ],
)
def test_a_damaged_answer_is_told_by_a_word(body: bytes, word: str) -> None:
    with pytest.raises(AnswerDamaged) as caught:
        parsed(body, ID)
    assert caught.value.detail == word
