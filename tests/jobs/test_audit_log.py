"""Appending to the log, and reading it."""

import calendar
import time

import pytest
from audit_chains import MIGRATION, NOVEMBER, again, chain, lay
from redis import Redis

from jobs import audit
from jobs.audit import AUDIT_DAYS, Act, AuditBroken, AuditBusy, Checkpoint
from jobs.audit.entry import BEGINNING
from jobs.audit.lists import HEAD, end_date, month_key, months
from jobs.audit.log import _APPEND

DAY = 86400
OTHER = "b7" * 16


def test_entries_are_numbered_and_tied_to_each_other(redis: Redis) -> None:
    first = audit.append(redis, audit.CUSTOMER, Act.GRANTED, MIGRATION)
    second = audit.append(redis, audit.staff("0a" * 16), Act.PAUSED, MIGRATION, "asked")
    assert (first.number, first.previous, first.previous_at) == (1, BEGINNING, 0)
    assert (second.number, second.previous, second.previous_at) == (2, first.hash, first.at)
    assert list(audit.entries(redis)) == [first, second]
    assert abs(first.at - time.time()) < 5


def test_a_client_that_decodes_answers_reads_and_writes_the_same(redis: Redis) -> None:
    with Redis.from_url(f"{redis_url(redis)}", decode_responses=True) as decoding:
        first = audit.append(decoding, audit.WORKER, Act.OPENED)
        assert list(audit.entries(decoding)) == list(audit.entries(redis)) == [first]
        assert audit.verify(decoding, [audit.checkpoint(decoding)]).holds


def redis_url(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}?db=0"


def test_every_key_of_the_log_ends_four_hundred_days_after_the_month(redis: Redis) -> None:
    at = audit.append(redis, audit.WORKER, Act.OPENED).at
    assert redis.expiretime(month_key(at)) == redis.expiretime(HEAD) == end_date(at)
    assert AUDIT_DAYS * DAY < end_date(at) - at <= (AUDIT_DAYS + 31) * DAY


def test_a_month_ends_where_the_calendar_says() -> None:
    assert (month_key(1798761599), month_key(1798761600)) == ("audit:2026-12", "audit:2027-01")
    assert end_date(1798761599) == 1798761600 + AUDIT_DAYS * DAY
    assert end_date(1709208000) == 1709251200 + AUDIT_DAYS * DAY  # 29 February 2024


def test_each_month_has_its_own_list_and_the_chain_goes_on(redis: Redis) -> None:
    lay(redis, chain([int(time.time()) - days * DAY for days in (90, 60, 30)]))
    entry = audit.append(redis, audit.WORKER, Act.OPENED)
    assert entry.number == 4
    assert redis.lrange(month_key(entry.at), 0, -1) == [entry.line.encode()]
    assert [e.number for e in audit.entries(redis)] == [1, 2, 3, 4]
    assert audit.verify(redis).holds


def test_a_clock_that_was_set_back_does_not_turn_the_order(redis: Redis) -> None:
    ahead = int(time.time()) + 75 * DAY
    lay(redis, chain([ahead]))
    entry = audit.append(redis, audit.WORKER, Act.OPENED)
    assert (entry.number, entry.at) == (2, ahead)
    assert [e.number for e in audit.entries(redis)] == [1, 2]
    assert audit.verify(redis).holds
    redis.flushdb()  # by the clock as it is now these keys end too late, which the search for leaks would say


def test_every_list_that_may_still_exist_is_looked_at() -> None:
    names = months(NOVEMBER, NOVEMBER)
    assert (names[0], names[-1]) == ("audit:2025-09", "audit:2026-12")
    assert len(set(names)) == len(names) == 16
    for key in names[2:-1]:  # the list of a month that has ended lives until its end date and is named until then
        begun = calendar.timegm(time.strptime(key, "audit:%Y-%m"))
        assert key in months(end_date(begun) - 1, NOVEMBER)
    assert months(0, 0)[0] == "audit:1970-01"


def test_the_checkpoint_is_the_newest_entry(redis: Redis) -> None:
    assert audit.checkpoint(redis) == Checkpoint(0, BEGINNING)
    entry = audit.append(redis, audit.WORKER, Act.OPENED)
    assert audit.checkpoint(redis) == entry.checkpoint == Checkpoint(1, entry.hash)


def test_entries_of_one_migration_are_found_among_others(redis: Redis) -> None:
    mine = [audit.append(redis, audit.WORKER, act, MIGRATION) for act in (Act.OPENED, Act.REVOKING)]
    audit.append(redis, audit.WORKER, Act.OPENED, OTHER)
    assert list(audit.entries(redis, MIGRATION)) == mine
    assert list(audit.entries(redis, "5f" * 8)) == []
    assert audit.latest(redis, 1, MIGRATION) == (mine[1],)


def test_entries_can_be_read_from_a_time_on(redis: Redis) -> None:
    now = int(time.time())
    laid = chain([now - 90 * DAY, now - 45 * DAY, now - 10, now])
    lay(redis, laid)
    redis.delete(month_key(laid[0].at))
    redis.rpush(month_key(laid[0].at), "what lies in a month before is not even read")
    redis.expire(month_key(laid[0].at), 60)
    assert list(audit.entries(redis, since=now - 46 * DAY)) == laid[1:]
    assert list(audit.entries(redis, since=float(now))) == laid[3:]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 1999, 2500, 2501, 9999])
def test_the_newest_entries_are_read_from_the_end(redis: Redis, count: int) -> None:
    now = int(time.time())
    times = [now - 40 * DAY] * 1 + [now - 32 * DAY] * 2 + [now] * 2497
    laid = chain(times)
    lay(redis, laid)
    assert list(audit.latest(redis, count)) == laid[-count:]


def test_nothing_is_appended_to_a_log_whose_head_is_lost(redis: Redis) -> None:
    laid = chain([int(time.time()) - days * DAY for days in (60, 30)])
    lay(redis, laid)
    redis.delete(HEAD)
    with pytest.raises(AuditBroken):
        audit.append(redis, audit.WORKER, Act.OPENED)
    assert list(audit.entries(redis)) == laid


def test_nothing_is_appended_to_a_log_whose_head_is_altered(redis: Redis) -> None:
    entry = audit.append(redis, audit.WORKER, Act.OPENED)
    redis.set(HEAD, entry.line.replace("opened", "paused"), keepttl=True)
    for read in (audit.checkpoint, lambda redis: audit.append(redis, audit.WORKER, Act.OPENED)):
        with pytest.raises(AuditBroken):
            read(redis)
    assert list(audit.entries(redis)) == [entry]


@pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"customer@gmail.example"])
def test_an_entry_that_cannot_be_read_is_not_passed_over(redis: Redis, line: bytes) -> None:
    entry = audit.append(redis, audit.WORKER, Act.OPENED, MIGRATION)
    redis.lset(month_key(entry.at), 0, line)
    for read in (lambda: list(audit.entries(redis)), lambda: audit.latest(redis, 5)):
        with pytest.raises(AuditBroken) as caught:
            read()
        assert caught.value.__cause__ is None


def test_what_has_another_shape_is_refused_before_anything_is_written(redis: Redis) -> None:
    with pytest.raises(ValueError, match="not texts"):
        audit.append(redis, audit.WORKER, Act.OPENED, "customer@gmail.example")
    assert redis.keys("*") == []


def test_two_entries_that_say_the_same_are_two(redis: Redis) -> None:
    one, two = (audit.append(redis, audit.WORKER, Act.OPENED, MIGRATION) for _ in range(2))
    assert one.nonce != two.nonce


def test_an_entry_that_is_sent_twice_is_appended_once(redis: Redis) -> None:
    first = audit.append(redis, audit.WORKER, Act.OPENED)
    second = chain([first.at], 2, first.hash, first.at)[0]
    script, key = redis.register_script(_APPEND), month_key(first.at)
    sent = {"keys": [HEAD, key], "args": [first.line, second.line, end_date(first.at)]}
    assert script(**sent) == script(**sent) == b"ok"
    audit.append(redis, audit.WORKER, Act.OPENED)
    assert script(**sent) == b"ok"
    assert [e.number for e in audit.entries(redis)] == [1, 2, 3]
    other = again([first, second], 2, nonce="f" * 16)[1]
    assert script(keys=[HEAD, key], args=[first.line, other.line, end_date(first.at)]) == b"moved"


def test_an_append_gives_up_when_others_never_pause(redis: Redis) -> None:
    audit.append(redis, audit.WORKER, Act.OPENED)
    busy = Contended.from_url(redis_url(redis))
    with busy, pytest.raises(AuditBusy):
        audit.append(busy, audit.WORKER, Act.PAUSED, seconds=0.2)
    assert Act.PAUSED not in {entry.act for entry in audit.entries(redis)}
    assert audit.verify(redis).holds


class Contended(Redis):
    """A client before whose every script somebody else appends."""

    def evalsha(self, *args: object) -> object:
        with Redis.from_url(redis_url(self)) as other:
            audit.append(other, audit.WORKER, Act.OPENED)
        return super().evalsha(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [0, 1, 2, 17, 2_500, 3_000])
def test_the_log_is_read_backwards_page_by_page_over_the_months(redis: Redis, before: int) -> None:
    entries = chain(range(NOVEMBER - 2_500 * 1_800, NOVEMBER, 1_800))
    lay(redis, entries)
    newest_first = [entry for entry in reversed(entries) if not before or entry.number < before]
    assert list(audit.backwards(redis, before)) == newest_first
