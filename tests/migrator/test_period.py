from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.period import day_of, is_before, midnight, surely_before, years_before

TODAY = date(2026, 11, 22)
days = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("period", "first_day"),
    [("all", ""), ("1y", "2025-11-22"), ("3y", "2023-11-22"), ("5y", "2021-11-22"), ("2020-02-29", "2020-02-29")],
)
def test_a_period_begins_on_a_day(period: str, first_day: str) -> None:
    assert day_of(period, TODAY) == first_day


@pytest.mark.parametrize("period", ["", "2y", "ALL", "yesterday", "2021-02-29", "1y ", "-1y"])
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|out of range"):
        day_of(period, TODAY)


def test_a_leap_day_has_the_day_before_it_in_other_years() -> None:
    assert [years_before(date(2024, 2, 29), years) for years in (1, 4)] == ["2023-02-28", "2020-02-29"]


def test_a_day_begins_at_midnight_in_utc() -> None:
    first = int(datetime(2023, 11, 22, tzinfo=UTC).timestamp() * 1000)
    assert midnight("2023-11-22") * 1000 == first
    assert [is_before(at, "2023-11-22") for at in (first - 1, first, first + 1)] == [True, False, False]


@pytest.mark.parametrize("arrived", [0, -(10**12), 10**13])
def test_nothing_is_older_than_all_mail(arrived: int) -> None:
    assert not is_before(arrived, "")


@given(days, st.integers(-(10**12), 5 * 10**12))
def test_what_the_search_leaves_out_is_older_than_the_period(day: date, arrived: int) -> None:
    """The other way round it need not be: near the first day the message itself is asked."""
    limit = int(surely_before(day.isoformat()).removeprefix("before:"))
    assert limit == midnight((day - timedelta(days=1)).isoformat())
    if arrived < limit * 1000:
        assert is_before(arrived, day.isoformat())
