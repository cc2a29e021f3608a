"""What may stand in a line of the log, and what becomes of the rest."""

import json
import re
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from log_schema import read_lines

from app.log_lines import EVENTS, KEYS, line
from jobs.migration import State, new_id
from jobs.slice import Kind, wait

ROOT = Path(__file__).parents[2]
CANARY = "Kanari3nvogel.ya29-zq8w"
MIGRATION = "0123456789abcdef" * 2


def one(level: str, event: str, **given: object) -> dict[str, Any]:
    (row,) = read_lines(line(level, event, given))
    return row


def test_a_line_tells_when_how_bad_what_and_the_values_of_known_keys() -> None:
    values = {"phase": State.COPYING, "kind": Kind.AGAIN, "code": "", "seconds": 1.23456}
    row = one("info", "slice-ended", migration=MIGRATION, **values)
    assert list(row)[:3] == ["time", "level", "event"]
    del row["time"]
    assert row == {
        "level": "info",
        "event": "slice-ended",
        "migration": MIGRATION,
        "phase": "copying",
        "kind": "again",
        "code": "",
        "seconds": 1.235,
    }


def test_ids_codes_and_numbers_of_the_product_pass() -> None:
    codes = re.findall(r"^\| `([a-z0-9-]+)`", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    slice_codes = [code for code in codes if code[0].isalpha()]
    assert len(slice_codes) > 30
    for code in [*slice_codes, *State, *Kind, "internal-error:OAuth2Error", "egress-refused:connect", ""]:
        assert one("info", "slice-ended", code=code)["code"] == code
    found = one("info", "slice-ended", migration=new_id(), checkpoint=f"17:{'0f' * 32}")
    assert "withheld" not in found.values()


@pytest.mark.parametrize("key", sorted(KEYS))
@pytest.mark.parametrize(
    "value",
    [
        "customer@gmail.example",
        "ya29.a0AfB_byCKx3gqzLk0sWv",
        "1//0gV2mJx-8qYbCgYIARAAGBASNwF",
        "4/0AdQt8qh7o2JxEo",
        "Subject: your invoice",
        "Straße",
        "0123456789abcdef" * 4,
        "192.0.2.7:993",
        b"customer",
        ["copying"],
        10**12,
        float("nan"),
        float("inf"),
        True,
        object(),
    ],
)
def test_a_value_of_another_shape_is_withheld(key: str, value: object) -> None:
    assert one("info", "slice-ended", **{key: value})[key] == "withheld"


SECRETS = st.one_of(
    st.emails(),
    st.text(min_size=12).filter(lambda text: not re.fullmatch(r"[a-z0-9_.:-]*", text)),
    st.binary(min_size=12),
    st.from_regex(r"(ya29\.|1//0|4/0)[A-Za-z0-9_-]{20,90}", fullmatch=True),
    st.emails().map(lambda address: f"From: {address}\r\n{'mail ' * 2000}"),
)


class Lying(str):
    """A text that says it is another one."""

    __slots__ = ("secret",)

    def __new__(cls, secret: str) -> Self:
        made = super().__new__(cls, "copying")
        made.secret = secret
        return made

    def __str__(self) -> str:
        return self.secret

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return self.secret


class Posing:
    """Something that says it is a text, or a number."""

    def __init__(self, secret: object, kind: type) -> None:
        self.secret, self.kind = secret, kind

    @property
    def __class__(self) -> type:  # type: ignore[override]
        return self.kind

    def __bool__(self) -> bool:
        raise ValueError(self.secret)

    def __repr__(self) -> str:
        return str(self.secret)


ANY_KEY = (*KEYS, "stack_info", "time", "level", "event", "where", "causes", CANARY)


def wrapped(secret: object) -> list[object]:
    """Return a secret in everything that can carry one."""
    carried = [secret, [secret], {secret: secret}, {"error": secret}, Exception(secret), (Exception, secret, None)]
    posing = [Posing(secret, kind) for kind in (str, int, float, Exception, type, tuple)]
    return [*carried, *posing, Lying(str(secret)), KeyError(secret), ExceptionGroup(str(secret), [ValueError(secret)])]


@given(SECRETS)
@example(CANARY)
@example("customer@gmail.example")
def test_no_text_in_any_value_key_or_event_gets_out(secret: object) -> None:
    text = secret if isinstance(secret, str) else repr(secret)
    for value in wrapped(secret):
        for row in (line("warning", secret, dict.fromkeys(ANY_KEY, value)), line("info", secret, {"exc_info": value})):
            assert len(row) < 4096
            read_lines(row)
            assert text not in row
            assert json.dumps(text)[1:-1] not in row


@given(st.text(), st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.lists(st.text())))
def test_whatever_is_given_a_line_is_one_line_of_json(event: str, values: dict[str, object]) -> None:
    row = line("info", event, values)
    assert row.isascii()
    assert "\n" not in row
    read_lines(row)


def test_a_text_is_what_it_holds_and_not_what_it_says_it_is() -> None:
    assert one("info", "slice-ended", phase=Lying(CANARY))["phase"] == "copying"


def test_an_event_that_is_not_in_the_table_has_no_name() -> None:
    assert one("info", f"slice of {CANARY}")["event"] == "unnamed"


def test_of_an_exception_class_causes_and_our_own_places_are_told() -> None:
    try:
        stumble(CANARY)
    except RuntimeError as error:
        row = one("warning", "store-away", error=error)
    assert (row["error"], row["causes"]) == ("RuntimeError", ["ValueError"])
    assert [place.rpartition(":")[0] for place in row["where"]] == [
        "jobs.slice:wait",
        "jobs.slice:__init__",
        "jobs.slice:__post_init__",
    ]


def stumble(text: str) -> None:
    try:
        wait(0, text)
    except ValueError as error:
        raise RuntimeError(text) from error


def test_a_chain_that_bites_its_tail_and_a_long_one_end() -> None:
    first, second = ValueError(CANARY), KeyError(CANARY)
    first.__cause__, second.__cause__ = second, first
    assert one("error", "look-failed", error=first)["causes"] == ["KeyError"]
    group = ExceptionGroup("x", [ValueError(n) for n in range(100)])
    assert len(one("error", "look-failed", error=group)["causes"]) == 7


def test_a_class_with_another_name_in_mind_is_told_by_its_own() -> None:
    named = type("Named", (type,), {"__name__": property(lambda _: CANARY)})
    assert one("warning", "store-away", error=named("Plain", (Exception,), {})())["error"] == "Plain"
    assert one("warning", "store-away", error=type(CANARY, (Exception,), {})())["error"] == "withheld"


def test_every_event_may_be_told_at_its_level_only_with_known_keys() -> None:
    for event in EVENTS.values():
        assert set(event.levels.split()) <= {"debug", "info", "warning", "error", "critical"}
        assert set(event.keys.split()) <= KEYS
