import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from vaults import make_keys, vault_of

from app.embedded import EmbeddedStore, start
from jobs import accounts, audit, scripts
from jobs.audit import Act, AuditBroken
from jobs.migration import State, new_id, record_key
from jobs.requests import cancel, create, read
from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, PURGE_EARLY_SECONDS, REWRITE_WISH, UNFINISHED_SECONDS
from jobs.retention import migration_parts as parts
from jobs.slice import advance, again, ended, wait
from jobs.sweeper import sweep
from jobs.tickets import Claim, claim, release, renew
from oauth.vault import Vault

LEASE = 10.0
HOUR = 3600


@pytest.fixture(scope="session")
def key_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with start(tmp_path_factory.mktemp("keys"), persistent=False) as store:
        yield store


@pytest.fixture
def vault(key_store: EmbeddedStore, tmp_path: Path) -> Iterator[Vault]:
    make_keys(tmp_path)
    with Redis.from_url(key_store.url) as keys:
        keys.flushall()
        yield vault_of(keys, tmp_path / "master.key")


@pytest.fixture
def now() -> float:
    return float(int(time.time()))


def claimed(redis: Redis, now: float) -> Claim:
    found = claim(redis, LEASE, now=now)
    assert found is not None
    return found


def done(redis: Redis, now: float) -> None:
    """End the one migration that is ready."""
    for end in (advance(State.FINISHING), ended(State.DONE)):
        at = claimed(redis, now)
        release(redis, at.id, at.token, end, now=now)


def written(redis: Redis) -> list[tuple[str, str, str]]:
    return [(entry.act, entry.migration, entry.code) for entry in audit.entries(redis)]


def traces(redis: Redis, migration: str) -> list[str]:
    """Name every key that speaks of a migration, by its name or by what it holds; the audit log does so by promise."""
    names = [name.decode() for name in redis.scan_iter()]
    dumps = {name: (redis.dump(name) or b"") for name in names if not name.startswith("audit:")}
    return [name for name, dump in dumps.items() if migration in name or migration.encode() in dump]


# --- without progress ---------------------------------------------------------------------------------------------


def test_after_71_hours_without_progress_a_migration_is_ended_as_expired(redis: Redis, now: float) -> None:
    migration = create(redis, "acme", now=now)
    assert sweep(redis, None, now=now + EXPIRE_SECONDS - 10).expired == ()
    late = now + EXPIRE_SECONDS + 10
    assert sweep(redis, None, now=late).expired == (migration.id,)
    assert sweep(redis, None, now=late + 2).expired == ()
    at = claimed(redis, late)
    assert (at.phase, at.ending) == (State.FINISHING, "expired")
    assert release(redis, at.id, at.token, ended(State.DONE), now=late) is State.EXPIRED
    assert read(redis, migration.id).ended_at == pytest.approx(late, abs=1)
    assert written(redis) == [(Act.EXPIRED, migration.id, "")]


def test_a_running_slice_of_an_expired_migration_is_asked_to_end(redis: Redis, now: float) -> None:
    create(redis, "acme", now=now)
    late = now + EXPIRE_SECONDS + 10
    at = claimed(redis, late)
    assert [sweep(redis, None, now=late).expired for _ in range(2)] == [(at.id,), ()]
    assert len(written(redis)) == 1, "it is written down once, however long the slice takes"
    assert renew(redis, at.id, at.token, LEASE, now=late) == "cancel"
    assert release(redis, at.id, at.token, again(), now=late) is State.FINISHING
    assert read(redis, at.id).ending == "expired"


def test_a_cancelling_goes_before_an_expiry(redis: Redis, now: float) -> None:
    create(redis, "acme", now=now)
    late = now + EXPIRE_SECONDS + 10
    at = claimed(redis, late)
    cancel(redis, at.id)
    assert sweep(redis, None, now=late).expired == ()
    release(redis, at.id, at.token, again(), now=late)
    assert read(redis, at.id).ending == "cancelled"


def test_clearing_up_after_an_expired_migration_does_not_keep_it_alive(redis: Redis, now: float) -> None:
    migration = create(redis, "acme", now=now)
    late = now + EXPIRE_SECONDS + 10
    sweep(redis, None, now=late)
    at = claimed(redis, late)
    release(redis, at.id, at.token, again(), progressed=True, now=late)
    assert redis.expiretime(record_key(migration.id)) == pytest.approx(now + UNFINISHED_SECONDS, abs=2)


def test_what_is_finishing_already_is_not_ended_another_way(redis: Redis, now: float) -> None:
    migration = create(redis, "acme", now=now)
    for end in (advance(State.FINISHING), wait(now + 999 * HOUR, "revocation-unconfirmed")):
        at = claimed(redis, now)
        release(redis, at.id, at.token, end, now=now)
    assert sweep(redis, None, now=now + EXPIRE_SECONDS + 10).expired == ()
    found = read(redis, migration.id)
    assert (found.state, found.ending) == (State.WAITING, "")
    assert written(redis) == []


def test_progress_puts_off_the_end(redis: Redis, now: float) -> None:
    create(redis, "acme", now=now)
    at = claimed(redis, now)
    renew(redis, at.id, at.token, 200 * HOUR, progressed=True, now=now + 70 * HOUR)
    assert sweep(redis, None, now=now + 72 * HOUR).expired == ()


def test_waiting_and_renewing_without_progress_do_not_put_off_the_end(redis: Redis, now: float) -> None:
    migration = create(redis, "acme", now=now)
    at = claimed(redis, now)
    renew(redis, at.id, at.token, LEASE, now=now + HOUR)
    release(redis, at.id, at.token, wait(now + 999 * HOUR, "google-down"), now=now + HOUR)
    assert redis.expiretime(record_key(migration.id)) == pytest.approx(now + UNFINISHED_SECONDS, abs=2)


def test_progress_made_between_the_look_and_the_act_is_heeded(redis: Redis, now: float) -> None:
    migration = create(redis, "acme", now=now)
    answers = [scripts.run(redis, act, migration.id, now=now + HOUR) for act in ("expire", "purge")]
    assert answers == [["no"], ["no"]]
    assert read(redis, migration.id).state is State.PLANNING


# --- purged -------------------------------------------------------------------------------------------------------


def test_a_day_after_its_end_nothing_of_a_migration_is_left_anywhere(redis: Redis, vault: Vault, now: float) -> None:
    migration = create(redis, "acme", now=now)
    for part in parts():
        if part not in {"counts", "events", "folders", "history", "retry"}:
            redis.set(f"{record_key(migration.id)}:{part}", "x", ex=72 * HOUR)
    redis.hset(f"{record_key(migration.id)}:counts", mapping={"bytes": 1})
    redis.hset(f"{record_key(migration.id)}:folders", mapping={"0": "x", "17": "x"})
    redis.set(f"{record_key(migration.id)}:placed:17", "x", ex=72 * HOUR)
    redis.delete(f"{record_key(migration.id)}:account")
    accounts.claim(redis, vault, migration.id, "someone@gmail.example")
    done(redis, now)
    over = now + ENDED_SECONDS - PURGE_EARLY_SECONDS
    assert sweep(redis, vault, now=over - 1).purged == ()
    assert sweep(redis, vault, now=over + 1).purged == (migration.id,)
    assert traces(redis, migration.id) == []
    assert written(redis) == [(Act.PURGED, migration.id, "done")]


def test_what_was_never_finished_is_purged_and_its_key_destroyed(redis: Redis, vault: Vault, now: float) -> None:
    migration = create(redis, "acme", now=now)
    vault.make(migration.id)
    accounts.claim(redis, vault, migration.id, "someone@gmail.example")
    sweep(redis, vault, now=now + EXPIRE_SECONDS + 10)
    assert vault.holds(migration.id)
    assert sweep(redis, vault, now=now + UNFINISHED_SECONDS).purged == (migration.id,)
    assert not vault.holds(migration.id)
    assert traces(redis, migration.id) == []
    assert claim(redis, LEASE) is None
    assert written(redis)[1:] == [(Act.PURGED, migration.id, "finishing")]


def test_what_waits_or_runs_is_purged_from_its_queue_too(redis: Redis, vault: Vault, now: float) -> None:
    waiting, running = create(redis, "acme", now=now), create(redis, "acme", now=now)
    at = claimed(redis, now)
    release(redis, at.id, at.token, wait(now + 999 * HOUR, "google-down"), now=now)
    claimed(redis, now)
    swept = sweep(redis, vault, now=now + UNFINISHED_SECONDS)
    assert set(swept.purged) == {waiting.id, running.id}
    assert traces(redis, waiting.id) == traces(redis, running.id) == []


def test_traces_are_cleared_too_where_the_record_ended_before_the_sweeper_came(
    redis: Redis, vault: Vault, now: float
) -> None:
    migration, other = create(redis, "acme", now=now), create(redis, "acme", now=now)
    vault.make(migration.id)
    accounts.claim(redis, vault, migration.id, "someone@gmail.example")
    redis.set(f"{record_key(migration.id)}:ids", "x", ex=HOUR)
    redis.delete(record_key(migration.id))
    sweep(redis, vault, now=now + EXPIRE_SECONDS + 10)
    assert traces(redis, migration.id) == []
    assert not vault.holds(migration.id)
    assert claimed(redis, now).id == other.id
    assert (Act.PURGED, migration.id, "lost") in written(redis)


def test_an_account_that_another_migration_holds_by_now_stays_held(redis: Redis, vault: Vault, now: float) -> None:
    migration = create(redis, "acme", now=now)
    accounts.claim(redis, vault, migration.id, "someone@gmail.example")
    done(redis, now)
    successor = new_id()
    accounts.claim(redis, vault, successor, "someone@gmail.example")
    assert sweep(redis, vault, now=now + ENDED_SECONDS).purged == (migration.id,)
    assert [redis.get(hold) for hold in redis.scan_iter("account:*")] == [successor.encode()]
    assert traces(redis, migration.id) == []


def test_an_accounts_hold_ends_together_with_the_migration(redis: Redis, vault: Vault, now: float) -> None:
    migration = create(redis, "acme", now=now)
    accounts.claim(redis, vault, migration.id, "someone@gmail.example")
    at = claimed(redis, now + HOUR)
    release(redis, at.id, at.token, again(), now=now + HOUR)
    (hold,) = redis.scan_iter("account:*")
    assert redis.expiretime(hold) == pytest.approx(now + HOUR + UNFINISHED_SECONDS, abs=2)


def test_the_log_is_rewritten_after_a_purge(redis: Redis, vault: Vault, now: float) -> None:
    create(redis, "acme", now=now)
    done(redis, now)
    assert not redis.exists(REWRITE_WISH)
    sweep(redis, vault, now=now + ENDED_SECONDS)
    assert redis.exists(REWRITE_WISH)


# --- audited first ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [EXPIRE_SECONDS, UNFINISHED_SECONDS], ids=["expiry", "purge"])
def test_what_cannot_be_written_down_is_not_done(redis: Redis, vault: Vault, now: float, age: int) -> None:
    migration = create(redis, "acme", now=now)
    vault.make(migration.id)
    redis.set(audit_head(redis), "forged", ex=60)
    with pytest.raises(AuditBroken):
        sweep(redis, vault, now=now + age)
    assert read(redis, migration.id).state is State.PLANNING
    assert vault.holds(migration.id)


def audit_head(redis: Redis) -> str:
    audit.append(redis, audit.WORKER, Act.STARTED)
    return "audit:broken"


def test_while_the_key_store_is_away_nothing_is_purged_and_nothing_written_down(
    redis: Redis, vault: Vault, now: float, tmp_path: Path
) -> None:
    migration = create(redis, "acme", now=now)
    with Redis(unix_socket_path=str(tmp_path / "none")) as nobody:
        with pytest.raises(RedisError):
            sweep(redis, vault_of(nobody, tmp_path / "master.key"), now=now + UNFINISHED_SECONDS)
        assert read(redis, migration.id).state is State.PLANNING
        assert written(redis) == []
    assert sweep(redis, vault, now=now + UNFINISHED_SECONDS).purged == (migration.id,)
