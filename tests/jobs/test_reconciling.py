import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from audit_chains import chain, lay
from dramatiq.brokers.redis import RedisBroker
from key_leaks import leaks
from redis import Redis
from structlog.testing import capture_logs
from vaults import make_keys, vault_of
from waiting import eventually

from app.embedded import EmbeddedStore, start
from jobs import audit
from jobs.audit import Act
from jobs.broker import make_broker, open_state, queued_tickets, send_tickets
from jobs.crashes import CRASH_LIMIT, CRASH_SECONDS
from jobs.errors import LeaseLost
from jobs.kept import HOUR
from jobs.migration import State
from jobs.reconciler import log_checkpoint, reconcile_until, tick, tick_if_first
from jobs.requests import cancel, create, pause, read
from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, UNFINISHED_SECONDS, ask_for_rewrite
from jobs.slice import advance, again, ended, wait
from jobs.tickets import claim, reconcile, release

LEASE = 10.0


@pytest.fixture
def broker(store: EmbeddedStore) -> Iterator[RedisBroker]:
    broker = make_broker(store.broker_url)
    yield broker
    broker.client.close()


def test_a_waiting_migration_becomes_ready_at_its_time(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    claimed = claim(redis, LEASE, now=now)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, wait(now + 60, "google-quota"), now=now)
    assert reconcile(redis, now=now + 59).due == 0
    assert reconcile(redis, now=now + 60).due == 1
    assert read(redis, migration.id).state is State.PLANNING
    assert claim(redis, LEASE) is not None


def test_a_lease_that_ran_out_is_taken_back_and_its_token_worth_nothing(redis: Redis) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    first = claim(redis, LEASE, now=now)
    assert first is not None
    assert reconcile(redis, now=now + LEASE - 1).lost == 0
    assert reconcile(redis, now=now + LEASE + 1).lost == 1
    with pytest.raises(LeaseLost):
        release(redis, first.id, first.token, again())
    second = claim(redis, LEASE)
    assert second is not None
    assert second.id == first.id


def test_a_wish_is_carried_out_even_if_the_worker_died_before(redis: Redis) -> None:
    now = float(int(time.time()))
    for ask in (pause, cancel):
        create(redis, ask.__name__, now=now)
        claimed = claim(redis, LEASE, now=now)
        assert claimed is not None
        ask(redis, claimed.id)
        reconcile(redis, now=now + LEASE + 1)
        found = read(redis, claimed.id)
        assert (found.state, found.ending) in {(State.PAUSED, ""), (State.FINISHING, "cancelled")}
        assert not found.running


def test_leases_that_run_out_again_and_again_make_the_migration_fail(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    for _ in range(CRASH_LIMIT):
        assert read(redis, migration.id).state is State.PLANNING
        lose_lease(redis, now)
        now += CRASH_SECONDS / (CRASH_LIMIT - 1)
    found = read(redis, migration.id)
    assert (found.state, found.reason, found.resumable) == (State.FAILED, "worker-lost", True)


def lose_lease(redis: Redis, now: float, *, excused: bool = False) -> None:
    assert claim(redis, LEASE, now=now) is not None
    reconcile(redis, excused=excused, now=now + LEASE + 1)


def test_leases_that_run_out_within_minutes_call_nobody(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    for number in range(2 * CRASH_LIMIT):
        lose_lease(redis, now + number * (LEASE + 1))
    found = read(redis, migration.id)
    assert (found.state, found.crashes) == (State.PLANNING, 2 * CRASH_LIMIT)


def test_leases_that_ran_out_while_the_store_was_away_are_no_crash(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    for number in range(CRASH_LIMIT):
        lose_lease(redis, now + number * CRASH_SECONDS, excused=True)
    found = read(redis, migration.id)
    assert (found.state, found.crashes) == (State.PLANNING, 0)


def test_ready_work_gets_its_tickets_back_when_the_broker_is_empty(redis: Redis, broker: RedisBroker) -> None:
    for _ in range(3):
        create(redis, "acme")
    tick(redis, broker)
    assert queued_tickets(broker) == 3
    tick(redis, broker)
    assert queued_tickets(broker) == 3
    broker.client.flushdb()
    tick(redis, broker)
    assert queued_tickets(broker) == 3
    assert leaks(broker.client) == []


def test_no_work_no_tickets(redis: Redis, broker: RedisBroker) -> None:
    tick(redis, broker)
    assert queued_tickets(broker) == 0


def test_one_reconciler_of_many_acts(redis: Redis, broker: RedisBroker) -> None:
    assert [tick_if_first(redis, broker, 2.0) for _ in range(5)] == [True, False, False, False, False]


def test_dead_letters_are_dropped(redis: Redis, broker: RedisBroker) -> None:
    send_tickets(broker)
    broker.client.zadd("{dramatiq}:slices.XQ", {"x": 1})
    broker.client.hset("{dramatiq}:slices.XQ.msgs", "x", "a message")
    tick(redis, broker)
    assert broker.client.exists("{dramatiq}:slices.XQ", "{dramatiq}:slices.XQ.msgs") == 0


def test_each_look_sweeps_rewrites_the_log_and_tells_the_checkpoint(redis: Redis, broker: RedisBroker) -> None:
    migration = create(redis, "acme")
    ask_for_rewrite(redis)
    told_anew(redis, moved=True)
    redis.delete("reconcile:checkpoint", "reconcile:said")
    with capture_logs() as told:
        tick(redis, broker, now=time.time() + EXPIRE_SECONDS + 10)
    assert read(redis, migration.id).ending == "expired"
    assert redis.exists("discard:begun")
    assert [row["event"] for row in told] == ["audit-checkpoint"]


def test_the_keys_of_what_is_purged_are_destroyed(redis: Redis, broker: RedisBroker, tmp_path: Path) -> None:
    make_keys(tmp_path)
    migration = create(redis, "acme")
    with start(tmp_path / "keys", persistent=False) as store, Redis.from_url(store.url) as keys:
        vault = vault_of(keys, tmp_path / "master.key")
        vault.make(migration.id)
        tick(redis, broker, vault, now=time.time() + UNFINISHED_SECONDS)
        assert not vault.holds(migration.id)


def test_every_key_of_a_migration_ends_with_it(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    base = f"mig:{{{migration.id}}}"
    parts = ["ids", "marks", "intent", "sealed", "found:large", "placed:0", "placed:17"]
    for part in parts:
        redis.set(f"{base}:{part}", "x", ex=96 * HOUR)
    redis.hset(f"{base}:folders", mapping={"0": "x", "17": "x"})
    for end in (advance(State.FINISHING), ended(State.DONE)):
        claimed = claim(redis, LEASE, now=now)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=now)
    ends = {part: redis.expiretime(f"{base}:{part}") for part in [*parts, "history", "folders"]}
    assert ends == {part: pytest.approx(now + ENDED_SECONDS, abs=2) for part in ends}
    assert redis.expiretime(base) == pytest.approx(now + ENDED_SECONDS, abs=2)


@contextmanager
def reconciling(redis: Redis, broker: RedisBroker) -> Iterator[threading.Event]:
    """Let a reconciler look ten times a second while the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=reconcile_until, args=(stop, redis, broker, 0.1))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def test_the_reconciler_outlives_the_store(tmp_path: Path) -> None:
    first = start(tmp_path)
    broker = make_broker(first.broker_url)
    with capture_logs() as told, open_state(first.url) as redis, reconciling(redis, broker) as stop:
        stop.wait(0.4)
        first.stop()
        stop.wait(1.0)
        with start(tmp_path) as second, open_state(second.url) as fresh:
            create(fresh, "acme")
            stop.wait(1.0)
            assert queued_tickets(broker) == 1
            assert [row["event"] for row in told] == ["store-away", "store-back"]
    broker.client.close()


def test_the_first_look_after_the_store_was_away_excuses_the_leases_that_ran_out(tmp_path: Path) -> None:
    first = start(tmp_path)
    broker = make_broker(first.broker_url)
    with open_state(first.url) as redis:
        migration = create(redis, "acme")
        with reconciling(redis, broker) as stop, capture_logs() as told:
            assert claim(redis, 1.0) is not None
            first.stop()
            eventually(lambda: told)
            stop.wait(1.0)
            with start(tmp_path) as second, open_state(second.url) as fresh:
                eventually(lambda: not read(fresh, migration.id).running)
                assert read(fresh, migration.id).crashes == 0
                stop.set()
    broker.client.close()


def test_a_look_that_fails_is_told_once_and_followed_by_others(redis: Redis, broker: RedisBroker) -> None:
    broker.client.zadd("{dramatiq}:__heartbeats__", {b"\xff": 1})
    broker.client.expire("{dramatiq}:__heartbeats__", 60)
    with capture_logs() as told, reconciling(redis, broker) as stop:
        stop.wait(0.7)
        assert [(row["event"], type(row["error"])) for row in told] == [("look-failed", UnicodeDecodeError)]
        broker.client.delete("{dramatiq}:__heartbeats__")
        create(redis, "acme")
        stop.wait(0.7)
        assert queued_tickets(broker) == 1
    assert len(told) == 1


def test_the_audit_logs_newest_hash_goes_into_the_services_log_when_it_moved(redis: Redis) -> None:
    with capture_logs() as told:
        log_checkpoint(redis)
        assert told == [], "an empty log has nothing to hold on to"
        heads = [told_anew(redis, moved=moved) for moved in (True, False, True)]
        audit.append(redis, audit.WORKER, Act.STARTED)
        log_checkpoint(redis)  # the ten minutes are not over
    assert [row["checkpoint"] for row in told] == [heads[0], heads[2]]
    assert redis.ttl("reconcile:checkpoint") == 600


def told_anew(redis: Redis, *, moved: bool) -> str:
    """Let ten minutes pass in which the audit log grew, or not; return its newest checkpoint."""
    redis.delete("reconcile:checkpoint")
    if moved:
        last = audit.checkpoint(redis)
        lay(redis, chain([int(time.time())], last.number + 1, last.hash))
    log_checkpoint(redis)
    return str(audit.checkpoint(redis))
