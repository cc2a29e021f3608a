"""One act for many imports."""

import pytest
from redis import Redis

from jobs import audit
from jobs.acts import What, carry_out, helps, is_possible
from jobs.audit import AuditBroken, staff
from jobs.bulk import Asked, ask_all
from jobs.errors import IllegalTransition
from jobs.migration import Migration, State, part_key
from jobs.requests import create, pause, read
from jobs.slice import advance, ended, failed, paused, wait
from jobs.tickets import claim, release
from migrator.outcome import Mark

WHO = staff("5f" * 16)
NOBODY = "00" * 16


def resting(redis: Redis, end: object = None) -> str:
    """Return a migration without a slice: failed so that it may be resumed, or as `end` says."""
    migration = create(redis, "acme").id
    claimed = claim(redis, 10)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, end or failed("login-refused", resumable=True))  # type: ignore[arg-type]
    return migration


def finished(redis: Redis) -> str:
    migration = resting(redis, advance(State.FINISHING))
    claimed = claim(redis, 10)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, ended(State.DONE))
    return migration


def written(redis: Redis) -> list[tuple[str, str, str]]:
    return [(str(e.actor), str(e.act), e.migration) for e in audit.entries(redis)]


def test_all_that_failed_go_on_at_once_and_each_is_written_down(redis: Redis) -> None:
    ids = [resting(redis) for _ in range(5)]
    assert ask_all(redis, ids, "resume", WHO) == Asked(tuple(ids), {})
    assert {read(redis, i).state for i in ids} == {State.PLANNING}
    assert written(redis) == [(str(WHO), "resumed", i) for i in ids]


def test_what_cannot_be_is_left_out_said_and_not_written_down(redis: Redis) -> None:
    good, over, lost = resting(redis), finished(redis), resting(redis, failed("google-refused", resumable=False))
    asked = ask_all(redis, [over, NOBODY, good, lost], "resume", WHO)
    assert asked == Asked((good,), {over: "not-now", NOBODY: "unknown", lost: "not-now"})
    assert written(redis) == [(str(WHO), "resumed", good)]


def test_what_would_change_nothing_is_left_out(redis: Redis) -> None:
    rests, runs = resting(redis, paused("asked")), create(redis, "acme").id
    assert ask_all(redis, [rests], "pause", WHO).refused == {rests: "not-now"}
    assert ask_all(redis, [runs], "resume", WHO).refused == {runs: "not-now"}
    assert written(redis) == []


def test_an_import_that_waits_for_its_customer_is_not_resumed_by_others(redis: Redis) -> None:
    ids = [resting(redis, paused(reason)) for reason in ("reconnect-needed", "key-lost")]
    ids.append(create(redis, "acme", start=False).id)
    assert ask_all(redis, ids, "resume", WHO).done == ()


def test_with_a_damaged_audit_log_nothing_is_done(redis: Redis) -> None:
    ids = [resting(redis) for _ in range(3)]
    redis.set("audit:broken", "damaged", ex=60)
    asked = ask_all(redis, ids, "resume", WHO)
    assert asked == Asked((), dict.fromkeys(ids, "audit-broken"))
    assert {read(redis, i).state for i in ids} == {State.FAILED}
    with pytest.raises(AuditBroken):
        carry_out(redis, ids[0], "cancel", WHO)
    assert read(redis, ids[0]).state is State.FAILED


def test_expired_by_hand_is_the_way_to_the_end_of_that_name(redis: Redis) -> None:
    at_rest, at_work = resting(redis), create(redis, "acme").id
    claimed = claim(redis, 10)
    assert claimed is not None
    assert ask_all(redis, [at_rest, at_work], "expire", WHO).refused == {}
    release(redis, claimed.id, claimed.token, advance(State.COPYING))
    assert {(m.state, m.ending) for m in (read(redis, i) for i in (at_rest, at_work))} == {(State.FINISHING, "expired")}
    assert {row[1] for row in written(redis)} == {"expired"}


def test_a_state_that_does_not_allow_it_is_refused(redis: Redis) -> None:
    over = finished(redis)
    for what in ("pause", "resume", "cancel", "expire"):
        with pytest.raises(IllegalTransition):
            carry_out(redis, over, what, WHO)  # type: ignore[arg-type]


def offered(migration: Migration) -> set[What]:
    every: tuple[What, ...] = ("pause", "resume", "cancel", "expire")
    assert all(is_possible(migration, what) for what in every if helps(migration, what))
    return {what for what in every if helps(migration, what)}


def test_what_is_offered_is_what_would_change_something(redis: Redis) -> None:
    end_it: set[What] = {"cancel", "expire"}
    works = create(redis, "acme").id
    assert offered(read(redis, works)) == {"pause"} | end_it
    assert claim(redis, 10)
    pause(redis, works)
    assert offered(read(redis, works)) == {"resume"} | end_it
    assert offered(read(redis, resting(redis))) == {"resume"} | end_it
    assert offered(read(redis, resting(redis, wait(4e9, "mailbox-full")))) == {"pause", "resume"} | end_it
    assert offered(read(redis, resting(redis, paused("reconnect-needed")))) == end_it
    assert offered(read(redis, finished(redis))) == set()
    assert offered(read(redis, resting(redis, advance(State.FINISHING)))) == set()


def failed_messages(redis: Redis, end: object, *marks: Mark) -> str:
    """Return a migration with these marks that rests."""
    migration = resting(redis, end)
    redis.set(part_key(migration, "marks"), bytes(marks), ex=60)
    return migration


def test_messages_that_failed_are_tried_again_by_going_on(redis: Redis) -> None:
    migration = failed_messages(redis, paused("asked"), Mark.COPIED, Mark.FAILED_REFUSED)
    assert ask_all(redis, [migration], "retry", WHO) == Asked((migration,), {})
    assert redis.exists(part_key(migration, "retry"))
    assert read(redis, migration).state is State.PLANNING
    assert written(redis) == [(str(WHO), "retried", migration)]


def test_what_only_its_customer_frees_is_not_resumed_for_it(redis: Redis) -> None:
    migration = failed_messages(redis, paused("reconnect-needed"), Mark.FAILED_REFUSED)
    assert ask_all(redis, [migration], "retry", WHO).done == (migration,)
    assert read(redis, migration).state is State.PAUSED


def test_where_nothing_failed_nothing_goes_on_by_it(redis: Redis) -> None:
    migration = failed_messages(redis, paused("asked"), Mark.COPIED, Mark.PENDING)
    ask_all(redis, [migration], "retry", WHO)
    assert read(redis, migration).state is State.PAUSED


def test_at_its_end_and_where_all_is_lost_nothing_is_tried_again(redis: Redis) -> None:
    ids = [
        finished(redis),
        resting(redis, failed("google-refused", resumable=False)),
        create(redis, "a", start=False).id,
    ]
    assert ask_all(redis, ids, "retry", WHO).refused == dict.fromkeys(ids, "not-now")
