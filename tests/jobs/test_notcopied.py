"""Messages that were not copied: counted by reason, and the first of them named by their ids at Gmail."""

import pytest
from redis import Redis

from jobs.migration import new_id
from jobs.notcopied import NotCopied, not_copied
from jobs.requests import create
from migrator.ledger import Ledger
from migrator.outcome import Mark


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    """A ledger of ten messages: two copied, three refused for two reasons, four spam, one still open."""
    migration = create(redis, "c1").id
    marks = [Mark.COPIED, *[Mark.SKIPPED_SPAM] * 4, *[Mark.FAILED_REFUSED] * 3, Mark.PENDING, Mark.ALREADY_THERE]
    made = Ledger(redis, migration)
    made.write(*made.plan([0xABC0 + n for n in range(10)], marks))
    made.write(*(command for n in (5, 6) for command in made.fail(n, Mark.FAILED_REFUSED, "too-large")))
    return made


def found(redis: Redis, ledger: Ledger, listed: int = 50) -> tuple[NotCopied, ...]:
    return not_copied(redis, ledger.key("").split("}")[0].removeprefix("mig:{"), listed)


def test_each_reason_is_counted_and_failures_come_first(redis: Redis, ledger: Ledger) -> None:
    assert found(redis, ledger) == (
        NotCopied(Mark.FAILED_REFUSED, "too-large", 2, ("abc5", "abc6")),
        NotCopied(Mark.FAILED_REFUSED, "", 1, ("abc7",)),
        NotCopied(Mark.SKIPPED_SPAM, "", 4, tuple(f"abc{n}" for n in range(1, 5))),
    )


def test_the_counts_hold_all_though_few_are_listed(redis: Redis, ledger: Ledger) -> None:
    rows = found(redis, ledger, listed=1)
    assert [row.count for row in rows] == [2, 1, 4]
    assert [row.gmail_ids for row in rows] == [("abc5",), ("abc7",), ("abc1",)]


def test_the_sum_is_what_the_marks_say(redis: Redis, ledger: Ledger) -> None:
    outcomes = ledger.outcomes()
    assert sum(row.count for row in found(redis, ledger)) == sum(
        count for mark, count in outcomes.items() if not mark.is_open and not mark.is_in_mailbox
    )


def test_where_there_is_no_plan_nothing_is_left(redis: Redis) -> None:
    assert not_copied(redis, create(redis, "c1").id) == ()
    assert not_copied(redis, new_id()) == ()
