"""The workers' key pair: made at the first start or by a command, and split between who opens and who seals."""

import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from vaults import make_keys

from app.checks.files import files
from app.cli import main
from app.config import Config, Store, load
from app.stores import Stores, open_stores
from app.storeurls import StoreUrls
from app.work import run_worker
from oauth.errors import WorkersKeyUnusable
from oauth.vault import Vault
from oauth.workerskeys import WorkersKeys, WorkersPublicKey

NOWHERE = StoreUrls("unix:///nowhere", "unix:///nowhere", "unix:///nowhere")


def test_the_first_start_makes_both_halves_and_the_next_one_leaves_them(short: Path) -> None:
    store = Store(directory=short)
    with open_stores(store) as stores:
        made = (short / "workers.key").read_bytes()
        assert WorkersKeys.read(short / "workers.key").public == WorkersPublicKey.read(short / "workers.pub")
        assert stores.opening_vault.open_from_web("l", stores.vault.seal_for_workers("l", b"x")) == b"x"
    with open_stores(store):
        assert (short / "workers.key").read_bytes() == made
    assert {path.stat().st_mode & 0o777 for path in short.glob("workers.*")} == {0o600}


def test_where_a_file_is_named_none_is_made(short: Path) -> None:
    store = Store(directory=short, workers_key_file=short / "elsewhere.key")
    with pytest.raises(click.ClickException, match="workers-key add"), open_stores(store):
        pass
    assert not list(short.glob("*.key.*"))
    assert not (short / "elsewhere.key").exists()


def test_who_has_the_public_key_alone_seals_and_cannot_even_ask_for_the_rest(tmp_path: Path) -> None:
    master = make_keys(tmp_path)
    (tmp_path / "workers.key").rename(tmp_path / "not-given")
    stores = Stores(NOWHERE, master)
    assert type(stores.vault) is Vault
    sealed = stores.vault.seal_for_workers("l", b"x")
    assert WorkersKeys.read(tmp_path / "not-given").open("l", sealed) == b"x"
    with pytest.raises(WorkersKeyUnusable):
        _ = stores.opening_vault


def test_who_has_the_private_key_needs_no_public_one(tmp_path: Path) -> None:
    master = make_keys(tmp_path)
    (tmp_path / "workers.pub").unlink()
    stores = Stores(NOWHERE, master)
    assert stores.opening_vault.open_from_web("l", stores.vault.seal_for_workers("l", b"x")) == b"x"


def test_without_either_nothing_is_sealed(tmp_path: Path) -> None:
    master = make_keys(tmp_path)
    for name in ("workers.key", "workers.pub"):
        (tmp_path / name).unlink()
    with pytest.raises(WorkersKeyUnusable):
        _ = Stores(NOWHERE, master).vault


def test_a_command_makes_the_pair_and_rotates_it(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\nmaster_key_file = "{tmp_path}/master.key"\n')
    for made in (1, 2):
        # Not by `main` itself, which sets up the log of the process: here that is the tests'.
        said = CliRunner().invoke(main.commands["workers-key"], ["add"], obj=load(config))
        assert said.exit_code == 0, said.output
        assert len((tmp_path / "workers.key").read_text().splitlines()) == made
        assert len((tmp_path / "workers.pub").read_text().splitlines()) == 1
        newest = (tmp_path / "workers.key").read_text().split()[0]
        assert (
            said.output
            == f"{tmp_path}/workers.key, {tmp_path}/workers.pub: imports are sealed to {newest} from now on\n"
        )


def test_where_it_cannot_write_the_command_says_so(tmp_path: Path) -> None:
    words = ["add", str(tmp_path / "none" / "a"), str(tmp_path / "b")]
    said = CliRunner().invoke(main.commands["workers-key"], words, obj=Config())
    assert said.exit_code == 1
    assert "cannot write" in said.output
    assert not (tmp_path / "b").exists()


def test_the_doctor_is_content_with_the_public_key_alone_and_waits_for_the_first_start(tmp_path: Path) -> None:
    config = Config.model_validate({"store": {"directory": tmp_path}})
    assert [one.verdict for one in files(config) if one.name == "workers' key"] == ["warn"]
    make_keys(tmp_path)
    (tmp_path / "workers.key").unlink()
    (found,) = (one for one in files(config) if one.name == "workers' key")
    assert (found.verdict, found.found) == ("ok", "seals to the workers; only they open")


def test_a_worker_without_the_private_key_does_not_begin(tmp_path: Path) -> None:
    master = make_keys(tmp_path)
    (tmp_path / "workers.key").unlink()
    with pytest.raises(click.ClickException, match="workers' keys"):
        run_worker(Config(), Stores(NOWHERE, master), threading.Event())
