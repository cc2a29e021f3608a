from pathlib import Path

import pytest
from key_leaks import leaks
from redis import Redis

from jobs.audit import AUDIT_DAYS
from jobs.kept import HOUR, Until, Where
from jobs.migration import new_id, record_key
from jobs.retention import (
    ENDED_SECONDS,
    EXPIRE_SECONDS,
    KEPT,
    UNFINISHED_SECONDS,
    migration_families,
    migration_parts,
    parts_ended,
    row_for,
    unlink_at_end,
)
from migrator.ledger import TTL as LEDGER_SECONDS

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_promised_times_are_those_of_the_table() -> None:
    assert UNFINISHED_SECONDS == LEDGER_SECONDS == 72 * HOUR
    assert ENDED_SECONDS == 24 * HOUR
    assert UNFINISHED_SECONDS - HOUR == EXPIRE_SECONDS
    assert f"{AUDIT_DAYS} days" in Until.AUDIT


def test_no_pattern_is_written_down_twice() -> None:
    patterns = [row.pattern for row in KEPT]
    assert len(patterns) == len(set(patterns))


def test_every_row_of_a_store_has_an_end_in_seconds() -> None:
    assert [row.pattern for row in KEPT if row.where is not Where.FILES and row.until.longest is None] == [
        "audit:inbox:*"
    ]


def test_what_stays_after_the_end_says_why_in_its_own_words_and_nothing_else_does() -> None:
    reasons = [row.why for row in KEPT if row.until is Until.DAY_AFTER]
    assert all(reasons)
    assert len(reasons) == len(set(reasons))
    assert [row.pattern for row in KEPT if row.why and row.until is not Until.DAY_AFTER] == []


def test_the_page_of_data_is_the_table() -> None:
    lines = [line for line in PAGE.read_text("utf-8").split("\n## ")[0].splitlines() if line.startswith("|")]
    rows = [
        f"| `{row.pattern}` | {row.where} | {row.holds} | {row.sight} | {row.until} | {row.why or '—'} |"
        for row in KEPT
    ]
    assert lines[2:] == rows


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("mig:{3q2-_x}", "mig:{<id>}"),
        ("mig:{3q2-_x}:placed:12", "mig:{<id>}:placed:*"),
        ("jobs:ready:acme", "jobs:ready:*"),
        ("{dramatiq}:__acks__.1.slices", "{dramatiq}:*"),
        ("audit:2026-11", "audit:*"),
        ("audit:inbox:web", "audit:inbox:*"),
    ],
)
def test_a_key_is_found_in_the_table(key: str, pattern: str) -> None:
    row = row_for(key)
    assert row is not None
    assert row.pattern == pattern


@pytest.mark.parametrize("key", ["mig:{3q2}:bodies", "mig:{}", "mig:3q2", "jobs:ready:", "session:1", "master.key"])
def test_a_key_nobody_wrote_down_is_not(key: str) -> None:
    assert row_for(key) is None


def test_a_key_in_another_store_than_its_own_is_not_in_the_table() -> None:
    assert row_for("key:{3q2}", Where.KEYS) is not None
    assert row_for("key:{3q2}", Where.STATE) is None
    assert row_for("mig:{3q2}:sealed", Where.KEYS) is None


def test_every_key_of_a_migration_is_reached_by_the_scripts() -> None:
    """A part is a fixed name, or one of a family; else its end date could not be set."""
    families = {f"{family}*" for family in migration_families()}
    rows = [row for row in KEPT if row.part]
    assert [row.pattern for row in rows if not row.parts and row.part not in families] == []
    assert {part for row in rows for part in row.parts} == set(migration_parts())


def test_the_search_for_leaks_finds_all_kinds(redis: Redis) -> None:
    redis.set("jobs:turn", 1)
    redis.set("unheard-of", 1, ex=60)
    redis.set("quota:p:a", 1, ex=2 * HOUR)
    redis.set("key:{3q2}", 1, ex=60)
    assert leaks(redis, Where.STATE) == [
        "jobs:turn: no end date",
        "key:{3q2}: not in the table",
        "quota:p:a: ends later than an hour after the last use",
        "unheard-of: not in the table",
    ]
    redis.flushdb()


def test_at_the_end_exactly_what_nobody_needs_is_unlinked(redis: Redis) -> None:
    migration, other = new_id(), new_id()
    for one in (migration, other):
        for part in migration_parts():
            redis.set(f"{record_key(one)}:{part}", "x", ex=60)
    assert unlink_at_end(redis, migration) == len(parts_ended())
    left = {name.decode().partition("}:")[2] for name in redis.scan_iter(f"{record_key(migration)}:*")}
    assert left == set(migration_parts()) - set(parts_ended())
    assert {"sealed", "listing", "found:all", "since", "intent", "partial", "labels", "map"} <= set(parts_ended())
    assert redis.dbsize() == len(left) + len(migration_parts())


def test_unlinking_twice_is_unlinking_once(redis: Redis) -> None:
    migration = new_id()
    redis.set(f"{record_key(migration)}:since", "x", ex=60)
    assert [unlink_at_end(redis, migration) for _ in range(2)] == [1, 0]
