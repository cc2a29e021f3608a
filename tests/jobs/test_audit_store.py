"""The log in a store that refuses, dies, or is written to by many; and over a line that loses answers."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from audit_chains import KEY, MIGRATION
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry
from waiting import eventually

from app.embedded import EmbeddedStore, start
from jobs import audit
from jobs.audit import Act, Shelf
from jobs.audit.keeper import Keeper

APPENDER = Path(__file__).with_name("audit_appender.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def own_store(folder: Path) -> Iterator[EmbeddedStore]:
    """A store that a test may spoil."""
    with start(folder) as store:
        yield store


@pytest.fixture
def own(own_store: EmbeddedStore) -> Iterator[Redis]:
    with Redis.from_url(own_store.url, retry=Retry(NoBackoff(), 0)) as client:
        yield client


@pytest.fixture
def limited(own_store: EmbeddedStore, own: Redis) -> Iterator[Redis]:
    """A client whose rights a test may take."""
    own.acl_setuser("limited", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    url = own_store.url.partition("&")[0]
    with Redis.from_url(url, username="limited", password="any", retry=Retry(NoBackoff(), 0)) as client:
        client.ping()
        yield client


def shred(log: Redis, keys: Redis) -> None:
    """Write down, then act: what every caller does."""
    audit.append(log, audit.WORKER, Act.KEY_DESTROYED, MIGRATION)
    keys.delete("the-key")


def full(own: Redis) -> None:
    own.config_set("maxmemory", 1)


def read_only(own: Redis) -> None:
    own.replicaof("127.0.0.1", "1")


def without_replicas(own: Redis) -> None:
    own.config_set("min-replicas-to-write", 1)


def without_the_right(own: Redis) -> None:
    own.acl_setuser("limited", reset_keys=True, keys=["%R~audit:*"])


def mended(own: Redis) -> None:
    own.config_set("maxmemory", 0)
    own.replicaof("NO", "ONE")
    own.config_set("min-replicas-to-write", 0)
    own.acl_setuser("limited", keys=["*"])


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (full, OutOfMemoryError),
        (read_only, ReadOnlyError),
        (without_replicas, ResponseError),
        (without_the_right, NoPermissionError),
    ],
)
def test_what_cannot_be_written_down_is_not_done(
    own: Redis, limited: Redis, redis: Redis, spoil: Callable[[Redis], None], error: type[RedisError], before: int
) -> None:
    redis.set("the-key", "k", ex=60)
    made = [audit.append(limited, audit.WORKER, Act.OPENED) for _ in range(before)]
    spoil(own)
    with pytest.raises(error):
        shred(limited, redis)
    assert redis.get("the-key") == b"k"
    mended(own)
    assert [entry.nonce for entry in audit.entries(own)] == [note.nonce for note in made]
    shred(limited, redis)
    assert redis.get("the-key") is None
    assert len(list(audit.entries(own))) == before + 1
    redis.flushdb()


def test_nothing_is_done_while_the_store_is_away(own_store: EmbeddedStore, own: Redis, redis: Redis) -> None:
    redis.set("the-key", "k", ex=60)
    own_store.stop()
    with pytest.raises(RedisConnectionError):
        shred(own, redis)
    assert redis.get("the-key") == b"k"
    redis.flushdb()


def appender(url: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, str(APPENDER), url, str(count)], stdout=subprocess.PIPE, text=True)


def nonces(process: "subprocess.Popen[str]") -> list[str]:
    """Return what a process has appended, once it has ended."""
    with process:
        return process.communicate(timeout=120)[0].split()


def test_eight_processes_make_one_chain(store: EmbeddedStore, redis: Redis, tmp_path: Path) -> None:
    processes = [appender(store.url, 40) for _ in range(8)]
    keeper = Keeper(redis, tmp_path, KEY)
    eventually(lambda: keeper.look() is None and audit.checkpoint(redis).number == 320)
    given = [nonce for process in processes for nonce in nonces(process)]
    assert [process.returncode for process in processes] == [0] * 8
    assert sorted(entry.nonce for entry in audit.entries(redis)) == sorted(given)
    assert audit.verify(redis, Shelf(tmp_path, KEY), [audit.checkpoint(redis)]).holds


def test_the_chain_is_whole_after_the_store_was_killed(folder: Path, tmp_path: Path) -> None:
    with start(folder) as store:
        processes = [appender(store.url, 100_000) for _ in range(4)]
        with Redis.from_url(store.url) as redis:
            keeper = Keeper(redis, tmp_path, KEY)
            eventually(lambda: keeper.look() is None and audit.checkpoint(redis).number > 100)
        os.kill(store.pid, signal.SIGKILL)
        given = [nonce for process in processes for nonce in nonces(process)]
        assert [process.returncode for process in processes] == [3] * 4
    with start(folder) as store, Redis.from_url(store.url) as redis:
        there = [entry.nonce for entry in audit.entries(redis)]
        assert set(given) <= set(there)
        assert len(there) == len(set(there))
        verdict = Keeper(redis, tmp_path, KEY).look()
        assert verdict is not None
        assert (verdict.holds, verdict.last) == (True, len(there))


class Line:
    """A line to the store that loses the answer to the first RPUSH, after `meanwhile` was done."""

    def __init__(self, folder: Path, store: Path, meanwhile: Callable[[], object]) -> None:
        self.path = folder / "line.sock"
        self._store, self._meanwhile = store, meanwhile
        self._lost = False
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self.path))
        self._door.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for _ in range(2):  # the connection that is cut, and the one made after it
            client = self._door.accept()[0]
            with client, closing(socket.socket(socket.AF_UNIX)) as store:
                store.connect(str(self._store))
                self._carry(client, store)

    def _carry(self, client: socket.socket, store: socket.socket) -> None:
        while asked := client.recv(65536):
            store.sendall(asked)
            answer = store.recv(65536)
            if b"RPUSH" in asked and not self._lost:
                self._lost = True
                self._meanwhile()
                return
            client.sendall(answer)

    def close(self) -> None:
        self._thread.join(60)
        self._door.close()
        assert self._lost


@pytest.mark.parametrize("rivals", [0, 5])
def test_a_note_whose_answer_was_lost_is_one_entry(
    own_store: EmbeddedStore, own: Redis, tmp_path: Path, rivals: int
) -> None:
    keeper = Keeper(own, tmp_path / "audit", KEY)
    keeper.folder.mkdir()

    def others() -> None:
        for _ in range(rivals):
            audit.append(own, audit.WORKER, Act.OPENED)
        keeper.look()

    with closing(Line(tmp_path, own_store.directory / "redis.sock", others)) as line:
        again = Redis.from_url(f"unix://{line.path}?{own_store.url.partition('?')[2]}", retry=Retry(NoBackoff(), 3))
        with again:
            audit.append(again, audit.CUSTOMER, Act.CANCELLED, MIGRATION)
    keeper.look()
    assert sorted(entry.act for entry in audit.entries(own)) == ["cancelled", *["opened"] * rivals]
    assert audit.verify(own, keeper.shelf).holds
