"""The answers about health, of every server there is, over HTTP."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest
from redis import Redis
from scraping import get, served
from vaults import make_keys

from app import embedded
from app.cli_metrics import site_of as metrics_site
from app.config import Config
from app.console import console_site
from app.server import site_of as customers_site
from app.stores import Stores, StoreUrls


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("health")
    make_keys(folder)
    with embedded.start(folder / "redis") as state, embedded.start(folder / "keys", persistent=False) as keys:
        yield Stores(StoreUrls(state.url, state.broker_url, keys.url), folder / "master.key")


@pytest.fixture(scope="module")
def servers(stores: Stores) -> Iterator[dict[str, str]]:
    """The three sites, by the addresses they are reached at; browsers know other names of them."""
    config = Config.model_validate(
        {"web": {"url": "https://import.example.org"}, "console": {"url": "https://console.example.org"}}
    )
    with ExitStack() as stack:
        sites = {
            "customers": customers_site(config, stores, {}, Event()),
            "console": console_site(config, stores),
            "metrics": metrics_site(config, stores.urls),
        }
        yield {name: stack.enter_context(served(site)) for name, site in sites.items()}


SITES = pytest.mark.parametrize("name", ["customers", "console", "metrics"])


@SITES
def test_a_server_lives_and_serves_under_any_host_name(servers: dict[str, str], name: str) -> None:
    assert [get(f"{servers[name]}{place}") for place in ("/healthz", "/readyz")] == [(200, "ok\n")] * 2


@SITES
def test_nothing_else_is_answered_outside_the_guard(servers: dict[str, str], name: str) -> None:
    statuses = [get(f"{servers[name]}{place}")[0] for place in ("/", "/healthz/", "/readyz/x")]
    assert set(statuses) == ({404} if name == "metrics" else {421})


def test_a_server_without_a_store_lives_and_does_not_serve(tmp_path: Path) -> None:
    make_keys(tmp_path)
    with embedded.start(tmp_path / "redis") as state, embedded.start(tmp_path / "keys", persistent=False) as keys:
        stores = Stores(StoreUrls(state.url, state.broker_url, keys.url), tmp_path / "master.key")
        config = Config.model_validate({"console": {"url": "https://console.example.org"}})
        with served(console_site(config, stores)) as url, Redis.from_url(keys.url) as store:
            store.execute_command("CLIENT", "PAUSE", "3000")  # it takes connections and answers nobody
            assert get(f"{url}/readyz") == (503, "cannot serve now\n")
            assert get(f"{url}/healthz") == (200, "ok\n")
            keys.stop()
            assert get(f"{url}/healthz") == (200, "ok\n")
