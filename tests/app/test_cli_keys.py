"""`migrator keys status`: how many imports need which key store, and when one may be stopped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from redis.exceptions import NoPermissionError
from vaults import make_keys

from app import embedded
from app.cli_keys import keys_group
from app.config import Config
from app.stores import Stores
from app.storeurls import configured_urls
from jobs import exchanges
from jobs.draining import drains
from jobs.migration import new_id
from jobs.requests import create
from oauth.keystores import KeyStores


@dataclass(frozen=True)
class Place:
    """A state store and two key stores, and the commands of whoever is configured with some of these."""

    folder: Path
    state: embedded.EmbeddedStore
    old: embedded.EmbeddedStore
    new: embedded.EmbeddedStore

    def config(self, *keys: str) -> Config:
        named = {"url": self.state.url, "broker_url": self.state.broker_url, "keys_url": list(keys)}
        return Config.model_validate({"store": {**named, "master_key_file": self.folder / "master.key"}})

    def begin(self, *keys: str) -> str:
        """Begin an import where the key stores are these."""
        config, migration = self.config(*keys), new_id()
        stores = Stores(configured_urls(config.store), self.folder / "master.key")
        stores.vault.make(migration)
        create(stores.state, "c1", migration_id=migration)
        stores.state.close()
        stores.keystores.close()
        return migration

    def run(self, *keys: str, words: tuple[str, ...] = ()) -> Result:
        return CliRunner().invoke(keys_group, ["status", *words], obj=self.config(*keys), env={"COLUMNS": "160"})

    def told(self, *keys: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run(*keys, words=("--json",)).stdout)
        return rows


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    with (
        embedded.start(folder / "s", persistent=False) as state,
        embedded.start(folder / "a", persistent=False) as old,
        embedded.start(folder / "b", persistent=False) as new,
    ):
        yield Place(folder, state, old, new)


@pytest.fixture
def place(servers: Place) -> Place:
    for server in (servers.state, servers.old, servers.new):
        with Redis.from_url(server.url) as client:
            client.flushall()
    return servers


def test_each_store_says_how_many_imports_need_it(place: Place) -> None:
    old, new = place.old.url, place.new.url
    for _ in range(3):
        place.begin(old)
    place.begin(new, old)
    first, second = place.told(new, old)
    assert (first["first"], first["imports"], first["others"], first["may_be_stopped"]) == (True, 1, 0, False)
    assert (second["first"], second["imports"], second["others"], second["may_be_stopped"]) == (False, 3, 0, False)
    said = place.run(new, old)
    assert said.exit_code == 0
    assert "takes new imports" in said.stdout
    assert "drains: may be stopped when its imports have ended" in said.stdout


def test_a_store_that_nobody_needs_may_be_stopped(place: Place) -> None:
    said = place.run(place.new.url, place.old.url)
    assert "may be stopped: take it out of store.keys_url first" in said.stdout
    assert [row["may_be_stopped"] for row in place.told(place.new.url, place.old.url)] == [False, True]


def test_a_consent_under_way_keeps_a_store(place: Place) -> None:
    with Redis.from_url(place.old.url) as keys:
        keys.set("consent:x", "y", ex=600)
    said = place.run(place.new.url, place.old.url)
    assert "end within half an hour" in said.stdout
    assert place.told(place.new.url, place.old.url)[1]["others"] == 1


def test_an_account_that_is_being_connected_counts(place: Place) -> None:
    migration = place.begin(place.old.url)
    with Redis.from_url(place.state.url) as state:
        state.flushall()
        exchanges.begin(state, migration, "c1")
    assert place.told(place.new.url, place.old.url)[1]["imports"] == 1


def test_a_store_that_is_named_by_imports_and_by_nobody_else_is_told(place: Place) -> None:
    place.begin(place.old.url)
    said = place.run(place.new.url)
    assert said.exit_code == 1
    assert "not in store.keys_url" in said.stdout
    assert [(row["known"], row["imports"]) for row in place.told(place.new.url)] == [(True, 0), (False, 1)]


def test_a_store_that_is_away_is_told(place: Place) -> None:
    said = place.run(place.new.url, "unix:///nowhere/redis.sock?db=0")
    assert said.exit_code == 1
    assert "does not answer" in said.stdout


def test_where_the_number_of_all_keys_is_not_told_nothing_is_said_to_be_drained(place: Place) -> None:
    with Redis.from_url(place.old.url) as owner, Redis.from_url(place.state.url) as state:
        owner.acl_setuser("narrow", enabled=True, nopass=True, keys=["key:*"], commands=["+ttl", "+client|setinfo"])
        with Redis.from_url(f"{place.old.url.partition('&')[0]}&username=narrow&password=x") as narrow:
            with pytest.raises(NoPermissionError):
                narrow.dbsize()
            found = drains(state, KeyStores({"new": owner, "old": narrow}))
        owner.acl_deluser("narrow")
    assert (found[1].imports, found[1].others, found[1].may_be_stopped) == (0, None, False)
