"""Accounts to be looked over: holds, messages and the actor, on a real Redis."""

import threading

import dramatiq
import pytest
from redis import Redis
from waiting import eventually

from app.embedded import EmbeddedStore
from jobs.broker import SURVEY, SURVEYS, make_sender, queued
from jobs.migration import part_key
from jobs.requests import create, resume
from jobs.surveys import Hold, ask, found, taking

SECRET = "what the customer wrote"


@pytest.fixture
def migration(redis: Redis) -> str:
    return create(redis, "acme", start=False).id


def asked(redis: Redis, store: EmbeddedStore, migration: str, before: str = "") -> int:
    """Ask for it, and return how many messages wait."""
    sender = make_sender(store.broker_url)
    ask(redis, sender, migration, before)
    return queued(sender.client, SURVEYS)


def test_it_is_asked_for_once(redis: Redis, store: EmbeddedStore, migration: str) -> None:
    assert [asked(redis, store, migration) for _ in range(3)] == [1, 1, 1]
    assert redis.ttl(part_key(migration, "surveying")) > 0
    assert Hold(redis, migration, "mine").take()
    assert asked(redis, store, migration) == 1, "it is under way"


def test_what_failed_is_asked_for_again_and_what_was_found_is_not(
    redis: Redis, store: EmbeddedStore, migration: str
) -> None:
    for row in ("failed", "found"):
        hold = Hold(redis, migration, row)
        assert hold.take()
        hold.leave(row)
        assert found(redis, migration) == row
        assert asked(redis, store, migration, before="failed") == 1
        redis.delete(part_key(migration, "surveying"))
    assert found(redis, migration) == "found"


def test_of_two_workers_one_is_at_it_and_the_other_changes_nothing(redis: Redis, migration: str) -> None:
    mine, other = Hold(redis, migration, "mine"), Hold(redis, migration, "other")
    assert (mine.take(), other.take(), mine.take()) == (True, False, False)
    assert (mine.keep(), other.keep()) == (True, False)
    other.leave("theirs")
    assert (found(redis, migration), mine.keep()) == ("", True)
    mine.leave("ours")
    assert (found(redis, migration), mine.keep(), other.take()) == ("ours", False, False)


def test_one_that_was_started_is_not_looked_over(redis: Redis, store: EmbeddedStore, migration: str) -> None:
    hold = Hold(redis, migration, "mine")
    assert hold.take()
    resume(redis, migration)
    assert not hold.keep()
    hold.leave("too late")
    assert (found(redis, migration), asked(redis, store, migration), hold.take()) == ("", 0, False)


def test_what_a_worker_gives_back_another_takes(redis: Redis, store: EmbeddedStore, migration: str) -> None:
    hold = Hold(redis, migration, "mine")
    assert hold.take()
    taken: list[str] = []
    with taking(store.broker_url, taken.append):
        hold.give_back(make_sender(store.broker_url))
        eventually(lambda: taken == [migration])
    assert Hold(redis, migration, "other").take()
    hold.give_back(make_sender(store.broker_url))
    assert queued(make_sender(store.broker_url).client, SURVEYS) == 0, "it is another's by now"


def test_no_text_of_an_exception_reaches_the_broker(redis: Redis, store: EmbeddedStore, migration: str) -> None:
    called = threading.Event()

    def fails(_: str) -> None:
        called.set()
        raise RuntimeError(SECRET)

    with taking(store.broker_url, fails):
        asked(redis, store, migration)
        assert called.wait(30)
        with Redis.from_url(store.broker_url) as broker:
            eventually(lambda: broker.zcard("{dramatiq}:surveys.XQ") or broker.llen("{dramatiq}:surveys.DQ"))
    written = b"".join(path.read_bytes() for path in (store.directory / "appendonlydir").iterdir())
    assert migration.encode() in written
    assert SECRET.encode() not in written


def test_a_message_that_is_old_is_not_done(store: EmbeddedStore) -> None:
    taken: list[str] = []
    sender = make_sender(store.broker_url)
    for stamp in (1, dramatiq.common.current_millis()):
        sender.enqueue(dramatiq.Message(SURVEYS, SURVEY, (f"{stamp}",), {}, {}, message_timestamp=stamp))
    with taking(store.broker_url, taken.append):
        eventually(lambda: taken)
    assert taken == [f"{stamp}"]
