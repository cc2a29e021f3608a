"""What an entry may hold, and how it is written."""

import json
import re
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import pytest
from audit_chains import MIGRATION, chain
from hypothesis import given
from hypothesis import strategies as st

from jobs import audit
from jobs.audit import Act, Actor, Checkpoint, Entry
from jobs.audit.entry import BEGINNING
from jobs.errors import JobError
from jobs.migration import State, new_id

ENTRY = chain([1795000000])[0]
PERSONAL = [
    "customer@gmail.example",
    "customer%40gmail.example",
    "Alice",
    "alice smith",
    "alice.smith",
    "192.0.2.7",
    "mail.example:993",
    "1//0gRefreshToken-x",
    "ya29.token",
    "a" * 17,
    "one-two-three-four-five",
    "case-4711",
    "-copying",
    "copying-",
    "copying\n",
    'copying","act":"purged',
    "ünïcode",
]


@pytest.mark.parametrize("text", PERSONAL)
@pytest.mark.parametrize("field", ["migration", "code", "nonce", "previous"])
def test_no_field_takes_an_address_or_a_text(field: str, text: str) -> None:
    with pytest.raises(ValueError, match="not texts"):
        replace(ENTRY, **{field: text})


@pytest.mark.parametrize("text", [*PERSONAL, "", "staff", "staff:", "customer:" + "0a" * 16, "root"])
def test_an_actor_is_one_of_four_kinds_and_staff_has_an_opaque_name(text: str) -> None:
    with pytest.raises(ValueError, match="opaque"):
        Actor(text)
    with pytest.raises(ValueError, match="opaque"):
        audit.staff(text)


def test_staff_is_told_from_all_others() -> None:
    assert audit.staff("0a" * 16).is_staff
    assert not any(actor.is_staff for actor in (audit.CUSTOMER, audit.TERMINAL, audit.WORKER))


@pytest.mark.parametrize("act", ["", "copied", "granted ", "GRANTED", 'opened"'])
def test_an_act_is_a_word_of_the_list(act: str) -> None:
    with pytest.raises(ValueError, match="not a valid Act"):
        Act(act)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": -1},
        {"number": True},
        {"number": 10**18},
        {"at": -1},
        {"at": 1.5},
        {"at": 1 << 33},
        {"at": 5, "previous_at": 6},
        {"previous_at": -1},
        {"act": "copied by hand"},
    ],
)
def test_a_number_or_a_time_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not texts|cannot be"):
        replace(ENTRY, **changes)  # type: ignore[arg-type]


@given(st.text(max_size=80), st.sampled_from(["migration", "code", "nonce", "previous"]))
def test_whatever_gets_in_is_hex_digits_or_a_few_words(text: str, field: str) -> None:
    try:
        entry = replace(ENTRY, **{field: text})
    except ValueError:
        return
    assert re.fullmatch(r"|[0-9a-f]+|[a-z]{1,16}(-[a-z]{1,16}){0,3}", text)
    assert Entry.from_line(entry.line) == entry


@pytest.mark.parametrize("act", Act)
def test_every_act_can_be_written_and_read(act: Act) -> None:
    entry = replace(ENTRY, act=act)
    assert Entry.from_line(entry.line) == entry


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_a_code(state: State) -> None:
    assert replace(ENTRY, code=state).code == state


def test_the_page_lists_every_act_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
    listed = page.split("\n## Acts\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)`", listed, re.MULTILINE) == list(Act)


def test_a_migrations_id_fits() -> None:
    assert replace(ENTRY, migration=new_id()).line


def test_the_text_is_canonical_json_with_the_hash_of_the_entry_before() -> None:
    first, second = chain([1795000000, 1795000001])
    row = json.loads(second.text)
    assert json.dumps(row, sort_keys=True, separators=(",", ":")) == second.text
    told = asdict(second)
    assert told.pop("by") == ""  # it is left out where nobody is named, as before roles were told apart
    assert row == {**told, "actor": "worker"}
    assert json.loads(replace(second, by="web").text)["by"] == "web"
    assert row["previous"] == sha256(first.text.encode()).hexdigest() == first.line.split(" ")[0]
    assert first.previous == BEGINNING


def hashed(text: str) -> str:
    return f"{sha256(text.encode()).hexdigest()} {text}"


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        ENTRY.text,
        "0" * 64 + " " + ENTRY.text,
        ENTRY.line + " ",
        ENTRY.line.replace(" ", "  "),
        hashed(""),
        hashed("[]"),
        hashed(ENTRY.text + "\n"),
        hashed(ENTRY.text.replace('"at":', '"at": ')),
        hashed(ENTRY.text.replace('"number":1', '"number":01')),
        hashed(ENTRY.text.replace('"number":1', '"number":1,"number":2')),
        hashed(ENTRY.text.replace("opened", "copied")),
        hashed(ENTRY.text.replace("worker", "nobody")),
        hashed(ENTRY.text.replace(MIGRATION, "customer@gmail.example")),
    ],
)
def test_a_line_that_no_entry_writes_is_not_read(line: str) -> None:
    with pytest.raises(ValueError, match=r"fit|not an entry|valid Act|an actor"):
        Entry.from_line(line)


def test_a_checkpoint_is_a_number_and_a_hash() -> None:
    checkpoint = ENTRY.checkpoint
    assert str(checkpoint) == f"1:{ENTRY.hash}"
    assert Checkpoint.read(str(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text", ["", ":", "1", "1:", "1:abc", "-1:" + "0" * 64, "01:" + "0" * 64, "x:" + "0" * 64, "1:" + "G" * 64]
)
def test_a_checkpoint_written_in_another_way_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        Checkpoint.read(text)


def test_a_checkpoint_before_the_beginning_cannot_be() -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        Checkpoint(-1, BEGINNING)


@pytest.mark.parametrize("error", [audit.AuditBroken(), audit.AuditBusy()])
def test_errors_name_a_code_and_nothing_else(error: JobError) -> None:
    assert re.fullmatch(r"the audit log is (damaged|too busy)", str(error))
