from collections.abc import Iterator

import pytest
from engine import client_of, renewed
from redis import Redis
from stand_in import Google
from vaults import WORKERS

from app.embedded import start
from oauth.grant import Client
from oauth.keyring import KeyRing
from oauth.vault import WorkersVault


@pytest.fixture(scope="session")
def google_process() -> Iterator[tuple[Google, dict[str, object]]]:
    with Google() as google:
        yield google, google.control("settings")


@pytest.fixture
def google(google_process: tuple[Google, dict[str, object]]) -> Google:
    """The stand-in as if just started."""
    return renewed(*google_process)


@pytest.fixture
def client(google: Google) -> Client:
    return client_of(google)


@pytest.fixture(scope="session")
def vault_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Redis, Redis]]:
    folder = tmp_path_factory.mktemp("vault")
    with (
        start(folder / "state") as state,
        start(folder / "keys", persistent=False) as keys,
        Redis.from_url(state.url) as state_client,
        Redis.from_url(keys.url) as keys_client,
    ):
        yield state_client, keys_client


@pytest.fixture
def stores(vault_stores: tuple[Redis, Redis]) -> tuple[Redis, Redis]:
    """The store of sealed values and the store of keys, both empty."""
    for store in vault_stores:
        store.flushall()
    return vault_stores


@pytest.fixture
def vault(stores: tuple[Redis, Redis]) -> WorkersVault:
    return WorkersVault(stores[1], KeyRing({"m": b"m" * 32}), WORKERS)
