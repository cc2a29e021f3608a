import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from engine import heir
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from rich.console import Console

from app.report import Report, headline, report_on, show, visible
from jobs.migration import Migration, State
from jobs.requests import create
from migrator.attributes import DATES_NOT_KEPT, FLAGS_NOT_KEPT
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.records import FolderState, Placed
from migrator.verified import CURSOR, VERIFIED, Verified

HOSTILE = [
    "[red]",
    r"\[red]",
    r"\\[/]",
    "a\x1b[31mb",
    "a\rb",
    "x\u202ey",
    "\\",
    "[/]",
    "tab\there",
    "\u200b",
    "[link=x]y",
]


def begun(redis: Redis) -> tuple[Migration, Ledger]:
    migration = create(redis, "c1")
    return migration, heir(redis, Ledger(redis, migration.id))


def printed(report: Report, width: int = 200) -> str:
    text = io.StringIO()
    show(Console(file=text, width=width, color_system=None), report)
    return text.getvalue()


def test_a_migration_that_has_not_begun_is_all_zeros(redis: Redis) -> None:
    migration, _ = begun(redis)
    report = report_on(redis, migration.id)
    assert (report.total, report.open, report.outcomes, report.folders) == (0, 0, {}, {})
    assert report.adds_up


def test_every_message_stands_under_one_outcome_and_they_sum_up(redis: Redis) -> None:
    migration, ledger = begun(redis)
    marks = [mark for mark in Mark for _ in range(mark + 1)]
    ledger.write(*ledger.plan(range(len(marks)), marks))
    report = report_on(redis, migration.id)
    assert report.total == len(marks)
    assert report.open == 1 + 2
    assert report.open + sum(report.outcomes.values()) == report.total
    assert len(report.outcomes) == len(Mark) - 2, "no two outcomes share their words"
    assert not report.adds_up, "something is open"
    assert report.copied == 11 + 12


def test_it_adds_up_when_nothing_is_open(redis: Redis) -> None:
    migration, ledger = begun(redis)
    ledger.write(*ledger.plan([1, 2, 3], [Mark.COPIED, Mark.SKIPPED_CHAT, Mark.FAILED_REFUSED]))
    report = report_on(redis, migration.id)
    assert report.adds_up
    assert not replace(report, outcomes={"copied": 2}).adds_up
    assert report.as_json()["adds_up"] is True


def test_folders_are_counted_by_what_was_placed(redis: Redis) -> None:
    migration, ledger = begun(redis)
    placed = [Placed(n, n + 1, 10, b"d" * 16, b"l" * 8) for n in range(3)]
    for number, name in enumerate(["Work", "INBOX", "Empty"]):
        ledger.write(ledger.folder(number, FolderState(name, 1, 1, 1)))
    ledger.write(*ledger.place(0, placed[:1]), *ledger.place(1, placed))
    report = report_on(redis, migration.id)
    assert report.folders == {"INBOX": 3, "Work": 1}
    assert report.bytes == 40


def test_failures_are_counted_by_their_word(redis: Redis) -> None:
    migration, ledger = begun(redis)
    ledger.write(*ledger.plan(range(3), [Mark.PENDING] * 3))
    for number, word in enumerate(["too-large", "too-large", "read-only"]):
        ledger.write(*ledger.fail(number, Mark.FAILED_REFUSED, word))
    report = report_on(redis, migration.id)
    assert report.failures == {"too-large": 2, "read-only": 1}
    assert "2 failed: it is larger than the mailbox server allows" in printed(report)


def test_the_verification_shows_counts_and_not_its_cursor(redis: Redis) -> None:
    migration, ledger = begun(redis)
    ledger.write(ledger.keep("verified", {"folder": 5, "done": 7, "found": 9, "missing": 0}))
    assert report_on(redis, migration.id).verified == {"found": 9, "missing": 0}


def test_how_copies_were_checked_is_said_with_what_was_found(redis: Redis) -> None:
    migration, ledger = begun(redis)
    found = Verified(folder=1, done=3, found=9, identical=2, altered=3, by_size=4, unchecked=1)
    ledger.write(ledger.keep(VERIFIED, found.as_json()), ("HINCRBY", ledger.key("counts"), FLAGS_NOT_KEPT, 5))
    lines = [line.strip() for line in printed(report_on(redis, migration.id)).split("\n")]
    assert lines[lines.index("Looked up afterwards, in copies") + 1 :] == [
        "9  found in the mailbox:",
        "2    read back, and the same as what was sent",
        "3    changed by the mail server",
        "4    looked up by their size alone",
        "1  could not be looked up",
        "0  not found",
        "5  lack flags or keywords that the mail server did not keep",
        "",
    ]


def test_the_page_on_receipts_names_everything_that_is_counted() -> None:
    page = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text("utf-8")
    counted = {*Verified().as_json()} - CURSOR | {FLAGS_NOT_KEPT, DATES_NOT_KEPT}
    assert [name for name in sorted(counted) if f"| `{name}` |" not in page] == []


def test_the_json_is_for_programs(redis: Redis) -> None:
    migration, ledger = begun(redis)
    ledger.write(*ledger.plan([1], [Mark.COPIED]))
    row = json.loads(json.dumps(report_on(redis, migration.id).as_json()))
    assert row["outcomes"] == {"copied": 1}
    assert row["state"] == "planning"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_name_is_shown_and_does_nothing(redis: Redis, name: str) -> None:
    migration, ledger = begun(redis)
    ledger.write(ledger.folder(0, FolderState(name, 1, 1, 1)))
    ledger.write(*ledger.place(0, [Placed(0, 1, 1, b"d" * 16, b"l" * 8)]))
    lines = printed(report_on(redis, migration.id)).split("\n")
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name)
    assert lines[2].split() == [*shown.split(), "1"]


@given(st.text(max_size=20))
def test_any_name_reaches_the_terminal_without_control_characters(name: str) -> None:
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None, highlight=False).print(visible(name))
    shown = text.getvalue().removesuffix("\n")
    assert shown.isprintable()
    assert shown == "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name)


def test_the_headline_says_the_state_and_why(redis: Redis) -> None:
    migration = create(redis, "c1")
    assert headline(replace(migration, state=State.COPYING, reason="")) == "copying"
    waiting = headline(replace(migration, state=State.WAITING, reason="google-quota"))
    assert waiting == "waiting. Google asked us to slow down; we resume automatically."
