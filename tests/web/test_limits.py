"""Tries counted in a sliding window, on a real Redis."""

from concurrent.futures import ThreadPoolExecutor

from app.stores import Stores
from web.limits import Limit, give_back, seconds_to_wait

THREE = Limit("test", 3, 60)
NOW = 1_800_000_000.0


def test_so_many_tries_are_let_through_and_the_next_one_is_told_when(stores: Stores) -> None:
    waits = [seconds_to_wait(stores.state, THREE, "a", now=NOW + at) for at in (0, 10, 20, 30)]
    assert waits == [0, 0, 0, 30]


def test_the_window_slides(stores: Stores) -> None:
    for at in (0, 10, 20):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 59.5) == 1
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 60) == 0
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 61) == 9


def test_a_clock_that_is_set_back_locks_nobody_out(stores: Stores) -> None:
    for at in (0, 10, 20):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW - 3600) == 0


def test_refused_tries_do_not_count(stores: Stores) -> None:
    for at in range(50):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 60) == 0


def test_to_look_whether_a_try_is_let_through_counts_none(stores: Stores) -> None:
    for _ in range(50):
        assert seconds_to_wait(stores.state, THREE, "a", now=NOW, count=False) == 0
    assert [seconds_to_wait(stores.state, THREE, "a", now=NOW + at) for at in (0, 10, 20)] == [0, 0, 0]
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 30, count=False) == 30


def test_one_does_not_count_for_another(stores: Stores) -> None:
    for _ in range(4):
        seconds_to_wait(stores.state, THREE, "a")
    assert seconds_to_wait(stores.state, THREE, "b") == 0
    assert seconds_to_wait(stores.state, Limit("other", 3, 60), "a") == 0


def test_what_is_counted_ends_with_its_window(stores: Stores) -> None:
    seconds_to_wait(stores.state, THREE, "a")
    assert [stores.state.ttl(name) for name in stores.state.scan_iter()] == [60]


def test_tries_at_the_same_moment_are_counted_each(stores: Stores) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: seconds_to_wait(stores.state, THREE, "a"), range(40)))
    assert waits.count(0) == 3


def test_a_try_given_back_has_not_counted(stores: Stores) -> None:
    for _ in range(3):
        seconds_to_wait(stores.state, THREE, "a")
    give_back(stores.state, THREE, "a")
    assert [seconds_to_wait(stores.state, THREE, "a") > 0 for _ in range(2)] == [False, True]
