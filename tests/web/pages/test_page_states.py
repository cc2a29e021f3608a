"""Every state has its words, and offers what its state allows."""

from itertools import product

import pytest
from scenes import HOST, NOW, migration, progress, report

from jobs.migration import ENDS, TRANSITIONS, Migration, State
from jobs.retention import EXPIRE_SECONDS
from migrator.errors import MigrationError, Permanent, Waiting
from web.views import states
from web.views.progress import Running, actions_of, running, standing_of, words_of
from web.views.wording import Moment, plain

NEVER_FAILED = {"folder-refused", "message-refused", "message-gone", "lease-lost"}
"""Permanent errors that never are why an import ended."""
WORDED_ELSEWHERE = {"reconnect-needed", "google-client-refused"}
"""Permanent errors that have words as a pause, or while an import waits."""


def page(record: Migration) -> Running:
    told = report(record.state, left=100)
    return running(HOST, record, told, progress(told), NOW)


def leaves(kind: type[MigrationError]) -> set[str]:
    return {leaf.code for leaf in kind.__subclasses__()}


def test_every_reason_to_wait_has_words_of_its_own() -> None:
    assert leaves(Waiting) <= states.WAITING.keys()


def test_every_reason_to_fail_has_words_of_its_own() -> None:
    assert leaves(Permanent) - NEVER_FAILED - WORDED_ELSEWHERE <= states.FAILED.keys()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("reason", ["", "never-heard-of", "asked", "google-quota"])
def test_every_state_has_words_whatever_its_reason(state: State, reason: str) -> None:
    words = words_of(migration(state, reason=reason, phase=State.COPYING))
    assert words.tone in states.BADGES
    assert words.headline


def test_an_import_that_waits_says_when_it_goes_on() -> None:
    standing = standing_of(HOST, migration(State.WAITING, reason="google-quota", until=NOW + 1500), NOW)
    assert standing.headline == "Google asked us to slow down"
    assert plain(standing.then) == "We go on at 2:20\u202fPM UTC by ourselves."


def test_a_time_that_has_passed_is_told_as_now() -> None:
    standing = standing_of(HOST, migration(State.WAITING, reason="google-quota", until=NOW - 60), NOW)
    assert [piece.iso for piece in standing.then if isinstance(piece, Moment)] == ["2026-11-22T13:55:00+00:00"]


def test_a_paused_import_says_until_when_its_place_is_kept() -> None:
    record = migration(State.PAUSED, reason="asked", progress_at=NOW - EXPIRE_SECONDS + 600)
    assert "2:05" in plain(standing_of(HOST, record, NOW).then)


def test_the_reason_of_a_full_mailbox_names_who_can_help() -> None:
    standing = standing_of(HOST, migration(State.WAITING, reason="mailbox-full", until=NOW + 60), NOW)
    assert standing.tone == "yours"
    assert "Example Mail" in plain(standing.then)


def test_what_only_we_can_put_right_comes_with_its_code() -> None:
    ours = standing_of(HOST, migration(State.FAILED, reason="out-of-memory", resumable=True), NOW)
    theirs = standing_of(HOST, migration(State.FAILED, reason="login-refused", resumable=True), NOW)
    assert (ours.code, theirs.code) == ("out-of-memory", "")


@pytest.mark.parametrize(("state", "wish"), list(product(State, ["", "pause", "cancel"])))
def test_no_page_offers_what_the_table_of_states_forbids(state: State, wish: str) -> None:
    may = actions_of(migration(state, phase=State.COPYING, wish=wish, reason="asked"))
    assert ("pause" not in may) or State.PAUSED in TRANSITIONS[state]
    assert not may or state not in ENDS
    assert wish != "cancel" or not may & {"cancel", "pause"}


def test_what_is_finishing_can_be_neither_paused_nor_cancelled() -> None:
    for state in (State.FINISHING, State.WAITING):
        assert not actions_of(migration(state, phase=State.FINISHING)) & {"pause", "cancel"}


@pytest.mark.parametrize(
    ("record", "actions"),
    [
        (migration(), {"pause", "cancel"}),
        (migration(State.WAITING, reason="google-quota"), {"resume", "pause", "cancel"}),
        (migration(State.WAITING, phase=State.VERIFYING, reason="failed-messages"), {"retry", "finish", "cancel"}),
        (migration(State.PAUSED, reason="asked"), {"resume", "cancel"}),
        (migration(State.PAUSED, reason="reconnect-needed"), {"reconnect", "cancel"}),
        (migration(State.PAUSED, reason="key-lost"), {"reconnect", "cancel"}),
        (migration(State.PAUSED, reason="login-refused"), {"enter", "resume", "cancel"}),
        (migration(State.PAUSED, reason="not-started"), {"start", "cancel"}),
        (migration(State.FAILED, reason="login-refused", resumable=True), {"resume", "cancel"}),
        (migration(State.FAILED, reason="key-lost"), {"cancel"}),
        (migration(State.DONE), set()),
    ],
)
def test_each_state_offers_its_next_steps(record: Migration, actions: set[str]) -> None:
    assert actions_of(record) == actions


def test_a_held_import_says_how_many_messages_a_retry_may_bring() -> None:
    held = migration(State.WAITING, phase=State.VERIFYING, reason="failed-messages", until=NOW + 60)
    told = report(held.state, failures={"read-only": 1, "refused": 10, "too-large": 5})
    standing = running(HOST, held, told, progress(told), NOW).standing
    assert (standing.tone, standing.headline) == ("yours", "11 messages could not be copied")


def test_the_whole_page_is_loaded_again_when_its_buttons_change() -> None:
    records = [
        migration(),
        migration(wish="pause"),
        migration(State.PAUSED, reason="asked"),
        migration(State.VERIFYING),
    ]
    assert len({page(record).key for record in records}) == len(records)


def test_you_can_close_the_page_unless_the_import_waits_for_you() -> None:
    assert page(migration()).by_itself
    assert page(migration(State.WAITING, reason="mailbox-full")).by_itself
    assert not page(migration(State.PAUSED, reason="reconnect-needed")).by_itself
    assert not page(migration(State.FAILED, reason="login-refused")).by_itself


def test_pace_and_time_left_are_told_only_while_it_moves() -> None:
    told = report(left=18_998)
    moving = running(HOST, migration(), told, progress(told), NOW).bar
    waiting = running(HOST, migration(State.WAITING, reason="google-quota"), told, progress(told), NOW).bar
    assert (moving.words, moving.percent) == ("11,502 of 30,500 messages", "37%")
    assert (moving.left, moving.pace) == ("1 to 2 hours left", "4.8 messages and 432 kB a second")
    assert (waiting.left, waiting.pace) == ("", "")
