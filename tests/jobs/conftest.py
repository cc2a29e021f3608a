from collections.abc import Iterator

import pytest
from jobs_harness import Worker
from key_leaks import leaks
from redis import Redis
from statements import Begun

from app.embedded import EmbeddedStore, start
from jobs.broker import open_state


@pytest.fixture(scope="session")
def running_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with start(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def store(running_store: EmbeddedStore) -> Iterator[EmbeddedStore]:
    """A store without any key; at the end of the test no key may be left that has no end."""
    with Redis.from_url(running_store.url) as redis, Redis.from_url(running_store.broker_url) as tickets:
        redis.flushall()
        yield running_store
        assert leaks(redis) == []
        assert leaks(tickets) == []


@pytest.fixture
def redis(store: EmbeddedStore) -> Iterator[Redis]:
    with open_state(store.url) as client:
        yield client


@pytest.fixture
def worker(store: EmbeddedStore) -> Iterator[Worker]:
    """A worker in this process, not yet started."""
    with Worker(store.url, store.broker_url) as worker:
        yield worker


@pytest.fixture
def begun(redis: Redis) -> Begun:
    return Begun(redis)
