"""Failed messages tried again by choice: while the import has not come to its end, and never under a running slice."""

import pytest
from redis import Redis

from jobs.acts import carry_out, helps
from jobs.audit import CUSTOMER
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import State, new_id, part_key
from jobs.requests import cancel, create, pause, read, resume
from jobs.retrying import finish_without, is_held, open_again
from jobs.slice import SliceEnd, advance, again, ended, failed, paused, wait
from jobs.tickets import Claim, claim, release
from migrator.errors import LeaseLost
from migrator.hold import FAILED_MESSAGES
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.reopening import is_asked, reopen

MARKS = [Mark.COPIED, Mark.FAILED_REFUSED, Mark.FAILED_MISSING, Mark.FAILED_DAMAGED, Mark.PENDING]


class Room:
    """An import in copying, some of whose messages have failed."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.id = create(redis, "c1").id
        first = self.claimed()
        ledger = Ledger(redis, self.id, first.token)
        ledger.write(*ledger.plan(range(len(MARKS)), MARKS), ("HSET", ledger.key("reasons"), 1, "refused"))
        self.end(first, advance(State.COPYING))

    def claimed(self) -> Claim:
        found = claim(self.redis, 10)
        assert found is not None
        return found

    def end(self, claimed: Claim, end: SliceEnd) -> State:
        return release(self.redis, claimed.id, claimed.token, end)

    def to(self, *ends: SliceEnd) -> None:
        for end in ends:
            self.end(self.claimed(), end)

    def marks(self) -> list[Mark]:
        return [Mark(value) for value in Ledger(self.redis, self.id).marks()]

    def is_asked(self) -> bool:
        return is_asked(Ledger(self.redis, self.id))


@pytest.fixture
def room(redis: Redis) -> Room:
    return Room(redis)


@pytest.mark.parametrize(
    "ends",
    [
        (),
        (paused("login-refused"),),
        (failed("out-of-memory", resumable=True),),
        (advance(State.VERIFYING),),
        (advance(State.VERIFYING), failed("out-of-memory", resumable=True)),
    ],
    ids=["copying", "paused", "failed", "verifying", "failed in verifying"],
)
def test_it_says_how_many_and_the_next_slice_opens_them(room: Room, ends: tuple[SliceEnd, ...]) -> None:
    room.to(*ends)
    before = read(room.redis, room.id).state
    assert open_again(room.redis, room.id) == 2
    assert open_again(room.redis, room.id) == 2, "asked twice is asked once"
    assert (room.is_asked(), room.marks()) == (True, MARKS)
    assert read(room.redis, room.id).state is before
    resume(room.redis, room.id)
    claimed = room.claimed()
    reopen(Ledger(room.redis, room.id, claimed.token))
    assert room.marks() == [MARKS[0], Mark.PENDING_LARGE, MARKS[2], Mark.PENDING_LARGE, MARKS[4]]
    assert not room.is_asked()


def test_a_slice_that_runs_is_not_disturbed_and_one_that_lost_the_import_opens_nothing(room: Room) -> None:
    running = room.claimed()
    assert open_again(room.redis, room.id) == 2
    assert room.marks() == MARKS
    room.end(running, again())
    room.claimed()
    with pytest.raises(LeaseLost):
        reopen(Ledger(room.redis, room.id, running.token))
    assert room.marks() == MARKS


def test_asked_while_the_last_slice_before_the_end_runs_it_goes_back_to_copying(room: Room) -> None:
    room.to(advance(State.VERIFYING))
    last = room.claimed()
    open_again(room.redis, room.id)
    assert room.end(last, advance(State.FINISHING)) is State.COPYING
    assert room.claimed().phase is State.COPYING


def test_who_cancels_meanwhile_has_cancelled(room: Room) -> None:
    room.to(advance(State.VERIFYING))
    last = room.claimed()
    open_again(room.redis, room.id)
    cancel(room.redis, room.id)
    assert room.end(last, advance(State.FINISHING)) is State.FINISHING
    with pytest.raises(IllegalTransition):
        open_again(room.redis, room.id)


def test_where_nothing_failed_nothing_is_asked(redis: Redis) -> None:
    migration = create(redis, "c1").id
    assert open_again(redis, migration) == 0
    assert redis.exists(part_key(migration, "retry")) == 0


@pytest.mark.parametrize(
    "ends",
    [
        (advance(State.VERIFYING), advance(State.FINISHING)),
        (advance(State.VERIFYING), advance(State.FINISHING), ended(State.DONE_WITH_EXCEPTIONS)),
        (failed("no-hope", resumable=False),),
    ],
    ids=["finishing", "ended", "failed for good"],
)
def test_an_import_that_cannot_go_on_is_not_opened(room: Room, ends: tuple[SliceEnd, ...]) -> None:
    room.to(*ends)
    with pytest.raises(IllegalTransition):
        open_again(room.redis, room.id)
    assert not room.is_asked()


def test_a_wish_to_end_it_goes_first(room: Room) -> None:
    room.claimed()
    cancel(room.redis, room.id)
    with pytest.raises(IllegalTransition):
        open_again(room.redis, room.id)


def test_a_paused_import_stays_paused_until_it_is_resumed(room: Room) -> None:
    pause(room.redis, room.id)
    open_again(room.redis, room.id)
    assert read(room.redis, room.id).state is State.PAUSED


def test_an_unknown_import_is_said_to_be_unknown(redis: Redis) -> None:
    with pytest.raises(UnknownMigration):
        open_again(redis, new_id())


HELD = (advance(State.VERIFYING), wait(4e9, FAILED_MESSAGES))


def test_a_held_import_is_retried_or_finished_and_nothing_else_helps(room: Room) -> None:
    assert not is_held(read(room.redis, room.id))
    room.to(*HELD)
    held = read(room.redis, room.id)
    assert is_held(held)
    assert (helps(held, "retry"), helps(held, "finish"), helps(held, "resume")) == (True, True, False)


def test_finished_without_them_it_goes_on_at_once(room: Room) -> None:
    room.to(*HELD)
    assert carry_out(room.redis, room.id, "finish", CUSTOMER).state is State.VERIFYING
    assert Ledger(room.redis, room.id).load("finish")
    assert room.claimed().phase is State.VERIFYING


def test_tried_again_it_goes_on_at_once(room: Room) -> None:
    room.to(*HELD)
    assert carry_out(room.redis, room.id, "retry", CUSTOMER).state is State.VERIFYING
    assert room.is_asked()


@pytest.mark.parametrize("state", [(), (paused("asked"),), (wait(4e9, "mailbox-full"),), (advance(State.FINISHING),)])
def test_only_a_held_import_is_finished_without_them(room: Room, state: tuple[SliceEnd, ...]) -> None:
    room.to(*state)
    with pytest.raises(IllegalTransition):
        finish_without(room.redis, room.id)
    assert not Ledger(room.redis, room.id).load("finish")


def test_asked_while_the_slice_runs_that_would_hold_it_it_is_not_held(room: Room) -> None:
    room.to(advance(State.VERIFYING))
    last = room.claimed()
    open_again(room.redis, room.id)
    assert room.end(last, wait(4e9, FAILED_MESSAGES)) is State.VERIFYING
