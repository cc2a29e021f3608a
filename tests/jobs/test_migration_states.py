from collections.abc import Callable

import pytest
from redis import Redis

from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import ENDS, HISTORY_LENGTH, PHASES, TRANSITIONS, Migration, State, may_become, new_id
from jobs.requests import cancel, create, history, migration_ids, pause, read, resume
from jobs.slice import SliceEnd, advance, again, ended, failed, paused, wait
from jobs.tickets import claim, make_ready, release

IN_AN_HOUR = 4_000_000_000.0


def step(redis: Redis, migration_id: str, end: SliceEnd) -> State:
    """Do a slice of the only ready migration."""
    claimed = claim(redis, 10)
    assert claimed is not None
    assert claimed.id == migration_id
    return release(redis, claimed.id, claimed.token, end)


def brought_to(redis: Redis, state: State) -> Migration:
    """Make a migration and lead it to a state, by legal steps."""
    migration = create(redis, "acme")
    ways: dict[State, list[SliceEnd]] = {
        State.PLANNING: [],
        State.COPYING: [advance(State.COPYING)],
        State.VERIFYING: [advance(State.VERIFYING)],
        State.FINISHING: [advance(State.FINISHING)],
        State.WAITING: [wait(IN_AN_HOUR, "google-quota")],
        State.PAUSED: [paused("reconnect-needed")],
        State.FAILED: [failed("login-refused", resumable=True)],
        State.DONE: [advance(State.FINISHING), ended(State.DONE)],
        State.DONE_WITH_EXCEPTIONS: [advance(State.FINISHING), ended(State.DONE_WITH_EXCEPTIONS)],
        State.CANCELLED: [advance(State.FINISHING), ended(State.CANCELLED)],
        State.EXPIRED: [advance(State.FINISHING), ended(State.EXPIRED)],
    }
    for end in ways[state]:
        step(redis, migration.id, end)
    found = read(redis, migration.id)
    assert found.state is state
    return found


def test_the_table_names_every_state_and_nothing_follows_an_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {state for state, after in TRANSITIONS.items() if not after} == ENDS


def test_ends_are_reached_from_finishing_alone() -> None:
    for end in ENDS:
        assert {state for state in State if may_become(state, end)} == {State.FINISHING}


def test_from_every_state_but_the_ends_finishing_can_be_reached() -> None:
    for state in set(State) - ENDS - {State.FINISHING}:
        assert may_become(state, State.FINISHING)


@pytest.mark.parametrize("state", sorted(PHASES))
@pytest.mark.parametrize("after", sorted(State))
def test_a_slice_can_take_exactly_the_steps_of_the_table(redis: Redis, state: State, after: State) -> None:
    migration = brought_to(redis, state)
    ends = {
        State.WAITING: wait(IN_AN_HOUR, "google-quota"),
        State.PAUSED: paused("reconnect-needed"),
        State.FAILED: failed("login-refused", resumable=False),
    }
    end = ends.get(after) or (ended(after) if after in ENDS else advance(after))
    if after is state or may_become(state, after):
        assert step(redis, migration.id, end) is after
        return
    with pytest.raises(IllegalTransition, match=f"{state} cannot become {after}") as caught:
        step(redis, migration.id, end)
    assert (caught.value.before, caught.value.after) == (state, after)
    assert read(redis, migration.id).state is state


@pytest.mark.parametrize("state", [State.WAITING, State.PAUSED, State.FAILED])
@pytest.mark.parametrize("phase", [State.PLANNING, State.COPYING, State.VERIFYING])
def test_resume_goes_back_to_the_phase_and_makes_it_ready(redis: Redis, state: State, phase: State) -> None:
    migration = brought_to(redis, phase)
    ends = {
        State.WAITING: wait(IN_AN_HOUR, "google-quota"),
        State.PAUSED: paused("reconnect-needed"),
        State.FAILED: failed("login-refused", resumable=True),
    }
    step(redis, migration.id, ends[state])
    assert read(redis, migration.id).phase is phase
    assert claim(redis, 10) is None
    assert resume(redis, migration.id).state is phase
    assert step(redis, migration.id, again()) is phase


def test_what_failed_for_good_is_not_resumed(redis: Redis) -> None:
    migration = brought_to(redis, State.PLANNING)
    step(redis, migration.id, failed("google-refused", resumable=False))
    with pytest.raises(IllegalTransition, match="failed cannot become planning"):
        resume(redis, migration.id)


@pytest.mark.parametrize("state", [State.PLANNING, State.COPYING, State.VERIFYING, State.WAITING])
def test_pause_takes_a_migration_without_a_slice_out_of_the_queues(redis: Redis, state: State) -> None:
    migration = brought_to(redis, state)
    assert pause(redis, migration.id).state is State.PAUSED
    assert pause(redis, migration.id).reason == "asked"
    assert not make_ready(redis, migration.id)
    assert redis.exists("jobs:due", "jobs:ring", "jobs:ready:acme") == 0
    assert claim(redis, 10) is None


@pytest.mark.parametrize("state", [State.FINISHING, State.FAILED, *sorted(ENDS)])
def test_what_fails_ends_or_has_ended_is_not_paused(redis: Redis, state: State) -> None:
    migration = brought_to(redis, state)
    with pytest.raises(IllegalTransition, match=f"{state} cannot become paused"):
        pause(redis, migration.id)


def test_discarding_is_not_paused_even_while_it_waits(redis: Redis) -> None:
    migration = brought_to(redis, State.FINISHING)
    step(redis, migration.id, wait(IN_AN_HOUR, "google-down"))
    with pytest.raises(IllegalTransition):
        pause(redis, migration.id)


@pytest.mark.parametrize("state", sorted(set(State) - ENDS - {State.FINISHING}))
def test_cancel_goes_through_finishing_and_ends_cancelled(redis: Redis, state: State) -> None:
    migration = brought_to(redis, state)
    cancelled = cancel(redis, migration.id)
    assert (cancelled.state, cancelled.phase, cancelled.ending) == (State.FINISHING, State.FINISHING, "cancelled")
    assert cancel(redis, migration.id) == cancelled
    assert step(redis, migration.id, ended(State.DONE)) is State.CANCELLED


@pytest.mark.parametrize("state", sorted(ENDS))
@pytest.mark.parametrize("ask", [resume, cancel])
def test_an_ended_migration_takes_no_request(
    redis: Redis, state: State, ask: Callable[[Redis, str], Migration]
) -> None:
    migration = brought_to(redis, state)
    with pytest.raises(IllegalTransition, match=f"{state} cannot become finishing"):
        ask(redis, migration.id)


def test_a_migration_can_be_made_without_being_started(redis: Redis) -> None:
    migration = create(redis, "acme", start=False)
    assert (migration.state, migration.reason) == (State.PAUSED, "not-started")
    assert claim(redis, 10) is None
    assert resume(redis, migration.id).state is State.PLANNING


def test_the_history_is_short_and_in_order(redis: Redis) -> None:
    migration = brought_to(redis, State.PLANNING)
    for _ in range(HISTORY_LENGTH):
        step(redis, migration.id, wait(IN_AN_HOUR, "google-quota"))
        resume(redis, migration.id)
    changes = history(redis, migration.id)
    assert len(changes) == HISTORY_LENGTH
    assert [(change.state, change.reason) for change in changes[-2:]] == [
        (State.WAITING, "google-quota"),
        (State.PLANNING, ""),
    ]
    assert sorted(changes, key=lambda change: change.at) == list(changes)


def test_a_second_slice_of_the_same_phase_is_no_change_of_state(redis: Redis) -> None:
    migration = brought_to(redis, State.COPYING)
    step(redis, migration.id, again())
    assert [change.state for change in history(redis, migration.id)] == [State.PLANNING, State.COPYING]


def test_an_unknown_migration_is_named_as_such(redis: Redis) -> None:
    for ask in (read, pause, resume, cancel):
        with pytest.raises(UnknownMigration):
            ask(redis, new_id())


def test_ids_are_random_and_long(redis: Redis) -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(one) for one in made} == {32}
    migration = create(redis, "acme")
    assert migration_ids(redis) == (migration.id,)
    with pytest.raises(ValueError, match="exists"):
        create(redis, "acme", migration_id=migration.id)


def test_an_address_is_no_customer(redis: Redis) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        create(redis, "ada@example.org")
