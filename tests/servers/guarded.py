"""The stores as deploy/ would run them: by its settings, access lists and certificates, on ports of the moment."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import tenacity
from redis import Redis
from redis.exceptions import RedisError

from emulator.servers.instance import INSTALL, free_ports

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERVER = "/usr/bin/redis-server"
"""Of the distribution: the one that comes along speaks no TLS."""


@dataclass(frozen=True)
class Guarded:
    """Two stores behind TLS and access lists; `secrets` is what deploy/make-secrets made."""

    secrets: Path
    state_port: int
    keys_port: int

    def settings(self, role: str) -> dict[str, object]:
        """Return the configuration's section [store] for a role; the addresses name no user."""
        return {
            "url": f"rediss://localhost:{self.state_port}/0",
            "broker_url": f"rediss://localhost:{self.state_port}/1",
            "keys_url": f"rediss://localhost:{self.keys_port}/0",
            "ca_file": str(self.secrets / "ca.crt"),
            "password_file": str(self.secrets / f"state-{role}.password"),
            "keys_password_file": str(self.secrets / f"keys-{role}.password"),
            "master_key_file": str(self.secrets / "master.key"),
            "workers_key_file": str(self.secrets / ("workers.key" if role in {"worker", "admin"} else "not-given")),
            "workers_public_key_file": str(self.secrets / "workers.pub"),
        }

    def keeper(self) -> dict[str, object]:
        """Return what else the configuration's section [audit] has: the user of the log's keeper."""
        return {"password_file": str(self.secrets / "state-keeper.password")}

    def refusals(self) -> list[object]:
        """Return what users of either store were refused since the test began, as the servers noted it down."""
        found: list[object] = []
        for store in ("state", "keys"):
            with self.client("admin", store=store) as admin:
                found += [(store, row["username"], row["reason"], row["object"]) for row in admin.acl_log()]
        return found

    def client(self, role: str, *, store: str = "state", database: int = 0) -> Redis:
        """Return a client of one store as this role."""
        user, password = (self.secrets / f"{store}-{role}.password").read_text().strip().split(":")
        port = self.state_port if store == "state" else self.keys_port
        return Redis(
            host="localhost",
            port=port,
            db=database,
            username=user,
            password=password,
            ssl=True,
            ssl_ca_certs=str(self.secrets / "ca.crt"),
        )


@pytest.fixture(scope="session")
def guarded_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    assert Path(SERVER).exists(), INSTALL
    home = tmp_path_factory.mktemp("guarded")
    subprocess.run([DEPLOY / "make-secrets", home / "secrets", "localhost"], check=True, stdout=subprocess.DEVNULL)
    made = Guarded(home / "secrets", *free_ports(2))
    with ExitStack() as stack:
        for name, port in (("state", made.state_port), ("keys", made.keys_port)):
            stack.enter_context(_running(home, name, port))
        for name in ("state", "keys"):
            with made.client("admin", store=name) as admin:
                tenacity.Retrying(
                    stop=tenacity.stop_after_delay(30),
                    wait=tenacity.wait_fixed(0.05),
                    retry=tenacity.retry_if_exception_type(RedisError),
                )(admin.ping)
        yield made


def _running(home: Path, name: str, port: int) -> ExitStack:
    data = home / name
    data.mkdir()
    settings = (DEPLOY / "redis" / f"{name}.conf").read_text()
    settings = settings.replace("/etc/migrator/redis", str(home / "secrets")).replace("dir /var/lib/migrator-state", "")
    own = data / "redis.conf"
    own.write_text(f"{settings}\ntls-port {port}\ndir {data}\nbind 127.0.0.1\n")
    guard = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM"]
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen([*guard, SERVER, str(own)], stdout=log, stderr=log)
    ending = ExitStack()
    ending.callback(server.wait)
    ending.callback(server.terminate)
    return ending


@pytest.fixture
def guarded(guarded_stores: Guarded) -> Guarded:
    """The stores without any key."""
    for name in ("state", "keys"):
        with guarded_stores.client("admin", store=name) as admin:
            admin.flushall()
            admin.acl_log_reset()
    return guarded_stores
