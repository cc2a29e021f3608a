"""Pools of threads for work that waits: their places and their line are bounded, and a place is never lost."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from filling import filled
from structlog.testing import capture_logs
from waiting import eventually

from jobs.fullness import Load
from web.pools import KINDS, Pool, PoolFull, Pools, StaffPools, loads_of

WORD: ContextVar[str] = ContextVar("word", default="")


def test_work_is_done_in_a_thread_of_the_pool_and_its_answer_comes_back() -> None:
    pool = Pool("sso", 1)
    WORD.set("said")
    seen = asyncio.run(
        pool.run(lambda: (threading.current_thread().name, threading.current_thread().daemon, WORD.get()))
    )
    assert seen == ("sso", True, "said")
    eventually(lambda: pool.load == Load(0, 0, 1))


def test_what_goes_wrong_there_is_raised_here_and_the_place_is_free_again() -> None:
    pool = Pool("sso", 1)

    def fail() -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            asyncio.run(pool.run(fail))
        eventually(lambda: pool.load.working == 0)


def test_no_more_is_under_way_than_there_are_places_and_the_line_is_served_in_order() -> None:
    pool, done, most, lock = Pool("sso", 2, 20, 60.0), list[int](), list[int](), threading.Lock()

    def work(number: int) -> None:
        with lock:
            most.append(pool.load.working)
            done.append(number)

    async def all_at_once() -> None:
        await asyncio.gather(*(pool.run(work, number) for number in range(20)))

    asyncio.run(all_at_once())
    assert sorted(done) == list(range(20))
    assert max(most) <= 2


@pytest.mark.parametrize(("waiting", "seconds"), [(0, 60.0), (1, 0.05)])
def test_who_finds_no_room_is_told_so_at_once_or_when_the_time_is_over(waiting: int, seconds: float) -> None:
    pool, asked = Pool("sso", 2, waiting, seconds), list[str]()
    with filled(pool), pytest.raises(PoolFull):
        asyncio.run(pool.run(asked.append, "done"))
    assert asked == []
    assert pool.load == Load(0, 0, 2)


def test_a_place_that_is_given_away_while_its_waiter_gives_up_is_not_lost() -> None:
    pool = Pool("sso", 1, 1, 60.0)

    async def given_up() -> None:
        with filled(pool) as over:
            waiter = asyncio.ensure_future(pool.run(int))
            await asyncio.to_thread(eventually, lambda: pool.load.waiting)
            waiter.cancel()
            over.set()
            eventually(lambda: pool.load.waiting == 0)  # nobody has run since: it has the place, and does not know
            with pytest.raises(asyncio.CancelledError):
                await waiter

    asyncio.run(given_up())
    eventually(lambda: pool.load.working == 0)


def test_whoever_asked_may_be_gone_and_the_place_is_free_only_when_the_work_has_ended() -> None:
    pool, over = Pool("sso", 1), threading.Event()

    async def gone() -> None:
        asked = asyncio.ensure_future(pool.run(over.wait))
        await asyncio.to_thread(eventually, lambda: pool.load.working)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(gone())
    assert pool.load.working == 1
    over.set()
    eventually(lambda: pool.load.working == 0)


def test_the_log_is_told_when_it_begins_to_be_full_and_not_each_time() -> None:
    pool = Pool("sso", 1)

    def refused() -> None:
        with pytest.raises(PoolFull):
            asyncio.run(pool.run(int))

    with capture_logs() as told:
        for _ in range(2):
            with filled(pool):
                refused()
                refused()
            asyncio.run(pool.run(int))
            eventually(lambda: pool.load.working == 0)
    assert told == [{"event": "pool-full", "kind": "sso", "log_level": "warning"}] * 2


def test_every_kind_is_somebody_s() -> None:
    kinds = {*loads_of(Pools()), *loads_of(StaffPools()), "survey"}
    assert kinds == set(KINDS)
