import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from vaults import make_keys, vault_of

from app.cli_data import data_command
from app.config import Config
from app.embedded import start
from jobs import accounts
from jobs.kept import Where
from jobs.migration import new_id, record_key
from jobs.requests import create
from jobs.retention import KEPT, ask_for_rewrite
from oauth.vault import Sealer, Vault

SECRETS = ("refresh-canary", "someone@gmail.example", "Folder-canary")


@dataclass
class Place:
    """An installation on embedded stores, and the command in it."""

    config: Config
    state: Redis
    broker: Redis
    keys: Redis
    vault: Vault

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(data_command, arguments, obj=self.config, env={"COLUMNS": "250"})

    def told(self, *arguments: str) -> dict[str, Any]:
        """Return the answer for programs, its rows by name."""
        answer = json.loads(self.run("--json", *arguments).stdout)
        return {**answer, "rows": {row["what"]: row for row in answer["rows"]}}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    make_keys(tmp_path)
    with (
        start(tmp_path / "redis") as state,
        start(tmp_path / "keys", persistent=False) as keys,
        Redis.from_url(state.url) as state_client,
        Redis.from_url(state.broker_url) as broker_client,
        Redis.from_url(keys.url) as keys_client,
    ):
        vault = vault_of(keys_client, tmp_path / "master.key")
        config = Config.model_validate({"store": {"directory": tmp_path}})
        yield Place(config, state_client, broker_client, keys_client, vault)


def an_import(place: Place, address: str = SECRETS[1]) -> str:
    """Begin an import with something in many rows; return its id."""
    migration = new_id()
    accounts.claim(place.state, place.vault, migration, address)
    Sealer(place.state, migration, place.vault.make(migration)).seal(grant=SECRETS[0].encode())
    create(place.state, "acme", migration_id=migration)
    for part in ("placed:3", "placed:44", "found:SPAM", "found:all"):
        place.state.set(f"{record_key(migration)}:{part}", b"x" * 1000, ex=60)
    place.state.hset(f"{record_key(migration)}:folders", mapping={"3": SECRETS[2], "44": "x"})
    place.state.expire(f"{record_key(migration)}:folders", 60)
    return migration


def test_the_table_is_shown_whole_with_what_is_held_now(place: Place) -> None:
    an_import(place)
    an_import(place, "other@gmail.example")
    place.broker.set("{dramatiq}:slices.msgs", "x", ex=60)
    answer = place.told()
    rows = answer["rows"]
    assert list(rows) == [row.pattern for row in KEPT]
    assert {rows[name]["keys"] for name in ("mig:{<id>}", "mig:{<id>}:sealed", "key:{<id>}")} == {2}
    assert rows["mig:{<id>}:placed:*"]["keys"] == rows["mig:{<id>}:found:*"]["keys"] == 4
    assert rows["mig:{<id>}:placed:*"]["bytes"] > 4000
    assert (rows["account:*"]["keys"], rows["{dramatiq}:*"]["keys"]) == (2, 1)
    assert rows["mig:{<id>}:receipt"]["keys"] == rows["mig:{<id>}:receipt"]["bytes"] == 0
    assert (answer["outside"], answer["endless"]) == (0, 0)
    assert sum(row.get("keys", 0) for row in rows.values()) == sum(
        store.dbsize() for store in (place.state, place.broker, place.keys)
    )


def test_a_store_larger_than_a_page_is_counted_to_the_end(place: Place) -> None:
    with place.state.pipeline() as many:
        for number in range(2500):
            many.set(f"quota:p:{number}", 1, ex=60)
        many.execute()
    assert place.told()["rows"]["quota:*"]["keys"] == 2500


def test_of_one_import_only_its_own_is_counted(place: Place) -> None:
    first, second = an_import(place), an_import(place, "other@gmail.example")
    ask_for_rewrite(place.state)
    rows = place.told(second)["rows"]
    held = {name: row["keys"] for name, row in rows.items() if row["keys"]}
    assert held == {
        "mig:{<id>}": 1,
        "mig:{<id>}:history": 1,
        "mig:{<id>}:sealed": 1,
        "mig:{<id>}:account": 1,
        "mig:{<id>}:found:*": 2,
        "mig:{<id>}:folders": 1,
        "mig:{<id>}:placed:*": 2,
        "account:*": 1,
        "jobs:of:*": 1,
        "key:{<id>}": 1,
        "sealto:{<id>}": 1,
        "shown:{<id>}": 1,
    }
    (hold,) = (name for name in place.state.scan_iter("account:*") if place.state.get(name) == first.encode())
    place.state.set(hold, second, ex=60)
    assert place.told(first)["rows"]["account:*"]["keys"] == 0, "another import holds the account by now"
    assert not [row for row in rows.values() if row["where"] == Where.FILES]


def test_nothing_but_names_of_rows_and_numbers_gets_out(place: Place) -> None:
    migration = an_import(place)
    for arguments in ((), ("--json",), (migration,), (migration, "--json")):
        result = place.run(*arguments)
        assert result.exit_code == 0, result.output
        assert not [secret for secret in (*SECRETS, migration, "acme") if secret in result.output]


def test_a_person_sees_every_row_once_under_its_end(place: Place) -> None:
    an_import(place)
    shown = " ".join(place.run().output.split())
    assert [row.holds for row in KEPT if shown.count(row.holds) == 0] == []
    titles = {f"{row.where.capitalize()}, until {row.until}" for row in KEPT}
    assert [title for title in titles if shown.count(title) != 1] == []


def test_keys_outside_the_table_or_without_an_end_are_said_and_make_it_fail(place: Place) -> None:
    place.state.set("alien-canary", 1, ex=60)
    place.keys.set(f"key:{{{new_id()}}}", 1)
    place.keys.set("jobs:turn", 1, ex=60)
    result = place.run()
    assert result.exit_code == 1
    assert "in no row of the table: 2; without an end: 1" in result.output
    assert "alien-canary" not in result.output
    answer = place.told()
    assert (answer["outside"], answer["endless"]) == (2, 1)


def test_an_import_of_which_nothing_is_kept_is_said_to_be_unknown(place: Place) -> None:
    result = place.run(new_id())
    assert result.exit_code == 1
    assert "nothing is kept" in result.output


def test_a_store_that_cannot_be_read_is_said_so(place: Place) -> None:
    config = place.config.model_copy(
        update={
            "store": place.config.store.model_copy(
                update={"url": "unix:///nowhere/redis.sock", "broker_url": "unix:///n", "keys_url": "unix:///n"}
            )
        }
    )
    result = CliRunner().invoke(data_command, [], obj=config)
    assert result.exit_code == 1
    assert "a store cannot be read (ConnectionError)" in result.output
