"""A message that kills its process: found by dying alone, three times, while others pass; nobody else is convicted."""

from collections.abc import Iterator

import pytest
from engine import heir
from redis import Redis

from migrator.failures import PROCESS_DIED
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.records import Deferred
from migrator.suspects import DEATHS, PAUSES, Suspects

ROWS = [(number, f"{number:x}", Mark.PENDING) for number in range(4)]


class Slices:
    """Slices of one migration, one after the other, on a clock of their own; `progress_at` is the record's."""

    def __init__(self, redis: Redis, ledger: Ledger) -> None:
        self.redis = redis
        self.ledger = ledger
        self.now = 1_000_000.0
        self.progress_at = 0.0
        ledger.write(*ledger.plan(range(4), [Mark.PENDING] * 4))

    def begin(self, *, careful: bool = True) -> Suspects:
        self.ledger = heir(self.redis, self.ledger)
        return Suspects(self.ledger, self.progress_at, careful=careful, clock=lambda: self.now)

    def open(self) -> list[tuple[int, str, Mark]]:
        return list(self.ledger.open_messages())

    def alone(self, suspects: Suspects) -> list[int]:
        """Try what is to be tried alone, and live through it without any outcome."""
        return [row[0] for row in self.living(suspects)]

    def living(self, suspects: Suspects) -> Iterator[tuple[int, str, Mark]]:
        for row in suspects.alone(self.open()):
            yield row
            suspects.survived(row[0])

    def die_of(self, number: int, *, careful: bool = True) -> None:
        """Work until this message is tried alone, and die."""
        suspects = self.begin(careful=careful)
        for row in suspects.alone(self.open()):
            if row[0] == number:
                return
            suspects.survived(row[0])
        pytest.fail("it is not tried")

    def others_pass(self) -> None:
        self.now += 1
        self.progress_at = self.now


@pytest.fixture
def slices(redis: Redis, ledger: Ledger) -> Slices:
    return Slices(redis, ledger)


def test_a_slice_that_dies_before_it_begins_a_message_accuses_nobody(slices: Slices) -> None:
    for _ in range(5):
        slices.begin()
    assert slices.ledger.deferred() == {}


def test_who_was_tried_when_the_process_died_is_tried_again_later_alone(slices: Slices) -> None:
    slices.die_of(1)
    died_at = slices.now
    suspects = slices.begin(careful=False)
    assert slices.ledger.deferred() == {1: Deferred(PROCESS_DIED, died_at, died_at + PAUSES[0])}
    assert slices.alone(suspects) == []
    assert [row[0] for row in suspects.others(slices.open())] == [0, 2, 3], "the others go on meanwhile"
    slices.now = died_at + PAUSES[0]
    suspects = slices.begin(careful=False)
    assert [row[0] for row in suspects.others(slices.open())] == [0, 2, 3]
    assert slices.alone(suspects) == [1]


def test_a_careful_slice_tries_everybody_alone(slices: Slices) -> None:
    suspects = slices.begin()
    assert slices.alone(suspects) == [0, 1, 2, 3]
    assert list(suspects.others(slices.open())) == []


def test_a_death_is_counted_once(slices: Slices) -> None:
    slices.die_of(1)
    for _ in range(4):
        slices.begin()
        assert slices.ledger.deferred()[1].tries == 1


def test_after_three_deaths_alone_while_others_pass_it_has_failed(slices: Slices) -> None:
    slices.die_of(0)
    for death in range(1, DEATHS):
        slices.begin()
        assert slices.ledger.deferred()[0].tries == death
        slices.others_pass()
        slices.now = slices.ledger.deferred()[0].due
        slices.die_of(0, careful=False)
    slices.begin()
    assert (slices.ledger.reasons(), slices.ledger.deferred()) == ({0: "kills-the-import"}, {})
    assert Mark(slices.ledger.marks()[0]) is Mark.FAILED_DAMAGED


def test_the_only_message_left_is_convicted_though_no_other_can_pass(slices: Slices) -> None:
    slices.ledger.write(*(slices.ledger.mark(number, Mark.COPIED) for number in (1, 2, 3)))
    for _ in range(DEATHS):
        slices.die_of(0)
        slices.begin()
        slices.now += PAUSES[1]
    assert slices.ledger.reasons() == {0: "kills-the-import"}


def test_where_every_message_dies_nobody_is_convicted(slices: Slices) -> None:
    for _ in range(3 * DEATHS):
        for number in range(4):
            slices.die_of(number)
            slices.begin()
        slices.now += PAUSES[2]
    assert slices.ledger.reasons() == {}
    assert {held.tries for held in slices.ledger.deferred().values()} == {3 * DEATHS}
    assert max(held.due for held in slices.ledger.deferred().values()) == slices.now


def test_an_outcome_clears_the_record(slices: Slices) -> None:
    slices.die_of(1)
    slices.begin()
    slices.now += PAUSES[0]
    suspects = slices.begin()
    for row in slices.living(suspects):
        slices.ledger.write(slices.ledger.mark(row[0], Mark.COPIED))
    assert slices.ledger.deferred() == {}
    slices.begin()
    assert slices.ledger.reasons() == {}


def test_who_lives_through_a_try_without_an_outcome_stays_accused(slices: Slices) -> None:
    slices.die_of(1)
    slices.begin()
    slices.now += PAUSES[0]
    assert slices.alone(slices.begin()) == [0, 1, 2, 3]
    assert slices.ledger.deferred()[1].tries == 1


def test_who_got_an_outcome_before_the_process_died_is_not_accused(slices: Slices) -> None:
    slices.die_of(1)
    slices.ledger.write(slices.ledger.mark(1, Mark.COPIED))
    slices.begin()
    assert slices.ledger.deferred() == {}
    assert slices.ledger.load("trying") is None


def test_accusing_is_no_progress(redis: Redis, ledger: Ledger) -> None:
    slices, told = Slices(redis, ledger), list[None]()
    slices.die_of(1)
    slices.ledger = heir(redis, slices.ledger, lambda: told.append(None))
    Suspects(slices.ledger, 0.0, careful=True)
    assert slices.ledger.deferred()
    assert told == []
