"""What was unlinked is gone from the append-only file too: on real stores, each with a folder of its own."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from key_leaks import leaks
from redis import Redis
from structlog.testing import capture_logs
from waiting import eventually

from app.embedded import EmbeddedStore, start
from jobs import rewriting, scripts
from jobs.migration import new_id, record_key
from jobs.retention import REWRITE_WISH, ask_for_rewrite, unlink_at_end
from jobs.rewriting import rewrite_if_asked
from oauth.sealing import fresh_key
from oauth.vault import Safe

SECRET = b"refresh-token-5a11"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store that has rewritten nothing yet."""
    rewriting._say_once.cache_clear()
    with start(tmp_path / "store") as made:
        yield made


@pytest.fixture
def redis(store: EmbeddedStore) -> Iterator[Redis]:
    with Redis.from_url(store.url) as client:
        yield client
        assert leaks(client) == []


def sealed(redis: Redis) -> tuple[str, bytes]:
    """Seal a secret for a new migration; return its id and what lies in the store."""
    migration = new_id()
    Safe(redis, migration, fresh_key()).seal(grant=SECRET)
    value = redis.hget(f"{record_key(migration)}:sealed", "grant")
    assert isinstance(value, bytes)
    return migration, value


def on_disk(store: EmbeddedStore, value: bytes) -> bool:
    found = False
    for file in filter(Path.is_file, store.directory.rglob("*")):
        with suppress(FileNotFoundError):  # a file that the rewrite has put away meanwhile
            found |= value in file.read_bytes()
    return found


def idle(redis: Redis) -> bool:
    return not redis.info("persistence")["aof_rewrite_in_progress"]


def ten_seconds_later(redis: Redis) -> None:
    if redis.exists("discard:begun"):
        redis.hincrbyfloat("discard:begun", "at", -10)


def runs(redis: Redis) -> Callable[[], bool]:
    """Do what the reconciler does until the wish is fulfilled."""

    def look() -> bool:
        rewrite_if_asked(redis)
        return not redis.exists(REWRITE_WISH)

    return look


def test_an_unlinked_value_is_in_the_file_before_the_rewrite_and_in_no_file_after(
    store: EmbeddedStore, redis: Redis
) -> None:
    migration, value = sealed(redis)
    eventually(lambda: on_disk(store, value))
    assert unlink_at_end(redis, migration) == 1
    ask_for_rewrite(redis)
    assert on_disk(store, value)
    eventually(runs(redis))
    eventually(lambda: not on_disk(store, value))  # the old file is removed in the background


def test_nobody_asked_and_nothing_is_rewritten(redis: Redis) -> None:
    rewrite_if_asked(redis)
    assert not redis.exists("discard:begun")


def test_the_wish_stays_until_the_rewrite_has_ended(redis: Redis) -> None:
    redis.config_set("rdb-key-save-delay", 20_000)  # the rewrite takes its time
    for number in range(50):
        redis.set(f"quota:{number}", number, ex=60)
    ask_for_rewrite(redis)
    rewrite_if_asked(redis)
    assert not idle(redis)
    rewrite_if_asked(redis)
    assert redis.exists(REWRITE_WISH)
    eventually(runs(redis))
    assert idle(redis)


def test_a_wish_made_while_the_file_is_rewritten_leads_to_another_rewrite(store: EmbeddedStore, redis: Redis) -> None:
    redis.config_set("rdb-key-save-delay", 20_000)
    migration, value = sealed(redis)
    for number in range(50):
        redis.set(f"quota:{number}", number, ex=60)
    ask_for_rewrite(redis)
    rewrite_if_asked(redis)
    assert not idle(redis)
    unlink_at_end(redis, migration)  # too late: the rewrite has the value
    ask_for_rewrite(redis)
    eventually(lambda: idle(redis))
    redis.config_set("rdb-key-save-delay", 0)
    rewrite_if_asked(redis)
    assert redis.exists(REWRITE_WISH)
    assert on_disk(store, value)
    ten_seconds_later(redis)
    eventually(runs(redis))
    eventually(lambda: not on_disk(store, value))


def test_a_wish_is_taken_back_only_while_it_is_the_same(redis: Redis) -> None:
    ask_for_rewrite(redis)
    before = redis.get(REWRITE_WISH)
    assert isinstance(before, bytes)
    ask_for_rewrite(redis)
    assert scripts.run(redis, "forget", REWRITE_WISH, before.decode()) == ["no"]
    assert redis.exists(REWRITE_WISH)


def test_a_server_that_dies_while_it_rewrites_does_it_again(store: EmbeddedStore, tmp_path: Path) -> None:
    with Redis.from_url(store.url) as before:
        before.config_set("appendfsync", "always")
        before.config_set("rdb-key-save-delay", 200_000)
        migration, value = sealed(before)
        for number in range(50):
            before.set(f"quota:{number}", number, ex=60)
        unlink_at_end(before, migration)
        ask_for_rewrite(before)
        rewrite_if_asked(before)
        assert not idle(before)
    store._server.kill()
    store._server.wait()
    with start(tmp_path / "store", patience=10) as again, Redis.from_url(again.url) as after:
        assert idle(after)
        assert on_disk(again, value)
        eventually(runs(after))
        eventually(lambda: not on_disk(again, value))


def test_a_worker_that_dies_right_after_the_beginning_leads_to_another_rewrite(redis: Redis) -> None:
    ask_for_rewrite(redis)
    rewrite_if_asked(redis)
    redis.delete("discard:begun")  # it died before it could write it down
    eventually(lambda: idle(redis))
    rewrite_if_asked(redis)
    assert redis.exists("discard:begun")
    eventually(runs(redis))


def test_a_rewrite_that_failed_is_tried_again(store: EmbeddedStore, redis: Redis) -> None:
    _, value = sealed(redis)
    redis.flushall()
    redis.config_set("rdb-key-save-delay", 200_000)
    for number in range(50):
        redis.set(f"quota:{number}", number, ex=60)
    ask_for_rewrite(redis)
    rewrite_if_asked(redis)
    kill_child_of(store)
    eventually(lambda: idle(redis))
    redis.config_set("rdb-key-save-delay", 0)
    assert redis.info("persistence")["aof_last_bgrewrite_status"] == "err"
    rewrite_if_asked(redis)
    assert redis.exists(REWRITE_WISH)
    ten_seconds_later(redis)
    eventually(runs(redis))
    eventually(lambda: not on_disk(store, value))


def kill_child_of(store: EmbeddedStore) -> None:
    """Kill the one process that the server has forked."""
    (child,) = Path(f"/proc/{store.pid}/task/{store.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)


def test_rewrites_begin_ten_seconds_apart(redis: Redis) -> None:
    ask_for_rewrite(redis)
    eventually(runs(redis))
    redis.hincrbyfloat("discard:begun", "at", -5)
    begun = redis.hget("discard:begun", "at")
    ask_for_rewrite(redis)
    rewrite_if_asked(redis)
    assert redis.hget("discard:begun", "at") == begun
    assert redis.exists(REWRITE_WISH)
    ten_seconds_later(redis)
    eventually(runs(redis))


def test_a_store_without_the_file_is_told_of_once_and_the_wish_dropped(tmp_path: Path) -> None:
    rewriting._say_once.cache_clear()
    bare = start(tmp_path / "bare", persistent=False)
    with bare, Redis.from_url(bare.url) as redis, capture_logs() as told:
        for _ in range(2):
            ask_for_rewrite(redis)
            rewrite_if_asked(redis)
            assert not redis.exists(REWRITE_WISH)
    assert [(row["event"], row["log_level"]) for row in told] == [("rewrite-refused", "warning")]


@pytest.mark.parametrize("command", ["bgrewriteaof", "info"])
def test_a_store_that_does_not_allow_it_is_told_of_once_and_the_wish_dropped(
    command: str, store: EmbeddedStore, redis: Redis
) -> None:
    redis.execute_command("ACL", "SETUSER", "worker", "on", ">pw", "~*", "&*", "+@all", f"-{command}")
    url = store.url.partition("&")[0]
    with Redis.from_url(url, username="worker", password="pw") as limited, capture_logs() as told:
        for _ in range(2):
            ask_for_rewrite(limited)
            rewrite_if_asked(limited)
            assert not limited.exists(REWRITE_WISH)
    assert [row["event"] for row in told] == ["rewrite-refused"]
