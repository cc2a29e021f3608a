"""Verification: whatever is done to the log, it is found, and where."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from audit_chains import NOVEMBER, Lines, again, chain, judged, laid, lay, stored
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from jobs import audit
from jobs.audit import Act, Checkpoint, Entry, Flaw, Kind
from jobs.audit.check import MOST_FLAWS
from jobs.audit.entry import BEGINNING
from jobs.audit.places import NEWEST, OPEN, end_date
from jobs.audit.shelf import MAC_LETTERS

DAY = 86400
TIMES = [NOVEMBER - 35 * DAY, NOVEMBER - 34 * DAY, *(NOVEMBER - 7 + n for n in range(7))]
CHAIN = chain(TIMES)
LINES = laid(CHAIN)
LAST = CHAIN[-1]
NEWEST_LINE = stored(LAST)
FIELDS = ["act", "actor", "at", "code", "migration", "nonce", "number", "previous", "previous_at"]


def flaws(lines: Lines, head: str | None = NEWEST_LINE, *checkpoints: Checkpoint) -> list[Flaw]:
    return list(judged(lines, head, *checkpoints).flaws)


def test_a_log_without_entries_holds(redis: Redis) -> None:
    verdict = audit.verify(redis, checkpoints=[Checkpoint(0, BEGINNING)])
    assert verdict.holds
    assert (verdict.first, verdict.last) == (0, 0)
    assert verdict.confirmed == (Checkpoint(0, BEGINNING),)


def test_a_log_as_it_was_written_holds_with_all_its_checkpoints(redis: Redis) -> None:
    made = chain([int(time.time())] * 5)
    lay(redis, made)
    points = [Checkpoint(0, BEGINNING), *(entry.checkpoint for entry in made)]
    verdict = audit.verify(redis, checkpoints=points)
    assert verdict.holds
    assert (verdict.first, verdict.last, verdict.count) == (1, 5, 0)
    assert set(verdict.confirmed) == set(points)


def spoilt(line: str, at: int) -> str:
    return line[:at] + ("0" if line[at] != "0" else "1") + line[at + 1 :]


@pytest.mark.parametrize("number", [1, 3, 5, len(CHAIN)])
@pytest.mark.parametrize("field", FIELDS)
def test_one_byte_of_a_field_is_flipped(redis: Redis, field: str, number: int) -> None:
    made = chain([int(time.time()) - 20 + n for n in range(len(CHAIN))])
    lay(redis, made)
    line = stored(made[number - 1])
    place = line.index(f'"{field}":') + len(field) + 4
    redis.lset(OPEN, number - 1, spoilt(line, place))
    assert audit.verify(redis).flaws[0] == Flaw(number, Kind.CHANGED)


@pytest.mark.parametrize("number", [1, 4, len(CHAIN)])
def test_any_one_byte_is_flipped(number: int) -> None:
    key, line = LINES[number - 1]
    for place in range(len(line)):
        found = flaws([*LINES[: number - 1], (key, spoilt(line, place)), *LINES[number:]])
        assert found[0] == Flaw(number, Kind.FORGED if place <= MAC_LETTERS else Kind.CHANGED), place


def test_every_byte_of_the_log_was_altered() -> None:
    verdict = judged([(key, line[::-1]) for key, line in LINES], NEWEST_LINE)
    assert [flaw.number for flaw in verdict.flaws[: len(LINES)]] == list(range(1, len(LINES) + 1))
    assert (verdict.first, verdict.last) == (1, len(LINES))


@pytest.mark.parametrize("number", range(1, len(CHAIN)))
def test_an_entry_was_dropped(number: int) -> None:
    found = flaws(LINES[: number - 1] + LINES[number:])
    assert found == [Flaw(number, Kind.EARLY if number == 1 else Kind.MISSING)]


@pytest.mark.parametrize("number", range(1, len(CHAIN)))
def test_two_entries_were_turned_round(number: int) -> None:
    turned = [*LINES[: number - 1], LINES[number], LINES[number - 1], *LINES[number + 1 :]]
    assert flaws(turned)[0].number == number


@pytest.mark.parametrize("number", range(1, len(CHAIN)))
def test_an_entry_was_put_in_twice(number: int) -> None:
    assert flaws(LINES[:number] + LINES[number - 1 :])[0] == Flaw(number + 1, Kind.MISPLACED)


@pytest.mark.parametrize("number", range(1, len(CHAIN)))
def test_a_forged_entry_was_put_in(number: int) -> None:
    before = CHAIN[number - 1]
    forged = laid(chain([before.at], number + 1, before.hash, before.at))
    assert flaws(LINES[:number] + forged + LINES[number:])[0] == Flaw(number + 2, Kind.MISPLACED)


@pytest.mark.parametrize("kept", range(1, len(CHAIN)))
def test_the_end_was_cut_off(kept: int) -> None:
    assert flaws(LINES[:kept]) == [Flaw(kept + 1, Kind.CUT)]


def test_every_list_was_removed_but_not_the_head() -> None:
    assert flaws([]) == [Flaw(1, Kind.CUT)]
    assert flaws([], "") == [Flaw(0, Kind.HEAD_DIFFERS)]


def test_the_head_was_removed() -> None:
    assert flaws(LINES, None) == [Flaw(len(CHAIN), Kind.HEAD_LOST)]


@pytest.mark.parametrize("head", ["", NEWEST_LINE.replace("opened", "paused"), stored(CHAIN[2])])
def test_the_head_is_another_than_the_newest_entry(head: str) -> None:
    assert flaws(LINES, head) == [Flaw(len(CHAIN), Kind.HEAD_DIFFERS)]


def test_an_entry_behind_the_head_was_put_in() -> None:
    more = laid(chain([LAST.at], LAST.number + 1, LAST.hash, LAST.at))
    assert flaws(LINES + more) == [Flaw(len(CHAIN) + 1, Kind.HEAD_DIFFERS)]


@pytest.mark.parametrize("number", range(1, len(CHAIN)))
def test_one_entry_was_written_anew_with_a_right_hash(number: int) -> None:
    forged = laid(again(CHAIN, number, act=Act.PAUSED))[number - 1]
    assert flaws([*LINES[: number - 1], forged, *LINES[number:]]) == [Flaw(number + 1, Kind.UNTIED)]


def test_a_time_that_does_not_fit_the_one_before_is_found() -> None:
    later = chain([LAST.at], LAST.number + 1, LAST.hash, LAST.at - 1)[0]
    assert flaws([*LINES, *laid([later])], stored(later)) == [Flaw(later.number, Kind.UNTIED)]


def test_a_first_entry_that_names_one_before_it_is_found() -> None:
    first = chain([NOVEMBER], 1, CHAIN[0].hash, NOVEMBER)
    assert flaws(laid(first), stored(first[0])) == [Flaw(1, Kind.UNTIED)]


def test_a_later_entry_that_names_none_before_it_is_found() -> None:
    later = chain([NOVEMBER], 7)
    assert flaws(laid(later), stored(later[0])) == [Flaw(7, Kind.UNTIED)]


def test_an_entry_was_moved_to_another_days_file() -> None:
    moved = [(LINES[0][0], line) for _, line in LINES]
    assert flaws(moved) == [Flaw(number, Kind.MISFILED) for number in range(2, len(LINES) + 1)]


def test_a_verdict_names_some_flaws_and_counts_all() -> None:
    many = chain([NOVEMBER] * 100)
    verdict = judged([(key, spoilt(line, 0)) for key, line in laid(many)], None, Checkpoint(500, BEGINNING))
    assert len(verdict.flaws) == MOST_FLAWS
    assert verdict.count == 102


def test_a_day_that_has_ended_by_its_time_is_not_missed() -> None:
    verdict = judged(LINES[2:], NEWEST_LINE, now=end_date(CHAIN[1].at))
    assert verdict.holds
    assert (verdict.first, verdict.last) == (3, len(CHAIN))


def test_a_day_that_went_a_second_too_early_is_missed() -> None:
    verdict = judged(LINES[2:], NEWEST_LINE, now=end_date(CHAIN[1].at) - 1)
    assert verdict.flaws == (Flaw(2, Kind.EARLY),)


def test_checkpoints_of_entries_that_have_ended_cannot_be_confirmed() -> None:
    asked = [entry.checkpoint for entry in CHAIN]
    verdict = judged(LINES[2:], NEWEST_LINE, *asked, now=end_date(CHAIN[1].at))
    assert verdict.out_of_reach == (asked[0],)
    assert set(verdict.confirmed) == set(asked[1:])  # the first entry kept still holds the hash of the one before
    assert not verdict.holds


def test_a_checkpoint_of_no_entry_at_all_is_found_out() -> None:
    assert flaws(LINES, NEWEST_LINE, Checkpoint(0, "f" * 64)) == [Flaw(0, Kind.REWRITTEN)]


def test_a_log_that_was_removed_whole_is_found_by_a_checkpoint_alone() -> None:
    assert judged([], None).holds
    assert flaws([], None, CHAIN[3].checkpoint) == [Flaw(4, Kind.BEHIND)]


@pytest.mark.parametrize("number", range(1, len(CHAIN) + 1))
def test_a_log_written_anew_from_an_entry_on_is_found_by_a_checkpoint_alone(redis: Redis, number: int) -> None:
    made = chain([int(time.time())] * len(CHAIN))
    forged = again(made, number, act=Act.PAUSED)
    lay(redis, forged)
    assert audit.verify(redis).holds
    for entry in made:
        verdict = audit.verify(redis, checkpoints=[entry.checkpoint])
        assert verdict.flaws == ((Flaw(entry.number, Kind.REWRITTEN),) if entry.number >= number else ())


def test_a_log_cut_off_together_with_its_head_is_found_by_a_checkpoint_alone() -> None:
    assert judged(LINES[:5], stored(CHAIN[4])).holds
    assert flaws(LINES[:5], stored(CHAIN[4]), LAST.checkpoint) == [Flaw(LAST.number, Kind.BEHIND)]


@pytest.mark.parametrize("name", [NEWEST, OPEN, "audit:inbox:other"])
def test_a_key_of_another_type_is_an_error_and_not_a_sound_log(redis: Redis, name: str) -> None:
    lay(redis, chain([int(time.time())]))
    redis.delete(name)
    redis.hset(name, "a", "b")
    redis.expire(name, 60)
    with pytest.raises(RedisError):
        audit.verify(redis)


@dataclass(frozen=True)
class Deed:
    """One thing an attacker does to the lines, or None for the head."""

    what: str
    place: int
    other: int

    def do(self, lines: Lines) -> Lines:
        if not lines:
            return lines
        i, j = self.place % len(lines), self.other % len(lines)
        key, line = lines[i]
        done: dict[str, Callable[[], Lines]] = {
            "flip": lambda: [*lines[:i], (key, spoilt(line, self.other % max(1, len(line)))), *lines[i + 1 :]],
            "drop": lambda: lines[:i] + lines[i + 1 :],
            "swap": lambda: [lines[j] if n == i else lines[i] if n == j else row for n, row in enumerate(lines)],
            "double": lambda: [*lines[:j], lines[i], *lines[j:]],
            "cut": lambda: lines[:i],
            "move": lambda: [*lines[:i], ("2026-12-01", line), *lines[i + 1 :]],
            "garbage": lambda: [*lines[:i], (key, str(self.other)), *lines[i:]],
        }
        return done[self.what]()


DEEDS = st.builds(
    Deed,
    st.sampled_from(["flip", "drop", "swap", "double", "cut", "move", "garbage"]),
    st.integers(0, 400),
    st.integers(0, 400),
)


@settings(max_examples=400)
@given(st.lists(DEEDS, min_size=1, max_size=6), st.sampled_from([NEWEST_LINE, None, stored(CHAIN[4])]))
def test_no_mixture_of_deeds_passes_for_the_log(deeds: list[Deed], head: str | None) -> None:
    lines = LINES
    for deed in deeds:
        lines = deed.do(lines)
    untouched = lines in (LINES, LINES[:5]) and head == (lines[-1][1])
    emptied = not lines and head is None
    assert judged(lines, head).holds == (untouched or emptied)
    assert judged(lines, head, LAST.checkpoint).holds == (lines == LINES and head == NEWEST_LINE)


@settings(max_examples=200)
@given(st.integers(1, len(CHAIN)), st.integers(1, len(CHAIN)), st.sampled_from([a for a in Act if a != Act.OPENED]))
def test_a_right_chain_of_other_entries_passes_no_later_checkpoint(number: int, taken: int, act: Act) -> None:
    forged: list[Entry] = again(CHAIN, number, act=act)
    assert judged(laid(forged), stored(forged[-1]), CHAIN[taken - 1].checkpoint).holds == (taken < number)
