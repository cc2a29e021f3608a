"""The keeping ended early: nothing of the import is left, and only of this one."""

from pathlib import Path

import pytest
from redis import Redis
from vaults import make_keys, vault_of

from jobs import accounts, audit
from jobs.audit import Act, AuditBroken
from jobs.erasing import erase
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import State, new_id, record_key
from jobs.requests import cancel, create, pause, read
from jobs.retention import REWRITE_WISH, migration_parts
from jobs.slice import SliceEnd, advance, ended, failed
from jobs.tickets import claim, release
from jobs.undoing import UndoUnderWay
from oauth.vault import Vault


@pytest.fixture
def vault(redis: Redis, tmp_path: Path) -> Vault:
    make_keys(tmp_path)
    return vault_of(redis, tmp_path / "master.key")


def work(redis: Redis, *ends: SliceEnd) -> None:
    for end in ends:
        claimed = claim(redis, 10.0)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, end)


def full(redis: Redis, vault: Vault, customer: str, *ends: SliceEnd) -> str:
    """Make an import with something in every part, and bring it where these ends of slices lead."""
    migration = create(redis, customer).id
    accounts.claim(redis, vault, migration, f"{customer}@gmail.example")
    vault.make(migration)
    work(redis, *ends)
    for part in migration_parts():
        name = f"{record_key(migration)}:{part}"
        if part not in {"account", "events", "folders", "history", "undoing"}:
            redis.set(name, "x", ex=600)
    redis.hset(f"{record_key(migration)}:folders", mapping={"0": "INBOX", "7": "Work"})
    redis.expire(f"{record_key(migration)}:folders", 600)
    for folder in (0, 7):
        redis.rpush(f"{record_key(migration)}:placed:{folder}", "x")
        redis.expire(f"{record_key(migration)}:placed:{folder}", 600)
    return migration


def done(redis: Redis, vault: Vault, customer: str = "c1") -> str:
    return full(redis, vault, customer, advance(State.FINISHING), ended(State.DONE))


def keys_of(redis: Redis, migration: str) -> list[bytes]:
    named = [key for key in redis.scan_iter("*") if migration.encode() in key]
    queues = [key for key in (b"jobs:ends", b"jobs:due", b"jobs:leases") if redis.zscore(key, migration) is not None]
    holds = [key for key in redis.scan_iter("account:*") if redis.get(key) == migration.encode()]
    return sorted(named) + queues + holds


def test_of_an_erased_import_nothing_is_left_anywhere(redis: Redis, vault: Vault) -> None:
    other, mine = done(redis, vault, "c2"), done(redis, vault)
    before = len(keys_of(redis, other))
    assert len(keys_of(redis, mine)) == before > 25
    assert erase(redis, vault, mine)
    assert keys_of(redis, mine) == []
    assert len(keys_of(redis, other)) == before
    with pytest.raises(UnknownMigration):
        read(redis, mine)


def test_the_log_is_asked_to_be_rewritten(redis: Redis, vault: Vault) -> None:
    mine = done(redis, vault)
    redis.delete(REWRITE_WISH)
    erase(redis, vault, mine)
    assert redis.exists(REWRITE_WISH)


def test_who_erased_stands_in_the_audit_log_and_stays_there(redis: Redis, vault: Vault) -> None:
    mine = done(redis, vault)
    erase(redis, vault, mine)
    (entry,) = audit.entries(redis, mine)
    assert (entry.actor, entry.act, entry.code) == (audit.CUSTOMER, Act.ERASED, "done")


def test_without_an_audit_log_nothing_is_erased(redis: Redis, vault: Vault) -> None:
    mine = done(redis, vault)
    before = keys_of(redis, mine)
    redis.set("audit:broken", "torn", ex=600)
    with pytest.raises(AuditBroken):
        erase(redis, vault, mine)
    assert keys_of(redis, mine) == before
    assert vault.holds(mine)


def test_twice_is_once(redis: Redis, vault: Vault) -> None:
    mine = done(redis, vault)
    assert [erase(redis, vault, mine) for _ in range(2)] == [True, False]
    assert len(list(audit.entries(redis, mine))) == 1


def test_of_what_never_was_nothing_is_written_down(redis: Redis, vault: Vault) -> None:
    assert not erase(redis, vault, new_id())
    assert list(audit.entries(redis)) == []


@pytest.mark.parametrize("state", ["ready", "copying", "paused", "failed", "cancelling"])
def test_what_has_not_ended_is_cancelled_first(redis: Redis, vault: Vault, state: str) -> None:
    ways = {"copying": [advance(State.COPYING)], "failed": [failed("x", resumable=True)]}
    mine = full(redis, vault, "c1", *ways.get(state, []))
    if state == "paused":
        pause(redis, mine)
    if state == "cancelling":
        cancel(redis, mine)
    before = keys_of(redis, mine)
    with pytest.raises(IllegalTransition):
        erase(redis, vault, mine)
    assert keys_of(redis, mine) == before


def test_while_an_undo_runs_it_keeps_what_it_reads(redis: Redis, vault: Vault) -> None:
    mine = done(redis, vault)
    redis.set(f"{record_key(mine)}:undoing", "somebody", ex=60)
    with pytest.raises(UndoUnderWay):
        erase(redis, vault, mine)
    redis.delete(f"{record_key(mine)}:undoing")
    assert erase(redis, vault, mine)
