from collections.abc import Iterator
from pathlib import Path

import pytest
from consents import config_for, emptied, stores_in
from engine import renewed
from redis import Redis
from stand_in import Google

import app.connecting
from app.config import Config
from app.embedded import start
from app.stores import Stores
from jobs import nursery
from jobs.migration import new_id


@pytest.fixture(scope="session")
def google_process() -> Iterator[tuple[Google, dict[str, object]]]:
    with Google() as google:
        yield google, google.control("settings")


@pytest.fixture
def google(google_process: tuple[Google, dict[str, object]]) -> Google:
    """The stand-in as if just started."""
    return renewed(*google_process)


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A store of its own, empty."""
    with start(tmp_path_factory.mktemp("app"), persistent=False) as store, Redis.from_url(store.url) as client:
        yield client


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    nursery.preload((app.connecting.__name__,))
    with stores_in(tmp_path_factory.mktemp("stores")) as stores:
        yield stores


@pytest.fixture
def stores(running: Stores) -> Stores:
    return emptied(running)


@pytest.fixture
def config(google: Google, stores: Stores, tmp_path: Path) -> Config:
    return config_for(google, stores, tmp_path)


@pytest.fixture
def migration() -> str:
    return new_id()
