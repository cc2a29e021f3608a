"""The operators' commands on real stores: look, and act on one import or on all that match."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from vaults import make_keys

from app import cli_queue, embedded
from app.cli import main
from app.config import load
from jobs import audit
from jobs.audit.places import BROKEN
from jobs.flow import count_dead
from jobs.heartbeats import beat, this_worker
from jobs.migration import State, part_key
from jobs.requests import create, read
from jobs.slice import SliceEnd, advance, ended, failed, paused, wait
from jobs.tickets import claim, release
from migrator.records import FolderState
from web.operator.models import ImportTold, Need, Overview
from web.operator.models import Result as Told

CANARY = "Canary"


@dataclass(frozen=True)
class Desk:
    """An operator at a terminal of a running installation."""

    state: Redis
    config: Path

    def run(self, *words: str, answer: str = "", columns: str = "80") -> Result:
        # Not by `main` itself, which sets up the log of the process: here that is the tests'.
        command, *rest = words
        said = {"COLUMNS": columns}
        return CliRunner().invoke(main.commands[command], rest, obj=load(self.config), input=answer, env=said)

    def told(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def resting(self, end: SliceEnd) -> str:
        """Return the id of an import whose slice ended so."""
        migration = create(self.state, "acme").id
        claimed = claim(self.state, 10)
        assert claimed is not None
        assert claimed.id == migration
        release(self.state, claimed.id, claimed.token, end)
        return migration

    def ended(self) -> str:
        migration = self.resting(advance(State.FINISHING))
        claimed = claim(self.state, 10)
        assert claimed is not None
        release(self.state, claimed.id, claimed.token, ended(State.DONE))
        return migration

    def is_in(self, migration: str) -> State:
        return read(self.state, migration).state

    def written(self) -> list[tuple[str, str, str]]:
        return [(str(entry.actor), str(entry.act), entry.migration) for entry in audit.entries(self.state)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Redis]]:
    folder = tmp_path_factory.mktemp("desk")
    make_keys(folder)
    config = folder / "config.toml"
    config.write_text(f'[store]\ndirectory = "{folder}"\n[mailbox]\nhost = "imap.example.net"\n')
    with (
        embedded.start(folder / "redis") as state,
        embedded.start(folder / "keys", persistent=False),
        Redis.from_url(state.url) as client,
    ):
        yield config, client


@pytest.fixture
def desk(home: tuple[Path, Redis]) -> Desk:
    home[1].flushall()
    return Desk(home[1], home[0])


REFUSED = failed("login-refused", resumable=True)
UNKNOWN = "00" * 16


def test_whatever_needs_a_person_comes_with_a_command() -> None:
    assert set(get_args(Need.model_fields["kind"].annotation)) == set(cli_queue._COMMANDS)


def test_the_queue_says_first_what_needs_a_person_and_what_to_type(desk: Desk) -> None:
    for _ in range(3):
        desk.resting(REFUSED)
    said = desk.run("queue")
    lines = [line.strip() for line in said.output.splitlines()]
    assert said.exit_code == 0
    assert lines[0] == "Needs a person"
    stopped = lines.index("! 3 imports stopped: login-refused")
    assert lines[stopped + 1].startswith("The mailbox does not accept user name and password.")
    assert 'migrator resume --where "state=failed code=login-refused"' in lines
    assert "! No worker is alive, and 3 imports are not at the end" in lines
    assert max(len(line) for line in said.output.splitlines()) <= 80


def test_the_queue_shows_states_queue_workers_and_the_hour(desk: Desk) -> None:
    beat(desk.state, this_worker(4))
    assert "Nothing needs a person." in desk.run("queue").output
    desk.resting(wait(2e9, "google-down"))
    create(desk.state, "acme")
    shown = " ".join(desk.run("queue").output.split())
    for wanted in ("Imports: 2", "planning 1", "waiting 1", "ready for a slice 1", "slices at work 0 of 4"):
        assert wanted in shown
    assert "Workers: 1 alive" in shown
    assert "google-down held an import up 1 time" in shown


def test_a_worker_that_cannot_start_processes_needs_a_person(desk: Desk) -> None:
    beat(desk.state, replace(this_worker(4), trouble="no-scratch"))
    shown = " ".join(desk.run("queue").output.split())
    for wanted in ("! 1 worker cannot start processes, on", "migrator doctor", "cannot start processes (no-scratch)"):
        assert wanted in shown


def test_what_only_customers_can_free_is_to_be_looked_at_and_not_resumed(desk: Desk) -> None:
    desk.resting(paused("reconnect-needed"))
    assert 'migrator list --where "state=paused code=reconnect-needed"' in desk.run("queue").output


def test_programs_get_the_models_of_the_console(desk: Desk) -> None:
    migration = desk.resting(REFUSED)
    assert Overview.model_validate(desk.told("queue")).queue.ready == 0
    assert ImportTold.model_validate(desk.told("show", migration)).row.code == "login-refused"
    assert [row["id"] for row in desk.told("list")["rows"]] == [migration]
    assert Told.model_validate(desk.told("resume", migration)).done == 1


def test_a_list_shows_what_matches_and_the_sum(desk: Desk) -> None:
    refused, full = desk.resting(REFUSED), desk.resting(wait(2e9, "mailbox-full"))
    assert {row["id"] for row in desk.told("list")["rows"]} == {refused, full}
    (row,) = desk.told("list", "--where", "state=waiting code=mailbox-full host=imap.example.net")["rows"]
    assert (row["id"], row["state"], row["sentence"].startswith("The mailbox is full")) == (full, "waiting", True)
    assert desk.told("list", "--where", "older=1h")["total"] == 0
    said = desk.run("list").output
    assert f"{refused}  failed " in said
    assert said.endswith("2 imports: 1 failed, 1 waiting\n")
    assert desk.run("list", "--where", "host=elsewhere.example").output == "0 imports\n"


def test_a_condition_that_is_none_is_named(desk: Desk) -> None:
    for words in (("list",), ("cancel", "--yes")):
        said = desk.run(*words, "--where", "status=failed")
        assert (said.exit_code, "'status=failed' is no condition" in said.output) == (2, True)


def test_imports_whose_access_google_did_not_confirm_gone_are_listed(desk: Desk) -> None:
    good, doubtful = desk.ended(), desk.ended()
    for migration, confirmed in ((good, True), (doubtful, False)):
        desk.state.set(part_key(migration, "revocation"), json.dumps({"confirmed": confirmed, "settled": True}), ex=60)
    assert [row["id"] for row in desk.told("list", "--unconfirmed")["rows"]] == [doubtful]
    assert "not confirmed by Google" in desk.run("show", doubtful).output


def test_one_import_says_why_it_waits_until_when_and_what_may_be_typed(desk: Desk) -> None:
    migration = desk.resting(wait(time.time() + 3600, "mailbox-full"))
    until = datetime.fromtimestamp(read(desk.state, migration).until, UTC)
    said = desk.run("show", migration)
    shown = " ".join(said.output.split())
    assert "Waiting: mailbox-full (while planning)" in shown
    assert "Free some space or raise its quota; we resume automatically." in shown
    assert f"at {until:%F %T} UTC" in shown
    assert f"you may migrator resume {migration}" in shown
    assert max(len(line) for line in said.output.splitlines()) <= 80


def test_operators_see_no_name_no_reason_of_a_message_and_no_exact_size(desk: Desk) -> None:
    migration = desk.resting(failed(f"login-refused:{CANARY}", resumable=True))
    folder = json.dumps(asdict(FolderState(CANARY, 1, 1, 9)))
    desk.state.hset(part_key(migration, "folders"), "3", folder)
    desk.state.hset(part_key(migration, "counts"), mapping={"folder:3": 7, "bytes": 123_456_789, "settled": 7})
    desk.state.hset(part_key(migration, "reasons"), "1", CANARY)
    commands = (("queue",), ("list",), ("dead",), ("show", migration))
    said = [desk.run(*words, *form).output for words in commands for form in ((), ("--json",))]
    assert "1 further with 7" in said[-2]
    assert [one for one in said if CANARY in one or "123456789" in one or "123,456,789" in one] == []


def test_an_act_is_done_to_each_and_what_is_left_out_is_said_with_why(desk: Desk) -> None:
    good, over = desk.resting(REFUSED), desk.ended()
    said = desk.run("resume", good, over, UNKNOWN)
    assert said.exit_code == 1
    assert "resume: done to 1 import, left out 2" in said.output
    assert f"{over}: not now, it is done" in said.output
    assert f"{UNKNOWN}: no such import here" in said.output
    assert desk.is_in(good) is State.PLANNING
    assert desk.written() == [("terminal", "resumed", good)]


def test_an_act_on_one_import_says_how_it_stands_then(desk: Desk) -> None:
    migration = create(desk.state, "acme").id
    said = desk.run("pause", migration)
    assert (said.exit_code, said.output) == (0, "paused. Paused as asked. Resume it when you like.\n")
    assert (desk.run("resume", migration).output, desk.run("expire", migration).output) == ("planning\n", "finishing\n")


def test_an_act_on_all_that_match_asks_first(desk: Desk) -> None:
    ids = [desk.resting(REFUSED) for _ in range(3)]
    hopeless = desk.resting(failed("google-refused", resumable=False))
    words = ("resume", "--where", "state=failed")
    refused = desk.run(*words, answer="n\n")
    assert refused.exit_code == 1
    assert "Left out, since it would change nothing: 1 import: 1 failed." in refused.output
    assert "This touches 3 imports: 3 failed. Go on? [y/N]" in refused.output
    assert {desk.is_in(one) for one in ids} == {State.FAILED}
    assert desk.written() == []
    done = desk.run(*words, answer="y\n")
    assert (done.exit_code, "resume: done to 3 imports, left out 0" in done.output) == (0, True)
    assert {desk.is_in(one) for one in ids} == {State.PLANNING}
    assert desk.is_in(hopeless) is State.FAILED


def test_a_program_is_asked_nothing_where_it_says_so(desk: Desk) -> None:
    ids = [desk.resting(REFUSED) for _ in range(2)]
    said = desk.run("cancel", "--where", "code=login-refused", "--yes", "--json")
    assert json.loads(said.stdout) == {"what": "cancel", "done": 2, "refused": []}
    assert {desk.is_in(one) for one in ids} == {State.FINISHING}
    again = desk.run("cancel", "--where", "code=login-refused", "--yes")
    assert (again.exit_code, "No import is touched." in again.output) == (0, True)


def test_ids_or_conditions_but_not_neither_and_not_both(desk: Desk) -> None:
    assert desk.run("cancel").exit_code == 2
    assert desk.run("cancel", UNKNOWN, "--where", "state=failed").exit_code == 2


def test_nothing_is_done_that_cannot_be_written_down(desk: Desk) -> None:
    migration = desk.resting(REFUSED)
    audit.append(desk.state, audit.TERMINAL, audit.Act.PAUSED, migration)
    desk.state.set(BROKEN, "damaged")
    said = desk.run("resume", migration)
    assert (said.exit_code, "migrator audit verify" in said.output) == (1, True)
    assert desk.is_in(migration) is State.FAILED


def test_what_failed_is_shown_by_code_with_what_to_type(desk: Desk) -> None:
    assert "No import has failed." in desk.run("dead").output
    for _ in range(2):
        desk.resting(REFUSED)
    count_dead(desk.state, 5)
    said = desk.run("dead").output
    assert "2 imports failed: login-refused" in said
    assert 'migrator resume --where "state=failed code=login-refused"' in said
    assert "Tickets that died: 5; 0 not cleared away yet." in said
    assert desk.told("dead")["tickets"] == 5


def test_an_import_that_is_not_there_is_said_so(desk: Desk) -> None:
    for words in (("show", UNKNOWN), ("status", UNKNOWN), ("pause", "nothing")):
        said = desk.run(*words)
        assert (said.exit_code, "`migrator status` lists those that are kept" in said.output) == (1, True)


def test_a_store_that_cannot_be_read_is_said_so_with_the_way_out(desk: Desk) -> None:
    create(desk.state, "acme")
    desk.state.set("jobs:leases", "not a list of leases")
    said = desk.run("queue")
    assert said.exit_code == 1
    assert "a store cannot be read (ResponseError): `migrator doctor` says what to do" in said.output


def test_status_shows_bytes_as_operators_see_them(desk: Desk) -> None:
    migration = create(desk.state, "acme").id
    desk.state.hset(part_key(migration, "counts"), mapping={"bytes": 123_456_789})
    (row,) = desk.told("status", migration)
    assert row["bytes"] is None
