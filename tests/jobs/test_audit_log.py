"""Appending to the log, and reading it; how the keeper goes on with it is in test_audit_keeper."""

import time
from pathlib import Path

import pytest
from audit_chains import KEY, MIGRATION, chain, lay
from redis import Redis
from storeurls import url_of

from app.embedded import EmbeddedStore
from jobs import audit
from jobs.audit import AUDIT_DAYS, Act, AuditBroken, AuditBusy, Checkpoint, Shelf
from jobs.audit.entry import BEGINNING, Note
from jobs.audit.places import BROKEN, DAY, NEWEST, OPEN, end_date, inbox, writer_of

OTHER = "b7" * 16


def test_what_is_appended_can_be_read_at_once_as_the_entries_it_will_become(redis: Redis) -> None:
    assert not audit.is_begun(redis)
    audit.append(redis, audit.CUSTOMER, Act.GRANTED, MIGRATION)
    assert audit.is_begun(redis)
    audit.append(redis, audit.staff("0a" * 16), Act.PAUSED, MIGRATION, "asked")
    first, second = audit.entries(redis)
    assert (first.number, first.previous, first.previous_at, first.act) == (1, BEGINNING, 0, Act.GRANTED)
    assert (second.number, second.previous, second.previous_at) == (2, first.hash, first.at)
    assert abs(first.at - time.time()) < 5
    assert list(audit.backwards(redis)) == [second, first]


def test_a_client_that_decodes_answers_reads_and_writes_the_same(redis: Redis) -> None:
    with Redis.from_url(url_of(redis), decode_responses=True) as decoding:
        lay(redis, chain([int(time.time())]))
        audit.append(decoding, audit.WORKER, Act.OPENED)
        assert [entry.number for entry in audit.entries(decoding)] == [1, 2]
        assert list(audit.entries(decoding)) == list(audit.entries(redis))
        assert audit.verify(decoding, checkpoints=[audit.checkpoint(decoding)]).holds


def test_a_writer_is_known_by_its_user_in_the_store(store: EmbeddedStore) -> None:
    roles = {store.url_as(role): role for role in ("web", "worker", "console")}
    for url, writer in {**roles, store.url: "other", store.url.partition("&")[0]: "other"}.items():
        with Redis.from_url(url) as client:
            assert writer_of(client) == writer


def test_a_file_ends_four_hundred_days_after_its_day() -> None:
    assert end_date(1798761599) == 1798761600 + AUDIT_DAYS * DAY
    assert end_date(1798761600) == 1798761600 + DAY + AUDIT_DAYS * DAY


def test_the_checkpoint_is_the_newest_entry(redis: Redis) -> None:
    assert audit.checkpoint(redis) == Checkpoint(0, BEGINNING)
    made = chain([int(time.time())])
    lay(redis, made)
    audit.append(redis, audit.WORKER, Act.OPENED)
    assert audit.checkpoint(redis) == Checkpoint(1, made[0].hash)


def test_entries_of_one_migration_are_found_among_others(redis: Redis, tmp_path: Path) -> None:
    lay(redis, chain([int(time.time())]))
    audit.append(redis, audit.WORKER, Act.REVOKING, MIGRATION)
    audit.append(redis, audit.WORKER, Act.OPENED, OTHER)
    for shelf in (None, Shelf(tmp_path / "none", KEY)):
        assert [entry.act for entry in audit.entries(redis, MIGRATION, shelf=shelf)] == [Act.OPENED, Act.REVOKING]
        assert list(audit.entries(redis, "5f" * 8, shelf=shelf)) == []
        assert [entry.act for entry in audit.latest(redis, 1, MIGRATION, shelf)] == [Act.REVOKING]


def test_entries_can_be_read_from_a_time_on(redis: Redis) -> None:
    now = int(time.time())
    laid = chain([now - 90 * DAY, now - 45 * DAY, now - 10, now])
    lay(redis, laid)
    assert list(audit.entries(redis, since=now - 46 * DAY)) == laid[1:]
    assert list(audit.entries(redis, MIGRATION, since=float(now))) == laid[3:]


@pytest.mark.parametrize("count", [1, 2, 1999, 2500, 2501])
def test_the_newest_entries_are_read_from_the_end(redis: Redis, count: int) -> None:
    laid = chain([int(time.time())] * 2500)
    lay(redis, laid)
    assert list(audit.latest(redis, count)) == laid[-count:]


def test_nothing_is_appended_to_a_log_that_is_damaged(redis: Redis) -> None:
    redis.set(BROKEN, "cut", ex=60)
    for act in (audit.checkpoint, lambda redis: audit.append(redis, audit.WORKER, Act.OPENED)):
        with pytest.raises(AuditBroken):
            act(redis)
    assert list(audit.entries(redis)) == []


def test_what_nobody_takes_is_not_piled_up_for_ever(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.audit.log.MOST_WAITING", 2)
    for _ in range(2):
        audit.append(redis, audit.WORKER, Act.OPENED)
    with pytest.raises(AuditBusy):
        audit.append(redis, audit.WORKER, Act.PAUSED)
    assert [entry.act for entry in audit.entries(redis)] == [Act.OPENED] * 2


@pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"customer@gmail.example"])
def test_an_entry_that_cannot_be_read_is_not_passed_over(redis: Redis, line: bytes) -> None:
    lay(redis, chain([int(time.time())]))
    audit.append(redis, audit.WORKER, Act.OPENED)
    redis.lset(OPEN, 0, line)  # type: ignore[arg-type]
    for read in (lambda: list(audit.entries(redis)), lambda: audit.latest(redis, 5)):
        with pytest.raises(AuditBroken) as caught:
            read()
        assert caught.value.__cause__ is None


def test_a_newest_entry_that_cannot_be_read_is_not_passed_over(redis: Redis) -> None:
    redis.set(NEWEST, "x", ex=60)
    audit.append(redis, audit.WORKER, Act.OPENED)
    for read in (lambda: list(audit.entries(redis)), lambda: audit.checkpoint(redis)):
        with pytest.raises(AuditBroken):
            read()


def test_what_has_another_shape_is_refused_before_anything_is_written(redis: Redis) -> None:
    with pytest.raises(ValueError, match="not texts"):
        audit.append(redis, audit.WORKER, Act.OPENED, "customer@gmail.example")
    assert redis.keys("*") == []


def test_two_notes_that_say_the_same_are_two(redis: Redis) -> None:
    one, two = (audit.append(redis, audit.WORKER, Act.OPENED, MIGRATION) for _ in range(2))
    assert one.nonce != two.nonce
    assert redis.llen(inbox("other")) == 2
    assert Note.from_line(one.line) == one


@pytest.mark.parametrize("before", [0, 1, 2, 17, 2_500, 3_000])
def test_the_log_is_read_backwards(redis: Redis, before: int) -> None:
    entries = chain([int(time.time())] * 2_500)
    lay(redis, entries)
    newest_first = [entry for entry in reversed(entries) if not before or entry.number < before]
    assert list(audit.backwards(redis, before)) == newest_first
