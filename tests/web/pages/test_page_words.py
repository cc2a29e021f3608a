"""Numbers, spans, times and names as they are told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.quota import PROFILES
from web.views.check import Counted, fit_of
from web.views.estimate import estimate
from web.views.language import Language, speaking
from web.views.wording import Name, duration_range, moment, number, percent, plain, size, size_range, text, visible

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("best", "worst", "words"),
    [
        (0, 90, "less than 2 minutes"),
        (30, 130, "1 to 3 minutes"),
        (420, 840, "7 to 15 minutes"),
        (1500, 1500, "about 25 minutes"),
        (66 * 60, 68 * 60, "1 to 2 hours"),
        (70 * 60, 30 * HOUR, "1 hour to 2 days"),
        (22 * HOUR, 21 * DAY, "22 hours to 21 days"),
        (2 * DAY, 2 * DAY, "about 2 days"),
    ],
)
def test_a_range_of_time_is_said_no_finer_than_it_is_known(best: float, worst: float, words: str) -> None:
    assert duration_range(best, worst) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (0, "0 kB"),
        (1, "0 kB"),
        (9_960, "10 kB"),
        (1.5e6, "1.5 MB"),
        (173.4e6, "173 MB"),
        (31e9, "31 GB"),
        (5e12, "5,000 GB"),
    ],
)
def test_sizes_are_told_as_hosts_sell_them(octets: float, words: str) -> None:
    assert size(octets) == words


def test_a_range_of_sizes_names_its_unit_once() -> None:
    assert size_range(1.9e9, 3.2e9) == "1.9 to 3.2 GB"
    assert size_range(900e6, 3.2e9) == "900 MB to 3.2 GB"
    assert size_range(3e9, 3e9) == "about 3 GB"


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_hundred_percent_means_all(done: int, total: int) -> None:
    done = min(done, total)
    assert (percent(done, total) == "100%") == (done == total)


def test_a_moment_of_another_day_names_the_day() -> None:
    now = datetime(2026, 11, 22, 23, 50, tzinfo=UTC).timestamp()
    assert moment(now, now).text == "11:50\u202fPM UTC"
    assert moment(now + 1200, now).text == "Nov 23, 2026, 12:10\u202fAM UTC"
    assert moment(now, now).iso == "2026-11-22T23:50:00+00:00"


def test_numbers_and_times_follow_the_language_and_its_zone() -> None:
    now = datetime(2026, 11, 22, 23, 50, tzinfo=UTC).timestamp()
    with speaking(Language("de", zone=timezone(timedelta(hours=1), "MEZ"))):
        assert number(1_234_567) == "1.234.567"
        assert moment(now, now).text == "00:50 MEZ"
    assert number(1_234_567) == "1,234,567"


def test_values_in_a_sentence_stay_pieces_of_their_own() -> None:
    pieces = text("From {who} to {host}", who=Name("<b>"), host="X {who}")
    assert pieces == ("From ", Name("<b>"), " to ", "X {who}")
    assert plain(pieces) == "From <b> to X {who}"


@given(st.text())
def test_every_character_of_a_name_can_be_seen_or_is_named(name: str) -> None:
    assert all(c.isprintable() or c in "\u200c\u200d" for c in visible(name))
    assert not {c for c in name if c.isprintable()} - set(visible(name))


def test_emoji_families_stay_together() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert visible(family) == family


def test_googles_pace_is_the_best_case_and_its_bytes_a_day_may_be_the_worst() -> None:
    small, large = estimate(3_000, 3e8, PROFILES["new"]), estimate(100_000, 1e10, PROFILES["new"])
    assert (small.pace, small.best, small.worst, small.limit) == (5.0, 600.0, 1200.0, "pace")
    assert (large.best, large.worst, large.limit) == (20_000.0, 4 * DAY, "bytes")
    assert estimate(3_000, 3e8, PROFILES["legacy"]).best == 60.0


@given(st.integers(0, 10**7), st.integers(0, 10**13), st.sampled_from(sorted(PROFILES)))
def test_the_best_case_is_never_worse_than_the_worst(messages: int, octets: int, profile: str) -> None:
    guess = estimate(messages, octets, PROFILES[profile])  # type: ignore[index]
    assert 0 <= guess.best <= guess.worst


@pytest.mark.parametrize(
    ("free", "fit"), [(None, "unknown"), (300, "fits"), (299, "tight"), (100, "tight"), (99, "too-small")]
)
def test_what_fits_is_told_by_both_ends_of_the_range(free: int | None, fit: str) -> None:
    assert fit_of(Counted(1, 1, 100, 300, free)) == fit
