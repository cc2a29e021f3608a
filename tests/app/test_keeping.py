"""A worker keeps the audit log: put together by configuration, one of several, and said when it can't."""

import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from redis import Redis
from structlog.testing import capture_logs
from vaults import make_keys
from waiting import eventually

from app import embedded, keeping
from app.config import Audit, Config, Store
from app.keeping import audit_key, keeper_client
from app.stores import Stores, open_stores
from jobs import audit
from jobs.audit import Act
from jobs.audit.places import OPEN


@pytest.fixture
def config(short: Path) -> Config:
    return Config(store=Store(directory=short))


@pytest.fixture
def stores(config: Config) -> Iterator[Stores]:
    folder = config.store.directory
    make_keys(folder)
    with (
        embedded.start(folder / "redis"),
        embedded.start(folder / "keys", persistent=False),
        open_stores(config.store) as stores,
    ):
        yield stores


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(keeping, "_LOCK_SECONDS", 0.05)


def number(redis: Redis) -> int:
    return audit.checkpoint(redis).number


def test_of_several_workers_one_keeps_the_log_and_another_goes_on(config: Config, stores: Stores) -> None:
    first, second = threading.Event(), threading.Event()
    with keeping.keeping(config, stores, second), keeping.keeping(config, stores, first):
        for count, stopped in ((1, first), (2, second)):
            audit.append(stores.state, audit.WORKER, Act.OPENED)
            eventually(lambda count=count: number(stores.state) == count)  # type: ignore[misc]
            stopped.set()
    verdict = audit.verdict(stores.state)
    assert verdict is not None
    assert verdict.holds


def test_a_worker_that_is_told_not_to_leaves_the_log_alone(config: Config, stores: Stores) -> None:
    quiet = config.model_copy(update={"audit": Audit(keep=False)})
    with keeping.keeping(quiet, stores, threading.Event()):
        audit.append(stores.state, audit.WORKER, Act.OPENED)
    assert not config.audit_folder.exists()


def test_another_folder_is_said_once_and_damage_when_it_begins(config: Config, stores: Stores, tmp_path: Path) -> None:
    other = config.model_copy(update={"audit": Audit(folder=tmp_path)})
    with capture_logs() as told, keeping.keeping(config, stores, threading.Event()):
        audit.append(stores.state, audit.WORKER, Act.OPENED)
        eventually(lambda: number(stores.state) == 1)
        with keeping.keeping(other, stores, threading.Event()):
            eventually(lambda: [row for row in told if row["event"] == "audit-elsewhere"])
        stores.state.delete(OPEN)
        eventually(lambda: [row for row in told if row["event"] == "audit-damaged"])
        looked = audit.verdict(stores.state)
        eventually(lambda: audit.verdict(stores.state) != looked)
    assert [(row["event"], row.get("code"), row.get("entry")) for row in told] == [
        ("audit-elsewhere", None, None),
        ("audit-damaged", "cut", 1),
    ]


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_lost(config: Config, stores: Stores) -> None:
    config.audit_folder.write_text("in the way")
    with capture_logs() as told, keeping.keeping(config, stores, threading.Event()):
        audit.append(stores.state, audit.WORKER, Act.OPENED)
        eventually(lambda: [row for row in told if row["event"] == "look-failed"])
        config.audit_folder.unlink()
        eventually(lambda: number(stores.state) == 1)


def test_the_keeper_comes_to_the_store_by_its_own_name(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "password").write_text("keeper:secret\n")
    config = Config(
        store=Store(url="redis://store:6379/0", broker_url="redis://store:6379/1", keys_url="redis://keys:6379/0"),
        audit=Audit(password_file=tmp_path / "password"),
    )
    with keeper_client(config, stores) as client:
        told = client.connection_pool.connection_kwargs
        assert (told["username"], told["password"]) == ("keeper", "secret")
    assert str(tmp_path / "password") in config.secret_files


@pytest.mark.parametrize("content", [None, "short"])
def test_a_named_key_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "audit.key"
    if content:
        path.write_text(content)
    with pytest.raises(click.ClickException, match=r"^audit\.key_file: "):
        audit_key(Config(audit=Audit(key_file=path)))
