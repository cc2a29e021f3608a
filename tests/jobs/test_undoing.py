"""An undo as work of its own: who may, once at a time, in a process that ends, going on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from servers.entry import item, letter
from servers.fixtures import StartServer
from vaults import make_keys, vault_of

from app.embedded import EmbeddedStore
from emulator.servers.instance import Limits, Server
from jobs import audit, mailboxes, scripts
from jobs.apart import ApartFailed
from jobs.audit import Act, AuditBroken
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.mailboxes import OtherMailbox
from jobs.migration import State, new_id, record_key
from jobs.requests import create, read
from jobs.retention import ENDED_SECONDS
from jobs.slice import advance, ended
from jobs.tickets import claim, release
from jobs.undoing import (
    HOLD_SECONDS,
    Place,
    Task,
    UndoUnderWay,
    _Journal,
    data_ends_at,
    is_running,
    undo,
    undone_of,
)
from migrator.errors import LeaseLost
from migrator.ledger import Ledger
from migrator.mailbox import MasterUser, Password, Target, open_mailbox
from migrator.records import FolderState, Placed
from migrator.undo import Undone

ROOT = Path(__file__).resolve().parents[2]
CRASH = ROOT / "tests" / "story" / "crash"


class Import:
    """An import of six messages into two folders, ended a moment ago; one mail was there before."""

    def __init__(self, redis: Redis, url: str, server: Server, folder: Path) -> None:
        self.redis, self.url, self.server = redis, url, server
        self.master = make_keys(folder)
        self.vault = vault_of(redis, self.master)
        self.user = server.new_user()
        self.place = Place(Target(server.host, server.port, "none"))
        self.credentials = Password(self.user.name, self.user.password)
        self.id = create(redis, "c1").id
        mailboxes.remember(redis, self.vault, self.id, self.credentials)
        self.folders = self._filled()
        for end in (advance(State.FINISHING), ended(State.DONE)):
            claimed = claim(redis, 10.0)
            assert claimed is not None
            release(redis, claimed.id, claimed.token, end)

    def _filled(self) -> list[str]:
        ledger = Ledger(self.redis, self.id)
        with open_mailbox(self.place.target, self.credentials) as mailbox:
            names = ["INBOX", mailbox.shape().prefix + "Work"]
            mailbox.append(mailbox.select("INBOX"), [item(letter(99))])
            for number, name in enumerate(names):
                mailbox.create(name)
                selected = mailbox.select(name)
                wires = [letter(10 * number + n) for n in range(3)]
                uids = [answer.uid for answer in mailbox.append(selected, [item(wire) for wire in wires])]  # type: ignore[union-attr]
                placed = [
                    Placed(10 * number + n, uid, len(wire), b"d" * 16, b"l" * 8)
                    for n, (uid, wire) in enumerate(zip(uids, wires, strict=True))
                ]
                state = FolderState(name, selected.uidvalidity, selected.uidnext, uids[-1] + 1)
                ledger.write(ledger.folder(number, state), *ledger.place(number, placed))
            ledger.write(ledger.made_folders([names[1]]))
        return names

    def undo(self, **changes: object) -> Undone:
        given = {"place": self.place, "credentials": self.credentials, **changes}
        return undo(self.redis, self.vault, self.id, **given)  # type: ignore[arg-type]

    def lying(self) -> dict[str, int]:
        with self.server.observer(self.user) as observer:
            there = [name for name in self.folders if observer.folder_exists(name)]
            return {name: observer.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in there}

    def acts(self) -> list[str]:
        return [str(entry.act) for entry in audit.entries(self.redis, self.id)]

    def part(self, name: str) -> str:
        return f"{record_key(self.id)}:{name}"


@pytest.fixture
def done(redis: Redis, store: EmbeddedStore, mailbox_server: Server, tmp_path: Path) -> Import:
    return Import(redis, store.url, mailbox_server, tmp_path)


@pytest.fixture
def on_dovecot(redis: Redis, store: EmbeddedStore, dovecot_server: Server, tmp_path: Path) -> Import:
    return Import(redis, store.url, dovecot_server, tmp_path)


def test_an_ended_import_is_taken_back(done: Import) -> None:
    undone = done.undo()
    assert (undone.removed, undone.changed, undone.missing, undone.refused) == (6, 0, 0, 0)
    assert (undone.finished, undone.gone) == (True, (0,))
    assert done.lying() == {"INBOX": 1}
    assert undone_of(done.redis, done.id) == undone
    assert not is_running(done.redis, done.id)


def test_it_is_written_down_before_it_begins(on_dovecot: Import) -> None:
    on_dovecot.redis.set("audit:broken", "torn", ex=600)
    with pytest.raises(AuditBroken):
        on_dovecot.undo()
    assert on_dovecot.lying() == dict(zip(on_dovecot.folders, (4, 3), strict=True))
    on_dovecot.redis.delete("audit:broken")
    on_dovecot.undo()
    assert on_dovecot.acts() == [Act.UNDOING]


def test_twice_is_once(on_dovecot: Import) -> None:
    assert on_dovecot.undo() == on_dovecot.undo()


def test_before_its_end_there_is_nothing_to_take_back(on_dovecot: Import) -> None:
    running = create(on_dovecot.redis, "c2").id
    mailboxes.remember(on_dovecot.redis, on_dovecot.vault, running, on_dovecot.credentials)
    on_dovecot.id = running
    with pytest.raises(IllegalTransition):
        on_dovecot.undo()
    assert data_ends_at(read(on_dovecot.redis, running)) == 0


def test_when_the_time_is_over_there_is_nothing_any_more(on_dovecot: Import) -> None:
    on_dovecot.id = new_id()
    with pytest.raises(UnknownMigration):
        on_dovecot.undo()


@pytest.mark.parametrize(
    "other", [Password("somebody.else", "pass"), MasterUser("somebody.else", "master", "masterpass")]
)
def test_no_other_mailbox_is_touched(on_dovecot: Import, other: Password | MasterUser) -> None:
    with pytest.raises(OtherMailbox):
        on_dovecot.undo(credentials=other)
    assert on_dovecot.acts() == []


def test_of_an_import_whose_mailbox_is_not_known_nothing_is_taken_back(on_dovecot: Import) -> None:
    on_dovecot.redis.delete(on_dovecot.part("mailbox"))
    with pytest.raises(OtherMailbox):
        on_dovecot.undo()


def test_the_same_mailbox_may_be_entered_by_a_master_user(
    redis: Redis, store: EmbeddedStore, start_server: StartServer, tmp_path: Path
) -> None:
    done = Import(redis, store.url, start_server("dovecot", Limits()), tmp_path)
    master = done.server.master
    assert master is not None
    undone = done.undo(credentials=MasterUser(done.user.name, master.name, master.password))
    assert undone.removed == 6


def test_a_wrong_password_is_told_and_changes_nothing(done: Import) -> None:
    with pytest.raises(ApartFailed) as failed:
        done.undo(credentials=Password(done.user.name, "wrong"))
    assert failed.value.code == "login-refused"
    assert done.lying()["INBOX"] == 4
    assert done.undo().removed == 6


def test_one_runs_at_a_time(on_dovecot: Import) -> None:
    on_dovecot.redis.set(on_dovecot.part("undoing"), "somebody", ex=60)
    with pytest.raises(UndoUnderWay):
        on_dovecot.undo()
    assert is_running(on_dovecot.redis, on_dovecot.id)
    assert on_dovecot.redis.get(on_dovecot.part("undoing")) == b"somebody"


def test_every_key_ends_with_the_import(on_dovecot: Import) -> None:
    on_dovecot.undo()
    left = on_dovecot.redis.ttl(on_dovecot.part("undo"))
    assert isinstance(left, int)
    assert 0 < left <= ENDED_SECONDS
    ended_at = read(on_dovecot.redis, on_dovecot.id).ended_at
    scripts.run(on_dovecot.redis, "purge", on_dovecot.id, now=ended_at + ENDED_SECONDS)
    assert list(on_dovecot.redis.scan_iter(f"*{on_dovecot.id}*")) == []


def test_the_process_reaches_the_mailbox_and_the_store_alone(on_dovecot: Import) -> None:
    elsewhere = Place(Target("localhost", 1, "none"))
    with pytest.raises(ApartFailed) as failed:
        on_dovecot.undo(place=elsewhere)
    assert failed.value.code == "mailbox-unreachable"


def test_the_password_is_in_no_key(on_dovecot: Import) -> None:
    on_dovecot.credentials = Password(on_dovecot.user.name, "canary-password")
    with pytest.raises(ApartFailed):
        on_dovecot.undo()
    for key in on_dovecot.redis.scan_iter():
        assert b"canary" not in (on_dovecot.redis.dump(key) or b"")  # type: ignore[operator]
    assert "canary" not in repr(on_dovecot.place) + repr(on_dovecot.credentials)


def _asked(done: Import, crash: Path, who: str, point: str, nth: int) -> "subprocess.CompletedProcess[str]":
    told = {
        "url": done.url,
        "host": done.server.host,
        "port": str(done.server.port),
        "master": str(done.master),
        "migration": done.id,
        "user": done.user.name,
        "password": done.user.password,
    }
    env = {
        "PYTHONPATH": f"{CRASH}{os.pathsep}{ROOT}",
        "CRASH_AT": point,
        "CRASH_NTH": str(nth),
        "CRASH_WHO": who,
        "CRASH_DONE": str(crash),
    }
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("undo_program.py"))],
        cwd=ROOT,
        env={**os.environ, **env},
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("who", ["child", "worker"])
@pytest.mark.parametrize("point", ["migrator.undo.before", "migrator.undo.after"])
def test_a_kill_in_the_middle_is_gone_on_from(done: Import, tmp_path: Path, point: str, who: str, nth: int) -> None:
    crash = tmp_path / "crashed"
    ran = _asked(done, crash, who, point, nth)
    assert crash.exists(), ran.stderr
    assert (ran.returncode == -signal.SIGKILL) if who == "worker" else ran.stdout == "child-killed", ran.stderr
    if who == "child":
        assert not undone_of(done.redis, done.id).finished
    else:  # nobody gave the hold back: it ends by itself
        with pytest.raises(UndoUnderWay):
            done.undo()
        left = done.redis.ttl(done.part("undoing"))
        assert isinstance(left, int)
        assert 0 < left <= HOLD_SECONDS
        done.redis.delete(done.part("undoing"))
    undone = done.undo()
    assert (undone.removed, undone.changed, undone.missing, undone.refused) == (6, 0, 0, 0)
    assert done.lying() == {"INBOX": 1}


@pytest.mark.parametrize("gone", ["record", "hold"])
def test_an_undo_that_is_not_the_one_any_more_writes_nothing(on_dovecot: Import, gone: str) -> None:
    task = Task(on_dovecot.place, on_dovecot.id, "t", int(time.time()) + 600, 60, on_dovecot.credentials)
    journal = _Journal(on_dovecot.redis, task)
    on_dovecot.redis.set(on_dovecot.part("undoing"), "t", ex=60)
    journal.write(Undone(removed=1))
    if gone == "record":
        scripts.run(on_dovecot.redis, "purge", on_dovecot.id, now=time.time() + 2 * ENDED_SECONDS)
        on_dovecot.redis.set(on_dovecot.part("undoing"), "t", ex=60)
    else:
        on_dovecot.redis.set(on_dovecot.part("undoing"), "another", ex=60)
    with pytest.raises(LeaseLost):
        journal.write(Undone(removed=2))
    assert journal.read().removed == (0 if gone == "record" else 1)
