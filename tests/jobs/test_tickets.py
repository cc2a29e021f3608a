import time
from collections import Counter

import pytest
from redis import Redis

from jobs.crashes import CRASH_LIMIT, CRASH_SECONDS, store_away
from jobs.errors import LeaseLost
from jobs.migration import Migration, State
from jobs.requests import cancel, create, history, pause, read, resume
from jobs.slice import SliceEnd, advance, again, crashed, ended, failed, given_back, soon, wait
from jobs.tickets import Claim, Wish, claim, make_ready, ready_count, reconcile, release, renew

LEASE = 10.0
IN_AN_HOUR = 4_000_000_000.0


def must_claim(redis: Redis, cap: int = 4) -> Claim:
    claimed = claim(redis, LEASE, cap=cap)
    assert claimed is not None
    return claimed


def running(redis: Redis, *, phase: State = State.COPYING) -> Claim:
    """Make a migration and claim it in the phase."""
    create(redis, "acme")
    first = must_claim(redis)
    release(redis, first.id, first.token, advance(phase))
    return must_claim(redis)


def test_one_slice_of_a_migration_at_a_time(redis: Redis) -> None:
    migration = create(redis, "acme")
    assert must_claim(redis).id == migration.id
    assert not make_ready(redis, migration.id)
    assert claim(redis, LEASE) is None


def test_making_ready_twice_is_once(redis: Redis) -> None:
    migration = create(redis, "acme")
    assert make_ready(redis, migration.id)
    assert must_claim(redis).id == migration.id
    assert claim(redis, LEASE) is None


def test_a_released_migration_is_claimed_again_with_another_token(redis: Redis) -> None:
    first = running(redis)
    release(redis, first.id, first.token, again())
    second = must_claim(redis)
    assert second.id == first.id
    assert second.token != first.token


def test_what_is_given_back_is_as_if_it_had_not_been_claimed(redis: Redis) -> None:
    first = running(redis)
    release(redis, first.id, first.token, crashed("child-killed"))
    resume(redis, first.id)
    redis.set(f"mig:{{{first.id}}}:trying", "m1", ex=3600)
    before, waiting = read(redis, first.id), history(redis, first.id)
    second = must_claim(redis)
    release(redis, second.id, second.token, given_back())
    assert read(redis, first.id) == before
    assert history(redis, first.id) == waiting
    assert redis.get(f"mig:{{{first.id}}}:trying") == b"m1", "a suspicion is neither raised nor lifted"
    assert must_claim(redis).id == first.id


def test_a_wish_is_granted_when_an_import_is_given_back(redis: Redis) -> None:
    claimed = running(redis)
    cancel(redis, claimed.id)
    release(redis, claimed.id, claimed.token, given_back())
    assert read(redis, claimed.id).ending == State.CANCELLED


def test_ten_small_customers_are_served_right_after_one_slice_of_the_big_one(redis: Redis) -> None:
    for _ in range(60):
        create(redis, "big")
    for number in range(10):
        create(redis, f"small-{number}")
    served = []
    for _ in range(30):
        claimed = must_claim(redis)
        served.append(claimed.customer)
        release(redis, claimed.id, claimed.token, again())
    assert set(served[:11]) == {"big", *(f"small-{number}" for number in range(10))}
    # ... and so on in turns: nobody gets a second slice before everybody had one.
    assert max(Counter(served[:22]).values()) == 2


def test_a_customer_at_the_cap_lets_the_others_go_first(redis: Redis) -> None:
    for _ in range(10):
        create(redis, "big")
    held = [must_claim(redis, cap=3) for _ in range(3)]
    for number in range(4):
        create(redis, f"small-{number}")
    held += [must_claim(redis, cap=3) for _ in range(4)]
    assert Counter(one.customer for one in held) == {"big": 3, **{f"small-{n}": 1 for n in range(4)}}


def test_the_cap_is_elastic_when_nobody_else_waits(redis: Redis) -> None:
    for _ in range(10):
        create(redis, "big")
    assert {must_claim(redis, cap=3).customer for _ in range(10)} == {"big"}
    assert claim(redis, LEASE, cap=3) is None


def test_work_of_one_customer_is_taken_in_order(redis: Redis) -> None:
    made = [create(redis, "acme").id for _ in range(5)]
    assert [must_claim(redis).id for _ in range(5)] == made


def test_a_stale_token_changes_nothing(redis: Redis) -> None:
    stale = running(redis)
    release(redis, stale.id, stale.token, again())
    fresh = must_claim(redis)
    before = read(redis, stale.id)
    assert renew(redis, stale.id, stale.token, LEASE, progressed=True) is Wish.LOST
    for end in (again(), advance(State.VERIFYING), failed("login-refused", resumable=True), ended(State.DONE)):
        with pytest.raises(LeaseLost):
            release(redis, stale.id, stale.token, end)
    assert read(redis, stale.id) == before
    assert renew(redis, fresh.id, fresh.token, LEASE) is Wish.NONE


def test_no_token_is_not_the_token_of_a_migration_without_a_slice(redis: Redis) -> None:
    migration = create(redis, "acme")
    assert renew(redis, migration.id, "", LEASE) is Wish.LOST
    with pytest.raises(LeaseLost):
        release(redis, migration.id, "", advance(State.COPYING))


def test_renewing_lengthens_the_lease(redis: Redis) -> None:
    claimed = running(redis)
    before = redis.zscore("jobs:leases", claimed.id) or 0.0
    assert renew(redis, claimed.id, claimed.token, LEASE * 3) is Wish.NONE
    assert (redis.zscore("jobs:leases", claimed.id) or 0.0) >= before + LEASE


def test_a_pause_is_seen_at_the_next_renewal_and_carried_out_at_the_end(redis: Redis) -> None:
    claimed = running(redis)
    assert pause(redis, claimed.id).state is State.COPYING
    assert renew(redis, claimed.id, claimed.token, LEASE) is Wish.PAUSE
    assert release(redis, claimed.id, claimed.token, again()) is State.PAUSED
    assert resume(redis, claimed.id).state is State.COPYING


def test_a_pause_taken_back_leaves_no_wish(redis: Redis) -> None:
    claimed = running(redis)
    pause(redis, claimed.id)
    resume(redis, claimed.id)
    assert renew(redis, claimed.id, claimed.token, LEASE) is Wish.NONE


def test_a_paused_migration_goes_on_where_its_last_slice_left_it(redis: Redis) -> None:
    claimed = running(redis)
    pause(redis, claimed.id)
    assert release(redis, claimed.id, claimed.token, advance(State.VERIFYING)) is State.PAUSED
    assert resume(redis, claimed.id).state is State.VERIFYING


def test_a_pause_that_comes_after_the_copying_does_not_hold_up_the_discarding(redis: Redis) -> None:
    claimed = running(redis, phase=State.VERIFYING)
    pause(redis, claimed.id)
    assert release(redis, claimed.id, claimed.token, advance(State.FINISHING)) is State.FINISHING
    assert read(redis, claimed.id).wish == ""


@pytest.mark.parametrize(
    "end",
    [
        again(),
        wait(IN_AN_HOUR, "google-quota"),
        advance(State.VERIFYING),
        failed("x", resumable=False),
        crashed("child-killed"),
    ],
    ids=lambda end: end.kind,
)
def test_cancel_comes_before_whatever_the_slice_says(redis: Redis, end: SliceEnd) -> None:
    claimed = running(redis)
    pause(redis, claimed.id)
    cancel(redis, claimed.id)
    assert renew(redis, claimed.id, claimed.token, LEASE) is Wish.CANCEL
    assert release(redis, claimed.id, claimed.token, end) is State.FINISHING
    last = must_claim(redis)
    assert (last.phase, last.ending) == (State.FINISHING, "cancelled")
    assert release(redis, last.id, last.token, ended(State.DONE)) is State.CANCELLED


def crash(redis: Redis, at: float, code: str = "out-of-memory", *, progressed: bool = False) -> Migration:
    """Let a slice begin at this time and die at once."""
    reconcile(redis, now=at)
    claimed = claim(redis, LEASE, now=at)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, crashed(code), progressed=progressed, now=at)
    return read(redis, claimed.id)


def test_after_each_crash_in_a_row_the_pause_is_longer(redis: Redis) -> None:
    now, pauses = float(int(time.time())), []
    create(redis, "acme", now=now)
    for _ in range(7):
        found = crash(redis, now)
        assert (found.state, found.reason) == (State.WAITING, "out-of-memory")
        pauses.append(found.until - now)
        now = found.until
    assert pauses == [1, 2, 5, 10, 15, 15, 15]
    assert found.crashes == 7
    assert found.crashed_since == now - sum(pauses)


def test_crashes_call_a_person_only_when_they_have_gone_on_for_half_an_hour(redis: Redis) -> None:
    began = now = float(int(time.time()))
    create(redis, "acme", now=now)
    found = crash(redis, now)
    while found.state is State.WAITING:
        now = found.until
        found = crash(redis, now)
    assert (found.state, found.reason, found.resumable) == (State.FAILED, "out-of-memory", True)
    assert CRASH_SECONDS <= now - began < CRASH_SECONDS + 60
    assert claim(redis, LEASE, now=now + 60) is None
    resumed = resume(redis, found.id)
    assert (resumed.crashes, resumed.crashed_since) == (0, 0)


def test_few_crashes_call_nobody_however_long_they_take(redis: Redis) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    for _ in range(CRASH_LIMIT - 1):
        assert crash(redis, now, "slice-overtime").state is State.WAITING
        now += CRASH_SECONDS
    assert crash(redis, now, "slice-overtime").state is State.FAILED


def test_crashes_with_progress_between_them_are_not_in_a_row(redis: Redis) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    for _ in range(2 * CRASH_LIMIT):
        found = crash(redis, now, progressed=True)
        assert (found.state, found.crashes, found.until) == (State.WAITING, 1, now + 1)
        now += CRASH_SECONDS


@pytest.mark.parametrize("end", [store_away(), soon("connection-lost")], ids=lambda end: end.code)
def test_what_was_away_is_tried_again_soon_then_less_often_and_is_no_crash(redis: Redis, end: SliceEnd) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    crash(redis, now)
    pauses = []
    for later in (1, 20, 70, 4000):
        reconcile(redis, now=now + later)
        claimed = claim(redis, LEASE, now=now + later)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=now + later)
        found = read(redis, claimed.id)
        assert (found.state, found.reason, found.crashes) == (State.WAITING, end.code, 1)
        pauses.append(found.until - now - later)
    assert pauses == [2, 5, 15, 15]


def test_a_waiting_migration_holds_no_worker(redis: Redis) -> None:
    claimed = running(redis)
    until = time.time() + 3600
    release(redis, claimed.id, claimed.token, wait(until, "google-bandwidth"))
    found = read(redis, claimed.id)
    assert (found.state, found.reason) == (State.WAITING, "google-bandwidth")
    assert found.until == pytest.approx(until, abs=5)
    assert claim(redis, LEASE) is None
    assert redis.zcard("jobs:leases") == 0
    assert ready_count(redis) == 0


def test_a_queue_entry_whose_migration_is_gone_is_cleared_away(redis: Redis) -> None:
    gone, kept = create(redis, "acme"), create(redis, "acme")
    redis.delete(f"mig:{{{gone.id}}}", f"mig:{{{gone.id}}}:history")
    assert must_claim(redis).id == kept.id
    assert claim(redis, LEASE) is None


def test_a_queue_entry_of_a_migration_that_has_no_turn_is_cleared_away(redis: Redis) -> None:
    held = running(redis)
    resting = create(redis, "acme", start=False)
    redis.zadd("jobs:ready:acme", {held.id: 0, resting.id: 1})
    redis.zadd("jobs:ring", {"acme": 0})
    assert claim(redis, LEASE) is None
    assert ready_count(redis) == 0
    assert read(redis, held.id).running


def test_the_turn_comes_to_the_last_of_many_customers_even_behind_many_at_the_cap(redis: Redis) -> None:
    for number in range(100):
        create(redis, f"capped-{number}")
        create(redis, f"capped-{number}")
    for _ in range(100):
        must_claim(redis, cap=1)
    create(redis, "last")
    assert must_claim(redis, cap=1).customer == "last"
    assert must_claim(redis, cap=1).customer.startswith("capped-")


@pytest.mark.parametrize(
    ("end", "accuses"),
    [
        (crashed("child-killed"), True),
        (crashed("out-of-memory"), True),
        (crashed("internal-error:KeyError"), True),
        (crashed("slice-overtime"), False),
        (crashed("child-unreadable"), False),
        (again(), False),
        (wait(9e9, "x"), False),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_only_a_slice_that_died_accuses_the_message_it_was_trying(
    redis: Redis, end: SliceEnd, *, accuses: bool
) -> None:
    claimed = running(redis)
    redis.set(f"mig:{{{claimed.id}}}:trying", 7, ex=60)
    release(redis, claimed.id, claimed.token, end)
    assert bool(redis.exists(f"mig:{{{claimed.id}}}:trying")) == accuses


def test_a_lost_lease_accuses_no_message(redis: Redis) -> None:
    claimed = running(redis)
    redis.set(f"mig:{{{claimed.id}}}:trying", 7, ex=60)
    assert reconcile(redis, now=IN_AN_HOUR).lost == 1
    assert not redis.exists(f"mig:{{{claimed.id}}}:trying")
