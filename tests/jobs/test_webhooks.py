"""Events told to a real HTTP server on the loopback, from a real Redis."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import tenacity
from receiver import SECRET, Receiver, is_genuine, place_for_receiver, receiving
from redis import Redis
from structlog.testing import capture_logs

from jobs import requests
from jobs.kept import HOUR
from jobs.migration import ENDS, State
from jobs.requests import cancel, create
from jobs.retention import ENDED_SECONDS
from jobs.slice import SliceEnd, advance, ended, failed, paused, wait
from jobs.sweeper import sweep
from jobs.tickets import claim, release
from jobs.webhooks import (
    DUE,
    LEASE_SECONDS,
    OLDEST_SECONDS,
    Event,
    delay_of,
    deliver_due,
    deliver_until,
    needs_attention,
)

NOW = 1_800_000_000.0


@pytest.fixture
def panel() -> Iterator[Receiver]:
    with place_for_receiver() as place, receiving(place) as found:
        yield found


def at_once(_: float) -> None:
    """Wait for nothing."""


def step(redis: Redis, end: SliceEnd, now: float = NOW) -> None:
    claimed = claim(redis, 30, now=now)
    assert claimed
    release(redis, claimed.id, claimed.token, end, now=now)


def done(redis: Redis, now: float = NOW) -> str:
    """Return a migration that was done at a time."""
    migration = create(redis, "customer-7", now=now).id
    for end in (advance(State.FINISHING), ended(State.DONE)):
        step(redis, end, now)
    return migration


def test_an_end_is_told_with_nothing_but_ids_state_and_code(redis: Redis, panel: Receiver) -> None:
    migration = done(redis)
    assert deliver_due(redis, panel.hook, at_once, now=NOW) == 1
    assert panel.events == [
        {
            "type": "migration.ended",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "data": {"migration": migration, "customer": "customer-7", "state": "done", "code": ""},
        }
    ]
    assert panel.heard[0][0] == "/hooks?from=migrator"
    assert deliver_due(redis, panel.hook, at_once, now=NOW + HOUR) == 0
    assert not redis.exists(DUE, f"mig:{{{migration}}}:events")


def test_a_post_is_signed_so_that_its_receiver_can_check_it(redis: Redis, panel: Receiver) -> None:
    create(redis, "customer-7", now=NOW)
    step(redis, failed("login-refused", resumable=True))
    deliver_due(redis, panel.hook, at_once, now=NOW)
    _, headers, body = panel.heard[0]
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(SECRET[::-1], headers, body)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/json"
    assert panel.events[0]["type"] == "migration.needs-attention"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (failed("login-refused", resumable=True), True),
        (paused("reconnect-needed"), True),
        (paused("key-lost"), True),
        (wait(NOW + 9, "mailbox-full"), True),
        (wait(NOW + 9, "google-quota"), False),
        (advance(State.COPYING), False),
        (advance(State.FINISHING), False),
    ],
    ids=str,
)
def test_what_needs_somebody_is_told_and_nothing_else(redis: Redis, end: SliceEnd, *, told: bool) -> None:
    migration = create(redis, "c1", now=NOW).id
    step(redis, end)
    assert redis.zcard(DUE) == told
    now = requests.read(redis, migration)
    assert needs_attention(now.state, now.reason) is told


def test_a_pause_that_somebody_asked_for_needs_nobody() -> None:
    assert not any(needs_attention(State.PAUSED, code) for code in ("", "asked", "not-started"))
    assert not any(needs_attention(end, "") for end in ENDS)


@pytest.mark.parametrize("status", [300, 302, 307, 400, 404, 429, 500, 503])
def test_what_is_not_taken_is_told_later(status: int, redis: Redis, panel: Receiver) -> None:
    done(redis)
    panel.statuses.append(status)
    with capture_logs() as told:
        assert deliver_due(redis, panel.hook, at_once, now=NOW) == 0
    assert [(row["event"], row["status"]) for row in told] == [("hook-refused", status)]
    assert [path for path, _, _ in panel.heard] == ["/hooks?from=migrator"], "redirects are not followed"
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 29) == 0
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 31) == 1
    assert len({headers["webhook-id"] for _, headers, _ in panel.heard}) == 1


def test_events_that_are_refused_hold_up_no_others(redis: Redis, panel: Receiver) -> None:
    for _ in range(60):
        done(redis)
    done(redis, NOW + 1)
    panel.statuses += [404, 500] * 30
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 1) == 1
    assert len(panel.heard) == 61
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 32) == 60


def test_gone_ends_an_event(redis: Redis, panel: Receiver) -> None:
    done(redis)
    panel.statuses.append(410)
    assert deliver_due(redis, panel.hook, at_once, now=NOW) == 1
    assert deliver_due(redis, panel.hook, at_once, now=NOW + HOUR) == 0
    assert len(panel.heard) == 1


def test_a_receiver_that_starts_again_is_reached_at_the_next_try(redis: Redis) -> None:
    done(redis)
    waits: list[float] = []
    with place_for_receiver() as place, ExitStack() as back:
        away = Receiver(place.getsockname())

        def started(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                back.enter_context(receiving(place))

        assert deliver_due(redis, away.hook, started, now=NOW) == 1
    assert waits == [2, 4]


def test_a_host_that_is_away_hears_of_it_when_it_is_back(redis: Redis) -> None:
    done(redis)
    with place_for_receiver() as place:
        away = Receiver(place.getsockname())
        assert deliver_due(redis, away.hook, at_once, now=NOW) == 0
        with receiving(place) as back:
            assert deliver_due(redis, back.hook, at_once, now=NOW + 60) == 1


def test_what_happens_while_the_host_is_away_is_told_in_its_order(redis: Redis, panel: Receiver) -> None:
    migration = create(redis, "customer-7", now=NOW).id
    step(redis, failed("login-refused", resumable=True))
    panel.statuses.append(503)
    assert deliver_due(redis, panel.hook, at_once, now=NOW) == 0
    requests.resume(redis, migration)
    step(redis, paused("reconnect-needed"), NOW + 5)
    cancel(redis, migration)
    step(redis, ended(State.CANCELLED), NOW + 9)
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 10) == 0, "the first one waits, and the others behind it"
    panel.heard.clear()
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 60) == 3
    assert [event["data"]["state"] for event in panel.events] == ["failed", "paused", "cancelled"]
    assert len({headers["webhook-id"] for _, headers, _ in panel.heard}) == 3
    assert not redis.exists(DUE)


def test_the_pause_between_rounds_doubles_up_to_ten_minutes() -> None:
    event = Event("0" * 32, "c1", State.DONE, "", NOW)
    assert [delay_of(event, NOW + age) for age in (0, 30, 60, 120, 5000)] == [30, 30, 60, 120, 600]


def test_after_a_day_it_is_told_no_more(redis: Redis, panel: Receiver) -> None:
    create(redis, "c1", now=NOW)
    step(redis, failed("login-refused", resumable=True))
    with capture_logs() as told:
        assert deliver_due(redis, panel.hook, at_once, now=NOW + OLDEST_SECONDS + 1) == 1
    assert [row["event"] for row in told] == ["hook-given-up"]
    assert panel.heard == []
    assert not redis.exists(DUE)


def test_of_a_migration_that_is_gone_nothing_is_told_and_nothing_is_left(redis: Redis, panel: Receiver) -> None:
    purged, vanished = done(redis), done(redis)
    redis.delete(f"mig:{{{vanished}}}")
    other = done(redis, NOW + HOUR)
    sweep(redis, None, now=NOW + ENDED_SECONDS)
    assert redis.zscore(DUE, purged) is None
    assert deliver_due(redis, panel.hook, at_once, now=NOW + HOUR) == 1
    assert [event["data"]["migration"] for event in panel.events] == [other]
    assert not redis.exists(DUE)


def test_a_worker_that_dies_while_it_tells_leaves_it_to_another(redis: Redis, panel: Receiver) -> None:
    done(redis)

    class Died(Exception):
        pass

    def die(_: float) -> None:
        raise Died

    with place_for_receiver() as nobody, pytest.raises(Died):
        deliver_due(redis, Receiver(nobody.getsockname()).hook, die, now=NOW)
    assert deliver_due(redis, panel.hook, at_once, now=NOW + LEASE_SECONDS - 1) == 0
    assert deliver_due(redis, panel.hook, at_once, now=NOW + LEASE_SECONDS) == 1


def test_while_one_worker_tells_an_event_no_other_does_and_a_new_one_waits_behind_it(
    redis: Redis,
) -> None:
    migration = create(redis, "c1", now=NOW).id
    step(redis, failed("login-refused", resumable=True))
    seen: list[int] = []
    with place_for_receiver() as place, ExitStack() as back:
        away = Receiver(place.getsockname())

        def meanwhile(_: float) -> None:
            panel = back.enter_context(receiving(place))
            requests.resume(redis, migration)
            step(redis, failed("mailbox-gone", resumable=True), NOW + 1)
            seen.append(deliver_due(redis, panel.hook, at_once, now=NOW + 2))
            heard.append(panel)

        heard: list[Receiver] = []
        assert deliver_due(redis, away.hook, meanwhile, now=NOW + 2) == 2
        assert seen == [0]
        assert [event["data"]["code"] for event in heard[0].events] == ["login-refused", "mailbox-gone"]


def test_events_have_the_end_date_of_their_migration_and_there_are_not_too_many(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "c1", now=now).id
    for number in range(60):
        step(redis, failed(f"trouble-{number}", resumable=True), now)
        requests.resume(redis, migration)
    events = f"mig:{{{migration}}}:events"
    assert redis.llen(events) == 50
    assert redis.expiretime(events) == redis.expiretime(f"mig:{{{migration}}}")
    assert 0 < redis.ttl(DUE) <= 72 * HOUR


def test_the_thread_tells_whatever_goes_wrong_and_ends_when_it_is_stopped(redis: Redis, panel: Receiver) -> None:
    for _ in range(3):
        done(redis, time.time())
    broken = requests.create(redis, "c1").id
    redis.rpush(f"mig:{{{broken}}}:events", "no event")
    redis.expire(f"mig:{{{broken}}}:events", 60)
    redis.zadd(DUE, {broken: 1})
    stop = threading.Event()
    with capture_logs() as told:
        thread = threading.Thread(target=deliver_until, args=(stop, redis, panel.hook, 0.05))
        thread.start()
        tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05), reraise=True)(
            has_heard, panel, 3
        )
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert [row["event"] for row in told] == ["hooks-held-up"]


def has_heard(panel: Receiver, count: int) -> None:
    assert len(panel.heard) == count


def test_an_event_is_read_as_it_was_written() -> None:
    for state, code, at in ((State.DONE, "", NOW), (State.FAILED, "internal-error:KeyError", 1.5)):
        event = Event("0" * 32, "c1", state, code, at)
        assert Event.read("0" * 32, "c1", event.line) == event
