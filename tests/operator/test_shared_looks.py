"""What all screens share: one look for all of them, no more often than said, and long looks in the background."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from web.operator import fresh as module
from web.operator.fresh import Fresh
from web.operator.slow import Slow


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until a test moves it."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_what_was_seen_a_moment_ago_is_not_looked_for_again(clock: list[float]) -> None:
    fresh, numbers = Fresh(2), count(1)
    seen = []
    for at in (0.0, 1.9, 2.1, 3.0, 4.2):
        clock[0] = 100 + at
        seen.append(fresh.look("a", lambda: next(numbers)))
    assert seen == [1, 1, 2, 2, 3]


def test_a_long_look_is_kept_four_times_as_long_as_it_took(clock: list[float]) -> None:
    fresh, numbers = Fresh(2), count(1)

    def slowly() -> int:
        clock[0] += 3
        return next(numbers)

    assert fresh.look("a", slowly) == 1
    clock[0] += 11.9
    assert fresh.look("a", slowly) == 1
    clock[0] += 0.2
    assert fresh.look("a", slowly) == 2


def test_what_is_too_old_is_not_held_any_longer(clock: list[float]) -> None:
    fresh = Fresh(2)
    for number in range(10):
        fresh.look(number, lambda: "large")
    clock[0] += 3
    fresh.look("another", lambda: "large")
    assert len(fresh._seen) == 1


def test_of_many_who_ask_at_once_one_looks_and_all_are_told() -> None:
    fresh, numbers, gate = Fresh(60), count(1), threading.Barrier(8)

    def ask() -> int:
        gate.wait(30)
        return fresh.look("a", lambda: next(numbers))

    with ThreadPoolExecutor(8) as pool:
        assert {future.result(30) for future in [pool.submit(ask) for _ in range(8)]} == {1}


def test_a_look_that_failed_is_taken_again() -> None:
    fresh = Fresh(60)
    with pytest.raises(ZeroDivisionError):
        fresh.look("a", lambda: 1 / 0)
    assert fresh.look("a", lambda: 7) == 7


def test_a_slow_look_is_taken_once_at_a_time_and_kept_meanwhile() -> None:
    numbers, go = count(1), threading.Event()

    def find() -> int:
        go.wait(30)
        return next(numbers)

    slow = Slow("test", find, 3600)
    assert slow.look() is None
    assert slow.look(anew=True) is None
    assert slow.is_looking
    go.set()
    slow.wait(30)
    first = slow.look()
    assert first
    assert first.what == 1
    slow.look(anew=True)
    slow.wait(30)
    assert slow.last
    assert slow.last.what == 2


def test_a_slow_look_that_failed_leaves_what_was_found_before() -> None:
    answers = iter([7])
    slow = Slow("test", lambda: next(answers), 0)
    for _ in range(2):
        slow.look()
        slow.wait(30)
    assert slow.last
    assert slow.last.what == 7
    assert not slow.is_looking
