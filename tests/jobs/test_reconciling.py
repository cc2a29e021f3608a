import threading
import time
from collections.abc import Iterator

import pytest
from dramatiq.brokers.redis import RedisBroker
from key_leaks import leaks
from redis import Redis

from app.embedded import EmbeddedStore, start
from jobs.broker import make_broker, open_state, queued_tickets, send_tickets
from jobs.errors import LeaseLost, UnknownMigration
from jobs.migration import State
from jobs.reconciler import reconcile_until, tick, tick_if_first
from jobs.requests import cancel, create, pause, read, remember_key
from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, HOUR, UNFINISHED_SECONDS
from jobs.slice import advance, again, ended, wait
from jobs.tickets import LOST_LIMIT, claim, reconcile, release, renew

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
    for _ in range(LOST_LIMIT):
        assert read(redis, migration.id).state is State.PLANNING
        assert claim(redis, LEASE, now=now) is not None
        now += LEASE + 1
        reconcile(redis, now=now)
    found = read(redis, migration.id)
    assert (found.state, found.reason, found.resumable) == (State.FAILED, "worker-lost", True)


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


def test_after_71_hours_without_progress_a_migration_is_ended_as_expired(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    assert reconcile(redis, now=now + EXPIRE_SECONDS - 10).expired == 0
    late = now + EXPIRE_SECONDS + 10
    assert reconcile(redis, now=late).expired == 1
    assert reconcile(redis, now=late + 2).expired == 0
    claimed = claim(redis, LEASE, now=late)
    assert claimed is not None
    assert (claimed.phase, claimed.ending) == (State.FINISHING, "expired")
    assert release(redis, claimed.id, claimed.token, ended(State.DONE), now=late) is State.EXPIRED
    assert read(redis, migration.id).ended_at == pytest.approx(late, abs=1)


def test_a_running_slice_of_an_expired_migration_is_asked_to_end(redis: Redis) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    late = now + EXPIRE_SECONDS + 10
    claimed = claim(redis, LEASE, now=late)
    assert claimed is not None
    reconcile(redis, now=late)
    assert renew(redis, claimed.id, claimed.token, LEASE, now=late) == "cancel"
    assert release(redis, claimed.id, claimed.token, again(), now=late) is State.FINISHING
    assert read(redis, claimed.id).ending == "expired"


def test_clearing_up_after_an_expired_migration_does_not_keep_it_alive(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    late = now + EXPIRE_SECONDS + 10
    reconcile(redis, now=late)
    claimed = claim(redis, LEASE, now=late)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, again(), progressed=True, now=late)
    assert redis.expiretime(f"mig:{{{migration.id}}}") == pytest.approx(now + UNFINISHED_SECONDS, abs=2)


def test_what_is_finishing_already_is_not_ended_another_way(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    for end in (advance(State.FINISHING), wait(now + 999 * HOUR, "revocation-unconfirmed")):
        claimed = claim(redis, LEASE, now=now)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=now)
    assert reconcile(redis, now=now + EXPIRE_SECONDS + 10).expired == 0
    found = read(redis, migration.id)
    assert (found.state, found.ending) == (State.WAITING, "")


def test_progress_puts_off_the_end(redis: Redis) -> None:
    now = float(int(time.time()))
    create(redis, "acme", now=now)
    claimed = claim(redis, LEASE, now=now)
    assert claimed is not None
    renew(redis, claimed.id, claimed.token, 200 * HOUR, progressed=True, now=now + 70 * HOUR)
    assert reconcile(redis, now=now + 72 * HOUR).expired == 0


def test_waiting_and_renewing_without_progress_do_not_put_off_the_end(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    claimed = claim(redis, LEASE, now=now)
    assert claimed is not None
    renew(redis, claimed.id, claimed.token, LEASE, now=now + HOUR)
    release(redis, claimed.id, claimed.token, wait(now + 999 * HOUR, "google-down"), now=now + HOUR)
    assert redis.expiretime(f"mig:{{{migration.id}}}") == pytest.approx(now + UNFINISHED_SECONDS, abs=2)


def test_every_key_of_a_migration_ends_with_it(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    base = f"mig:{{{migration.id}}}"
    parts = ["ids", "marks", "intent", "sealed", "found:large", "placed:0", "placed:17", "extra:1"]
    for part in parts:
        redis.set(f"{base}:{part}", "x", ex=96 * HOUR)
    redis.hset(f"{base}:folders", mapping={"0": "x", "17": "x"})
    remember_key(redis, migration.id, "extra:1")
    for end in (advance(State.FINISHING), ended(State.DONE)):
        claimed = claim(redis, LEASE, now=now)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end, now=now)
    ends = {part: redis.expiretime(f"{base}:{part}") for part in [*parts, "history", "folders", "more"]}
    assert ends == {part: pytest.approx(now + ENDED_SECONDS, abs=2) for part in ends}
    assert redis.expiretime(base) == pytest.approx(now + ENDED_SECONDS, abs=2)
    redis.delete(f"{base}:extra:1")


def test_nothing_is_left_in_the_queues_of_a_migration_that_is_gone(redis: Redis) -> None:
    now = float(int(time.time()))
    migration = create(redis, "acme", now=now)
    reconcile(redis, now=now + UNFINISHED_SECONDS + 10)
    redis.delete(f"mig:{{{migration.id}}}", f"mig:{{{migration.id}}}:history")
    with pytest.raises(UnknownMigration):
        read(redis, migration.id)
    reconcile(redis, now=now + UNFINISHED_SECONDS + 10)
    assert claim(redis, LEASE) is None
    assert redis.exists("jobs:ends", "jobs:due", "jobs:leases", "jobs:ring", "jobs:ready:acme") == 0


def test_the_reconciler_outlives_the_store(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path_factory.mktemp("away")
    first = start(folder)
    redis, broker, stop = open_state(first.url), make_broker(first.broker_url), threading.Event()
    thread = threading.Thread(target=reconcile_until, args=(stop, redis, broker, 0.1))
    thread.start()
    try:
        stop.wait(0.4)
        first.stop()
        stop.wait(1.0)
        with start(folder) as second, open_state(second.url) as fresh:
            create(fresh, "acme")
            stop.wait(1.0)
            assert queued_tickets(broker) == 1
            stop.set()
            thread.join()
    finally:
        stop.set()
        thread.join()
        redis.close()
        broker.client.close()
    told = [record.getMessage().partition(" (")[0] for record in caplog.records if record.name == "jobs.reconciler"]
    assert told == ["the store is away", "the store is back"]
    assert not any(record.exc_info for record in caplog.records)
