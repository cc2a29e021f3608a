"""What is held about one import, for its customer: the table's words, sizes and ends, and no key's name."""

import time
from pathlib import Path

import pytest
from redis import Redis
from vaults import make_keys, vault_of

from jobs import accounts, audit
from jobs.audit import AUDIT_DAYS, Act
from jobs.kept import HOUR, Where
from jobs.migration import new_id, record_key
from jobs.overview import REWRITE_SECONDS, Holding, held_of
from jobs.requests import create
from jobs.retention import KEPT, ask_for_rewrite
from oauth.vault import Sealer

NOW = float(int(time.time()))


@pytest.fixture
def mine(redis: Redis, tmp_path: Path) -> str:
    make_keys(tmp_path)
    vault = vault_of(redis, tmp_path / "master.key")
    migration = create(redis, "c1").id
    accounts.claim(redis, vault, migration, "ann@gmail.example")
    Sealer(redis, migration, vault.make(migration)).seal(grant=b"x" * 500)
    audit.append(redis, audit.CUSTOMER, Act.GRANTED, migration)
    return migration


def held(redis: Redis, migration: str) -> dict[str, Holding]:
    return {one.holds: one for one in held_of({Where.STATE: redis, Where.KEYS: redis}, migration, now=NOW)}


def test_it_is_told_in_the_words_of_the_table(redis: Redis, mine: str) -> None:
    found = held(redis, mine)
    words = {row.holds: row for row in KEPT}
    assert set(found) <= set(words)
    assert {
        "how the import stands, since when and why, which process is at it, the customer's id at the host",
        "grant, mailbox credentials and both addresses, sealed under the migration's key",
        "the Gmail account's opaque name",
        "which migration holds a Gmail account's grant, by opaque name",
        "the migration's key, sealed to the workers' public key",
        "who did what when, hash-chained; no personal data",
    } <= set(found)
    for one in found.values():
        row = words[one.holds]
        assert (one.where, one.sight, one.why, one.ends) == (row.where, row.sight, row.why, row.until)


def test_sizes_and_ends_are_those_of_the_live_store(redis: Redis, mine: str) -> None:
    found = held(redis, mine)["grant, mailbox credentials and both addresses, sealed under the migration's key"]
    assert found.bytes == redis.memory_usage(f"{record_key(mine)}:sealed")
    assert found.bytes > 500
    assert NOW + 71 * HOUR < found.until <= NOW + 72 * HOUR + 5
    redis.expire(f"{record_key(mine)}:sealed", 100)
    assert held(redis, mine)[found.holds].until <= NOW + 105


def test_no_name_of_a_key_is_shown_nor_anything_in_it(redis: Redis, mine: str) -> None:
    told = repr(held(redis, mine))
    assert mine not in told
    assert "mig:" not in told
    assert "ann@" not in told


def test_of_the_audit_log_its_own_entries_are_counted(redis: Redis, mine: str) -> None:
    other = create(redis, "c2").id
    audit.append(redis, audit.CUSTOMER, Act.GRANTED, other)
    (entry,) = audit.entries(redis, mine)
    found = held(redis, mine)["who did what when, hash-chained; no personal data"]
    assert found.bytes == len(entry.line)
    assert NOW + AUDIT_DAYS * 24 * HOUR < found.until < NOW + (AUDIT_DAYS + 32) * 24 * HOUR


def test_what_is_gone_is_not_shown(redis: Redis, mine: str) -> None:
    redis.delete(f"{record_key(mine)}:sealed")
    assert "grant, mailbox credentials and both addresses, sealed under the migration's key" not in held(redis, mine)


def test_until_the_log_is_rewritten_it_is_said_that_there_is_one(redis: Redis, mine: str) -> None:
    log = "the state store's log, unlinked values too"
    assert log not in held(redis, mine)
    ask_for_rewrite(redis)
    assert (held(redis, mine)[log].bytes, held(redis, mine)[log].until) == (0, NOW + REWRITE_SECONDS)


def test_of_what_never_was_nothing_is_held(redis: Redis, mine: str) -> None:
    assert mine
    assert held(redis, new_id()) == {}
