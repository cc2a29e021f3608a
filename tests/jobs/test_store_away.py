"""A store that is away is told from one that finds a command wrong; each error comes from a real server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis._parsers.base import BaseParser
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.child import _end_of
from app.embedded import start
from jobs.crashes import STORE_AWAY
from jobs.slice import soon
from jobs.storetrouble import is_away, trouble_of

Trouble = Callable[[Redis], object]


def follow_another(redis: Redis) -> None:
    redis.replicaof("127.0.0.1", "1")


def lack_replicas(redis: Redis) -> None:
    redis.config_set("min-replicas-to-write", 1)


def lack_memory(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)


def lack_rights(redis: Redis) -> None:
    redis.execute_command("ACL", "SETUSER", "admin", "-@write")


def writes(redis: Redis) -> None:
    redis.set("number", 1, ex=60)


def writes_in_a_script(redis: Redis) -> None:
    redis.eval("return redis.call('SET', 'number', '1', 'EX', '60')", 0)


def writes_in_a_transaction(redis: Redis) -> None:
    with redis.pipeline() as pipe:
        pipe.set("number", 1, ex=60)
        pipe.execute()


def refused(redis: Redis, act: Callable[[Redis], None]) -> RedisError:
    with pytest.raises(RedisError) as caught:
        act(redis)
    return caught.value


@pytest.mark.parametrize("act", [writes, writes_in_a_script, writes_in_a_transaction])
@pytest.mark.parametrize("trouble", [follow_another, lack_replicas, lack_memory, lack_rights])
def test_a_store_that_takes_nothing_for_now_is_away(
    trouble: Trouble, act: Callable[[Redis], None], tmp_path: Path
) -> None:
    with start(tmp_path) as store, Redis.from_url(store.url) as redis:
        trouble(redis)
        error = refused(redis, act)
    assert is_away(error), error
    assert _end_of(error) == soon(STORE_AWAY)


def test_a_store_that_does_not_run_is_away(tmp_path: Path) -> None:
    with start(tmp_path) as store:
        redis = Redis.from_url(store.url, retry=Retry(NoBackoff(), 0))
    with redis:
        assert is_away(refused(redis, writes))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("LOADING Redis is loading the dataset in memory", "store-loading"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "store-following"),
        ("NOAUTH Authentication required.", "store-rights"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "store-rights"),
        ("ERR max number of clients reached", "store-unreachable"),
        ("UNKILLABLE Sorry the script already executed write commands", "store-busy"),
        ("ERR Error running script (call to f_1): @user_script:3: -READONLY You can't write", "store-read-only"),
        ("ERR Error running script (call to f_1): @user_script: 3: -MISCONF Redis is configured to", "store-disk"),
        ("ERR ACL failure in script: User default has no permissions to run the 'set' command", "store-rights"),
        ("ERR The user executing the script can't run this command or subcommand script", "store-rights"),
        ("ERR unknown command 'FOO', with args beginning with: 'READONLY'", ""),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", ""),
        ("ERR Error running script (call to f_1): @user_script:3: user_script:3: BUSYNESS is nil", ""),
        ("BUSYGROUP Consumer Group name already exists", ""),
    ],
)
def test_what_other_servers_say_is_sorted_the_same(said: str, code: str) -> None:
    error = BaseParser.parse_error(said)
    assert (trouble_of(error), is_away(error)) == (code, bool(code))


def test_a_command_that_is_wrong_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with start(tmp_path) as store, Redis.from_url(store.url) as redis:
        error = refused(redis, lambda redis: redis.execute_command("SET", "one"))
    assert not is_away(error)
    with pytest.raises(RedisError):
        _end_of(error)
