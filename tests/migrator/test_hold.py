"""An import whose messages failed for a reason that a retry may change is held before it finishes."""

import pytest
from engine import heir, new_ledger
from redis import Redis

from migrator.failures import HOLD_SECONDS, OWN_FAULT
from migrator.hold import held_until
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.reopening import reopen

NOW = 1_700_000_000.0


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    made = new_ledger(redis)
    made.write(*made.plan(range(3), [Mark.COPIED] * 3))
    return made


def fail(ledger: Ledger, word: str, mark: Mark = Mark.FAILED_REFUSED) -> None:
    ledger.write(*ledger.fail(1, mark, word))


def test_nothing_failed_holds_nothing(ledger: Ledger) -> None:
    assert held_until(ledger, NOW) is None


@pytest.mark.parametrize("word", sorted(OWN_FAULT))
def test_a_message_at_fault_itself_holds_nothing(ledger: Ledger, word: str) -> None:
    fail(ledger, word)
    assert held_until(ledger, NOW) is None


@pytest.mark.parametrize("word", ["refused", "read-only", "name-refused", "a-word-of-tomorrow"])
def test_any_other_failure_holds_the_import_for_a_day_from_the_first_look(ledger: Ledger, word: str) -> None:
    fail(ledger, word)
    assert held_until(ledger, NOW) == NOW + HOLD_SECONDS
    assert held_until(ledger, NOW + 3600) == NOW + HOLD_SECONDS
    assert held_until(ledger, NOW + HOLD_SECONDS) is None


def test_a_reason_that_is_left_of_a_message_that_arrived_holds_nothing(ledger: Ledger) -> None:
    ledger.write(("HSET", ledger.key("reasons"), 1, "refused"))
    assert held_until(ledger, NOW) is None


def test_who_finishes_without_them_is_not_held(ledger: Ledger, redis: Redis) -> None:
    fail(ledger, "refused")
    redis.set(ledger.key("finish"), "1", ex=60)
    assert held_until(ledger, NOW) is None


def test_what_fails_again_is_held_for_another_day(ledger: Ledger, redis: Redis) -> None:
    fail(ledger, "refused")
    assert held_until(ledger, NOW) is not None
    again = heir(redis, ledger)
    reopen(again)
    assert held_until(again, NOW + HOLD_SECONDS) is None
    fail(again, "refused")
    assert held_until(again, NOW + HOLD_SECONDS) == NOW + 2 * HOLD_SECONDS
