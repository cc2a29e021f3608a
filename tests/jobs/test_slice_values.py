import json

import pytest

from jobs.migration import State
from jobs.slice import (
    Kind,
    SliceEnd,
    advance,
    again,
    crashed,
    crashed_by,
    ended,
    failed,
    packed,
    paused,
    unpacked,
    wait,
)

EVERY_END = [
    again(),
    wait(1_700_000_000.5, "google-quota"),
    advance(State.VERIFYING),
    paused("reconnect-needed"),
    failed("login-refused", resumable=True),
    ended(State.DONE_WITH_EXCEPTIONS),
    crashed("internal-error:ValueError"),
]


@pytest.mark.parametrize("end", EVERY_END, ids=lambda end: end.kind)
def test_an_end_travels_unchanged(end: SliceEnd) -> None:
    assert unpacked(packed(end)) == end


@pytest.mark.parametrize("code", ["no route to host 10.0.0.7", "ada@example.org", "Code", "a:b c", "x" * 65, "a\n"])
def test_a_text_is_no_code(code: str) -> None:
    with pytest.raises(ValueError, match="a code, not a text"):
        failed(code, resumable=True)


def test_only_a_phase_can_be_advanced_to_and_only_an_end_ended_with() -> None:
    with pytest.raises(ValueError, match="no such phase or end"):
        advance(State.DONE)
    with pytest.raises(ValueError, match="no such phase or end"):
        ended(State.COPYING)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 400,
        b'{"kind": "again", "code": "ada@example.org", "until": 0, "resumable": false}',
        b'{"kind": "wait", "code": "x", "until": NaN, "resumable": false}',
        json.dumps({"kind": "lost", "code": "", "until": 0, "resumable": False}).encode(),
    ],
)
def test_what_a_hostile_child_says_is_a_crash(blob: bytes) -> None:
    assert unpacked(blob) == crashed("child-unreadable")


def test_of_an_exception_only_its_class_is_told() -> None:
    assert crashed_by(ValueError("secret")).code == "internal-error:ValueError"
    assert crashed_by(MemoryError()).code == "out-of-memory"
    assert crashed_by(type("Mr. Ünknown", (Exception,), {})()).code == "internal-error"
    assert crashed_by(ValueError()).kind is Kind.CRASHED
