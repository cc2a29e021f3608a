"""Undos as jobs: handed over by the pages, told to the workers, done by one of them, whatever dies or is away."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import slices
from dramatiq.brokers.redis import RedisBroker
from imported import Import
from jobs_harness import QUICK
from redis import Redis
from structlog.testing import capture_logs
from waiting import eventually

from app.embedded import EmbeddedStore
from emulator.servers.instance import Server
from jobs import undos, undowish
from jobs.broker import UNDOS, make_broker, queued
from jobs.erasing import erase
from jobs.reconciler import tick
from jobs.undoing import Place, is_running, undone_of
from jobs.undos import Undos, take_undo, tell_of_undos
from jobs.worker import run_worker
from migrator.mailbox import MasterUser, Password, Target
from oauth import handover
from oauth.errors import SealBroken

GOES_ON = threading.Event()
CANARY = "canary-7f3a51c2"


@dataclass
class Desk:
    """An ended import, what its undo is done with, and the broker."""

    done: Import
    broker: RedisBroker
    store: EmbeddedStore
    undos: Undos

    def ask(self, password: str = "") -> None:
        credentials = Password(self.done.user.name, password or self.done.user.password)
        undos.ask(self.done.redis, self.undos.keys, self.done.vault, self.done.id, credentials)

    def take(self, stop: threading.Event = GOES_ON) -> None:
        take_undo(self.done.redis, self.undos, stop, self.done.id)

    def told(self) -> int:
        """Tell the workers, and return how many messages wait for them."""
        tell_of_undos(self.done.redis, self.broker)
        return queued(self.broker.client, UNDOS)

    @property
    def standing(self) -> undowish.Standing:
        return undowish.standing(self.done.redis, self.done.id)

    def is_handed_over(self) -> bool:
        return bool(self.done.redis.exists(f"handed:undo:{self.done.id}"))

    def is_listed(self) -> bool:
        return self.done.redis.zscore("jobs:undos", self.done.id) is not None


@pytest.fixture
def desk(redis: Redis, store: EmbeddedStore, dovecot_server: Server, tmp_path: Path) -> Iterator[Desk]:
    done = Import(redis, store.url, dovecot_server, tmp_path)
    broker = make_broker(store.broker_url)
    yield Desk(done, broker, store, Undos(done.vault, redis, lambda *_: done.place))
    broker.client.close()


@contextmanager
def working(desk: Desk, **changes: Any) -> Iterator[threading.Event]:
    """Run a worker in a thread; give what stops it."""
    stop = threading.Event()
    settings = replace(QUICK, config=slices.Plan(desk.store.url), preload=("slices",), **changes)
    given = (desk.store.url, desk.store.broker_url, slices.count_items, settings, stop, None, desk.undos)
    thread = threading.Thread(target=run_worker, args=given, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections at a port and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_worker_does_what_was_asked_for_on_a_page_and_keeps_no_password(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ask()
    assert (desk.standing.kind, desk.is_handed_over()) == ("running", True)
    with working(desk):
        eventually(lambda: desk.standing.kind == "done", 60)
        eventually(lambda: not desk.is_listed())
    assert (desk.standing.undone.removed, desk.is_handed_over()) == (6, False)
    assert desk.done.lying() == {"INBOX": 1}
    assert [row for row in caplog.records if row.name.startswith("dramatiq") and row.levelno >= logging.WARNING] == []


def test_a_message_holds_the_id_and_nothing_else(desk: Desk) -> None:
    desk.ask()
    assert desk.told() == 1
    (message,) = (json.loads(row) for row in desk.broker.client.hvals("{dramatiq}:undos.msgs"))
    assert (message["args"], message["kwargs"], message["options"].keys()) == ([desk.done.id], {}, {"redis_message_id"})


def test_the_password_lies_sealed_and_ends_by_itself(desk: Desk) -> None:
    desk.ask(CANARY)
    for client in (desk.done.redis, desk.broker.client):
        assert not [key for key in client.scan_iter() if CANARY.encode() in (client.dump(key) or b"")]  # type: ignore[operator]
    assert 0 < desk.done.redis.ttl(f"handed:undo:{desk.done.id}") <= undowish.ASKED_SECONDS  # type: ignore[operator]
    desk.done.redis.rename(f"handed:undo:{desk.done.id}", "handed:undo:another")
    with pytest.raises(SealBroken):
        handover.take(desk.undos.keys, desk.done.vault, "undo:another")


def test_workers_are_told_once_and_again_when_the_message_was_lost(desk: Desk) -> None:
    desk.ask()
    assert [desk.told(), desk.told()] == [1, 1]
    desk.broker.client.flushdb()
    assert desk.told() == 0, "it was told just now"
    at = desk.done.redis.zscore("jobs:undos", desk.done.id)
    assert isinstance(at, float)
    assert 0 < at - desk.done.redis.time()[0] <= undowish.TOLD_SECONDS
    desk.done.redis.zadd("jobs:undos", {desk.done.id: 0})  # half a minute later
    assert desk.told() == 1


def test_the_reconciler_tells_them(desk: Desk) -> None:
    desk.ask()
    tick(desk.done.redis, desk.broker)
    assert queued(desk.broker.client, UNDOS) == 1


def test_what_is_at_work_is_told_to_nobody_and_a_message_of_it_changes_nothing(desk: Desk) -> None:
    desk.ask()
    desk.done.redis.set(desk.done.part("undoing"), "another", ex=60)
    assert desk.told() == 0
    assert undowish.line(desk.done.redis) == undowish.Line(waiting=0, working=1)
    desk.take()
    assert (desk.standing.kind, desk.is_handed_over(), desk.is_listed()) == ("running", True, True)
    desk.done.redis.delete(desk.done.part("undoing"))  # whoever was at it has died
    assert desk.told() == 1
    assert undowish.line(desk.done.redis) == undowish.Line(waiting=1, working=0)
    desk.take()
    assert desk.standing.undone.removed == 6


def test_a_message_that_comes_twice_does_nothing(desk: Desk) -> None:
    desk.ask()
    desk.take()
    before = desk.done.acts()
    desk.take()
    assert desk.done.acts() == before
    assert desk.standing.kind == "done"


def test_a_wrong_password_stops_it_and_is_kept_by_nobody(desk: Desk) -> None:
    desk.ask("wrong")
    desk.take()
    assert (desk.standing.kind, desk.standing.code) == ("stopped", "login-refused")
    assert (desk.is_handed_over(), desk.is_listed()) == (False, False)
    desk.take()
    assert desk.standing.code == "login-refused", "a message that comes late changes nothing"


@pytest.mark.parametrize(
    "other", [Password("somebody.else", "pass"), MasterUser("somebody.else", "master", "masterpass")]
)
def test_of_another_mailbox_nothing_is_handed_over(desk: Desk, other: Password | MasterUser) -> None:
    undos.ask(desk.done.redis, desk.undos.keys, desk.done.vault, desk.done.id, other)
    assert (desk.standing.kind, desk.standing.code) == ("stopped", "other-mailbox")
    assert (desk.is_handed_over(), desk.is_listed(), desk.done.acts()) == (False, False, [])


def test_of_an_import_whose_mailbox_is_not_known_nothing_is_taken_back(desk: Desk) -> None:
    desk.done.redis.delete(desk.done.part("mailbox"))
    desk.ask()
    assert (desk.standing.code, desk.is_handed_over()) == ("other-mailbox", False)


def test_without_the_password_it_is_stopped(desk: Desk) -> None:
    desk.ask()
    desk.done.redis.delete(f"handed:undo:{desk.done.id}")  # the key store was started anew
    desk.take()
    assert (desk.standing.kind, desk.standing.code) == ("stopped", "seal-broken")


def test_while_a_store_is_away_it_stays_asked_for(desk: Desk) -> None:
    desk.ask()
    with Redis(port=1) as nobody, capture_logs() as told:
        away = replace(desk, undos=replace(desk.undos, keys=nobody))
        away.take()
    assert [row["event"] for row in told] == ["ticket-dropped"]
    assert (desk.standing.kind, desk.is_listed()) == ("running", True)
    desk.take()
    assert desk.standing.undone.removed == 6


def test_a_worker_that_is_told_to_stop_leaves_it_to_another(desk: Desk) -> None:
    with silent_server() as port:
        mute = replace(desk, undos=replace(desk.undos, place=lambda *_: Place(Target("127.0.0.1", port, "none"))))
        mute.ask()
        with working(mute) as stop:
            eventually(lambda: is_running(desk.done.redis, desk.done.id), 60)
            stop.set()
    assert not is_running(desk.done.redis, desk.done.id)
    assert (desk.standing.kind, desk.is_handed_over(), desk.is_listed()) == ("running", True, True)
    desk.take()
    assert desk.standing.undone.removed == 6


def test_a_worker_that_has_stopped_takes_none(desk: Desk) -> None:
    desk.ask()
    stop = threading.Event()
    stop.set()
    desk.take(stop)
    assert (desk.standing.kind, desk.is_handed_over()) == ("running", True)
    assert undone_of(desk.done.redis, desk.done.id).removed == 0


def test_of_an_import_that_was_erased_no_password_is_left(desk: Desk) -> None:
    desk.ask()
    assert erase(desk.done.redis, desk.done.vault, desk.done.id)
    assert desk.told() == 1
    desk.take()
    assert (desk.is_handed_over(), desk.is_listed()) == (False, False)


def test_the_text_of_an_exception_reaches_no_store(desk: Desk) -> None:
    def fail(*_: object) -> Place:
        raise LookupError(CANARY)

    failing = replace(desk, undos=replace(desk.undos, place=fail))
    failing.ask()
    with working(failing):
        eventually(lambda: desk.standing.kind == "stopped", 60)
    assert desk.standing.code == "internal-error:LookupError"
    for client in (desk.done.redis, desk.broker.client):
        assert not [key for key in client.scan_iter() if CANARY.encode() in (client.dump(key) or b"")]  # type: ignore[operator]
