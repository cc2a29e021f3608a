import pytest

from jobs.progress import WINDOW_SECONDS, Rate, Sample, eta_of, progress_of, rate_of

STEADY = [Sample(at, at * 5, at * 50_000) for at in range(0, 61, 2)]


def test_a_steady_pace_gives_one_time() -> None:
    assert rate_of(STEADY) == Rate(5.0, 50_000.0)
    assert eta_of(STEADY, 500) == (100.0, 100.0)


def test_a_changing_pace_gives_a_range_from_the_fastest_to_the_slowest_third() -> None:
    slowing = [Sample(0, 0, 0), Sample(20, 200, 1), Sample(40, 300, 2), Sample(60, 350, 3)]
    best, worst = eta_of(slowing, 100) or (0, 0)
    assert best == pytest.approx(100 / 10)
    assert worst == pytest.approx(100 / 2.5)


def test_known_bytes_widen_the_range() -> None:
    assert eta_of(STEADY, 500, bytes_left=50_000_000) == (100.0, 1000.0)


def test_nothing_is_promised_from_a_few_seconds() -> None:
    assert rate_of(STEADY[:2]) is None
    assert eta_of(STEADY[:2], 10) is None
    assert eta_of([], 10) is None


def test_nothing_is_promised_during_a_standstill() -> None:
    stuck = [*STEADY, *(Sample(at, 300, 3_000_000) for at in range(62, 122, 2))]
    assert eta_of(stuck, 10) is None


def test_only_the_last_five_minutes_count() -> None:
    slow = [Sample(at, at, at) for at in range(0, 1000, 10)]
    fast = [Sample(1000 + at, 1000 + 10 * at, at) for at in range(0, int(WINDOW_SECONDS) + 1, 10)]
    assert rate_of([*slow, *fast]) == Rate(10.0, 1.0)


def test_nothing_left_takes_no_time() -> None:
    assert eta_of([], 0) == (0.0, 0.0)


def test_progress_counts_what_is_left_from_the_outcomes() -> None:
    progress = progress_of(400, {"copied": 290, "skipped (chat)": 10}, STEADY)
    assert progress.left == 100
    assert progress.bytes == 3_000_000
    assert progress.eta_seconds == (20.0, 20.0)
