"""`migrator audit verify | show` on a real store."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from audit_keeping import KEY_TEXT, old_copy
from click.testing import CliRunner, Result
from redis import Redis
from vaults import make_keys

from app import embedded
from app.cli_audit import _SENTENCES, audit_group
from app.config import Config, Store
from jobs import audit
from jobs.audit import Act, Checkpoint, Kind
from jobs.audit.entry import BEGINNING
from jobs.audit.keeper import Keeper, locked
from jobs.audit.key import AuditKey
from jobs.audit.places import NEWEST, OPEN

MIGRATION = "5f" * 16
STAFF = audit.staff("0a" * 16)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Redis]]:
    """An installation's folder whose stores run, as beside a worker."""
    folder = tmp_path_factory.mktemp("home")
    make_keys(folder)
    with (
        embedded.start(folder / "redis") as state,
        embedded.start(folder / "keys", persistent=False),
        Redis.from_url(state.url) as client,
    ):
        yield folder, client


@pytest.fixture
def redis(home: tuple[Path, Redis]) -> Redis:
    home[1].flushall()
    shutil.rmtree(home[0] / "audit", ignore_errors=True)
    (home[0] / "audit.key").write_bytes(KEY_TEXT)
    return home[1]


@pytest.fixture
def config(home: tuple[Path, Redis]) -> Config:
    return Config(store=Store(directory=home[0]))


def ask(config: Config, *words: str) -> Result:
    return CliRunner().invoke(audit_group, list(words), obj=config)


@pytest.fixture
def log(redis: Redis, config: Config) -> list[audit.Entry]:
    audit.append(redis, audit.CUSTOMER, Act.GRANTED, MIGRATION)
    audit.append(redis, audit.WORKER, Act.OPENED, MIGRATION, "planning")
    audit.append(redis, STAFF, Act.MASTER_KEY_ROTATED)
    audit.append(redis, STAFF, Act.PAUSED, MIGRATION, "asked")
    keep(redis, config)
    return list(audit.entries(redis))


def keep(redis: Redis, config: Config) -> None:
    with locked(config.audit_folder):
        Keeper(redis, config.audit_folder, AuditKey.read(config.audit_key_path), settled_seconds=0).look()


def alter(redis: Redis, entry: audit.Entry) -> None:
    line: bytes = redis.lindex(OPEN, entry.number - 1)  # type: ignore[assignment]
    redis.lset(OPEN, entry.number - 1, line.replace(b"opened", b"paused"))  # type: ignore[arg-type]


def test_a_whole_log_is_said_to_be_whole_and_what_that_does_not_show(config: Config, log: list[audit.Entry]) -> None:
    said = ask(config, "verify")
    assert said.exit_code == 0
    assert said.output.splitlines()[0] == "The audit log is whole: entries 1 to 4."
    assert "by a note outside the store nothing is missing up to entry 4" in said.output
    assert log


def test_without_the_key_it_is_said_what_is_not_shown(config: Config, log: list[audit.Entry]) -> None:
    config.audit_key_path.unlink()
    said = ask(config, "verify", "--all")
    assert (said.exit_code, "The key is not here, and no checkpoint was given" in said.output) == (0, True)
    assert "contains the 1 checkpoints given" in ask(config, "verify", "--checkpoint", str(log[1].checkpoint)).output


def test_an_older_copy_of_the_store_is_found_without_a_checkpoint(
    config: Config, redis: Redis, log: list[audit.Entry]
) -> None:
    with old_copy(redis):
        audit.append(redis, audit.WORKER, Act.OPENED)
        keep(redis, config)
    said = ask(config, "verify")
    assert (said.exit_code, len(log)) == (1, 4)
    assert "Entry 5 is missing, though the log has been that far" in said.output
    assert "put back from an older copy" in said.output
    (config.audit_folder / "newest").write_text("x")
    assert "how far the log has been (newest) was altered" in ask(config, "verify").output


def test_an_empty_log_is_said_to_be_empty(config: Config, redis: Redis) -> None:
    said = ask(config, "verify")
    assert (said.exit_code, "it has no entries" in said.output) == (0, True)
    assert ask(config, "show").output == "no entries\n"
    assert ask(config, "show", "--json").output == ""
    assert redis.keys("audit:*") == []


def test_a_checkpoint_that_the_log_contains_is_confirmed(config: Config, log: list[audit.Entry]) -> None:
    said = ask(config, "verify", "--checkpoint", str(log[1].checkpoint), "--checkpoint", str(log[2].checkpoint))
    assert said.exit_code == 0
    assert "up to entry 3 it was not written anew" in said.output


def test_an_altered_entry_is_named_and_the_exit_code_is_one(
    config: Config, redis: Redis, log: list[audit.Entry]
) -> None:
    alter(redis, log[1])
    said = ask(config, "verify")
    assert said.exit_code == 1
    assert said.output.splitlines()[0].startswith("The audit log is NOT what was written: entries 1 to 4")
    assert "Entry 2 was altered." in said.output


def test_a_checkpoint_of_another_log_is_refused(config: Config, log: list[audit.Entry]) -> None:
    said = ask(config, "verify", "--checkpoint", f"3:{log[1].hash}")
    assert (said.exit_code, "Entry 3 is not the one the checkpoint was taken of" in said.output) == (1, True)


def test_entries_removed_before_their_time_are_named(config: Config, redis: Redis, log: list[audit.Entry]) -> None:
    redis.ltrim(OPEN, 2, -1)
    assert log
    said = ask(config, "verify")
    assert (said.exit_code, "Entry 2 and those before it were removed before" in said.output) == (1, True)


def test_flaws_beyond_twenty_are_counted(config: Config, redis: Redis) -> None:
    for _ in range(25):
        audit.append(redis, audit.WORKER, Act.OPENED)
    keep(redis, config)
    for entry in list(audit.entries(redis)):
        alter(redis, entry)
    assert "7 more flaws" in ask(config, "verify").output  # the copy of the newest entry, and the note of it outside
    assert json.loads(ask(config, "verify", "--json").output)["count"] == 27


def test_programs_get_the_verdict_as_json(config: Config, redis: Redis, log: list[audit.Entry]) -> None:
    checkpoint = log[2].checkpoint
    alter(redis, log[1])
    said = ask(config, "verify", "--json", "--checkpoint", str(checkpoint))
    assert said.exit_code == 1
    assert json.loads(said.output) == {
        "holds": False,
        "first": 1,
        "last": 4,
        "flaws": [{"entry": 2, "kind": "changed", "sentence": "Entry 2 was altered."}],
        "count": 1,
        "confirmed": [str(checkpoint), str(log[3].checkpoint)],
        "out_of_reach": [],
    }


@pytest.mark.parametrize("text", ["3", "three:" + "0" * 64, "3:xyz"])
def test_a_checkpoint_written_wrongly_is_refused_before_anything_is_read(config: Config, text: str) -> None:
    said = ask(config, "verify", "--checkpoint", text)
    assert (said.exit_code, "checkpoint" in said.output) == (2, True)


def receipt(folder: Path, payload: object) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    path = folder / "receipt.jws"
    path.write_text(f"e30.{encoded}.c2ln\n")
    return str(path)


def test_the_checkpoint_of_a_receipt_is_taken(config: Config, log: list[audit.Entry], tmp_path: Path) -> None:
    right = receipt(tmp_path, {"audit": {"checkpoint": str(log[3].checkpoint)}})
    assert ask(config, "verify", "--receipt", right).exit_code == 0
    wrong = receipt(tmp_path, {"audit": {"checkpoint": str(Checkpoint(9, BEGINNING))}})
    said = ask(config, "verify", "--receipt", wrong)
    assert (said.exit_code, "Entry 9 is missing, though there is a checkpoint of it" in said.output) == (1, True)


@pytest.mark.parametrize("payload", [{}, [], None, {"audit": None}, {"audit": {"checkpoint": 7}}])
def test_a_receipt_without_a_checkpoint_is_refused(config: Config, tmp_path: Path, payload: object) -> None:
    said = ask(config, "verify", "--receipt", receipt(tmp_path, payload))
    assert (said.exit_code, "receipt.jws is not a receipt with a checkpoint" in said.output) == (1, True)


def test_a_file_that_is_no_receipt_is_refused(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_bytes(b"\xffDear customer")
    assert ask(config, "verify", "--receipt", str(path)).exit_code == 1


@pytest.mark.parametrize("words", [["verify"], ["show"]])
def test_a_store_that_holds_something_else_is_an_error_in_a_sentence(
    config: Config, redis: Redis, words: list[str]
) -> None:
    redis.hset(NEWEST, "a", "b")
    said = ask(config, *words)
    assert (said.exit_code, said.output) == (1, "Error: The audit log cannot be read (ResponseError).\n")


def test_entries_are_shown_oldest_first(config: Config, log: list[audit.Entry]) -> None:
    said = ask(config, "show").output.splitlines()
    assert [line.split()[0] for line in said] == ["1", "2", "3", "4"]
    assert re.fullmatch(rf" +2  \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ  worker    opened  +{MIGRATION}  planning", said[1])
    assert said[2].split()[2:] == [str(STAFF), "master-key-rotated", "-"]
    assert len(log) == len(said)


def test_the_newest_entries_or_those_of_one_import_are_shown(config: Config, log: list[audit.Entry]) -> None:
    assert len(ask(config, "show", "--last", "2").output.splitlines()) == 2
    mine = ask(config, "show", "--migration", MIGRATION, "--json").output.splitlines()
    assert [json.loads(line)["number"] for line in mine] == [1, 2, 4]
    assert mine[0] == log[0].text


def test_the_chain_can_be_followed_by_hand(config: Config, log: list[audit.Entry]) -> None:
    before, after = ask(config, "show", "--last", "2", "--json").output.splitlines()
    assert json.loads(after)["previous"] == sha256(before.encode()).hexdigest() == log[2].hash


def test_a_damaged_log_is_not_shown_as_if_it_were_whole(config: Config, redis: Redis, log: list[audit.Entry]) -> None:
    alter(redis, log[1])
    said = ask(config, "show")
    assert said.exit_code == 1
    assert "migrator audit verify" in said.output


def test_every_kind_of_flaw_has_its_sentence() -> None:
    assert set(_SENTENCES) == set(Kind)
