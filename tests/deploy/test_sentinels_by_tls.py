"""The files for a second machine: a replica and a Sentinel by TLS, each under its own user, and a planned failover."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import tenacity
from redis import Redis
from redis.exceptions import RedisError
from servers.guarded import DEPLOY, SERVER

from emulator.servers.instance import free_ports
from jobs.durable import wait_for_disk
from jobs.reach import open_store, open_store_async


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    subprocess.run([DEPLOY / "make-secrets", made, "localhost"], check=True, stdout=subprocess.DEVNULL)
    return made


def word(secrets: Path, role: str) -> str:
    return (secrets / f"state-{role}.password").read_text().strip().split(":")[1]


@pytest.fixture
def ports(secrets: Path, tmp_path: Path) -> Iterator[tuple[int, int, int]]:
    """Run a master, its replica and a Sentinel; give their ports."""
    master, replica, sentinel = free_ports(3)
    state = (DEPLOY / "redis" / "state.conf").read_text().replace("dir /var/lib/migrator-state", "")
    behind = (DEPLOY / "redis" / "replica.conf").read_text().replace("REPLICA_PASSWORD", word(secrets, "replica"))
    behind = behind.replace("state-1.lan 6379", f"localhost {master}").replace("min-replicas-to-write 1", "")
    names = "replica-announce-ip localhost\n"
    both = f"masteruser replica\nmasterauth {word(secrets, 'replica')}\n"
    watching = (DEPLOY / "redis" / "sentinel.conf").read_text().replace("SENTINEL_PASSWORD", word(secrets, "sentinel"))
    watching = watching.replace("state-1.lan 6379 2", f"localhost {master} 1")
    with ExitStack() as stack:
        for port, text in ((master, state + both + names), (replica, state + behind + names)):
            stack.enter_context(running(tmp_path / str(port), text + f"\nport 0\ntls-port {port}\n", secrets))
        tenacity.retry(stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.1))(linked)(secrets, replica)
        home = tmp_path / str(sentinel)
        stack.enter_context(running(home, watching.replace("26379", str(sentinel)), secrets, "--sentinel"))
        yield master, replica, sentinel


def running(home: Path, settings: str, secrets: Path, *further: str) -> ExitStack:
    home.mkdir()
    own = home / "redis.conf"
    own.write_text(settings.replace("/etc/migrator/redis", str(secrets)) + f"\ndir {home}\n")
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen([SERVER, str(own), *further], stdout=log, stderr=log)
    ending = ExitStack()
    ending.callback(server.wait)
    ending.callback(server.kill)
    return ending


def admin(secrets: Path, port: int) -> Redis:
    return Redis(
        port=port, username="admin", password=word(secrets, "admin"), ssl=True, ssl_ca_certs=str(secrets / "ca.crt")
    )


def linked(secrets: Path, replica: int) -> None:
    with admin(secrets, replica) as one:
        assert one.info("replication")["master_link_status"] == "up"


def answered(what: Callable[[], object]) -> None:
    trying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(60),
        wait=tenacity.wait_fixed(0.2),
        retry=tenacity.retry_if_exception_type((RedisError, AssertionError)),
    )
    trying(what)


async def read_by_the_pages(url: str) -> int:
    async with open_store_async(url, 5) as store:
        return int(await store.get("jobs:turn"))


def test_the_worker_follows_the_master(secrets: Path, ports: tuple[int, int, int]) -> None:
    master, replica, sentinel = ports
    user = f"worker:{word(secrets, 'worker')}"
    url = f"rediss+sentinel://{user}@localhost:{sentinel}/state/0?ssl_ca_certs={secrets / 'ca.crt'}"
    with open_store(url, 5) as worker:
        answered(lambda: worker.set("jobs:turn", 7, ex=60))
        assert wait_for_disk(worker) is False, "Redis before 7.2 cannot tell"
        with Redis(port=sentinel, ssl=True, ssl_ca_certs=str(secrets / "ca.crt")) as watcher:
            watcher.execute_command("SENTINEL", "FAILOVER", "state")

        def followed() -> None:
            assert worker.incr("jobs:turn") > 7
            with admin(secrets, replica) as one:
                assert one.info("replication")["role"] == "master"

        answered(followed)
        assert asyncio.run(read_by_the_pages(url)) > 7
        for port in (master, replica):
            with admin(secrets, port) as one:
                assert one.acl_log() == []
