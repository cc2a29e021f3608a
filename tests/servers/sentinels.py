"""A state store with a replica, and three Sentinels that put it in the master's place when that dies."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import tenacity
from redis import Redis
from redis.exceptions import RedisError

from app.embedded import find_server
from emulator.servers.instance import free_ports

SERVICE = "state"
DOWN_AFTER_MS = 2000
_GUARD = ("/usr/bin/setpriv", "--pdeathsig", "TERM")
"""What runs behind it ends when the test's process dies."""


@dataclass
class Watched:
    """Two servers, of which one is the master, and who watches them."""

    folder: Path
    ports: tuple[int, int]
    sentinels: tuple[int, int, int]
    servers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, database: int = 0) -> str:
        """Return the address of the store, as the configuration takes it."""
        places = ",".join(f"localhost:{port}" for port in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}/{database}"

    def master(self) -> int:
        """Return the port of the master, as the first Sentinel has it."""
        with Redis(port=self.sentinels[0]) as one:
            return int(one.sentinel_get_master_addr_by_name(SERVICE)[1])

    def cut_replica_off(self) -> None:
        """Break the line between the two for good: what is written from now on reaches the master alone."""
        with Redis(port=self.master()) as master:
            master.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
            master.client_kill_filter(_type="replica")

    def kill_master(self) -> int:
        """Kill it, and return how many bytes of what it had been told its replica never heard of."""
        port = self.master()
        other = sum(self.ports) - port
        with Redis(port=other) as replica, Redis(port=port) as master:
            heard = replica.info("replication")["slave_repl_offset"]
            told = master.info("replication")["master_repl_offset"]
            os.kill(self.servers[port].pid, signal.SIGKILL)
        self.servers[port].wait()
        return int(told - heard)

    def start_server(self, port: int, master: int | None = None) -> None:
        """Start a server on its folder; the Sentinels make a master that comes back a replica."""
        home = self.folder / "redis" / str(port)
        home.mkdir(parents=True, exist_ok=True)
        options = {"port": port, "dir": home, "save": "", "appendonly": "yes", "appendfsync": "everysec"}
        more = {"repl-diskless-sync-delay": 0, **({"replicaof": f"127.0.0.1 {master}"} if master else {})}
        self.servers[port] = _spawn(home, *(f"--{name} {value}" for name, value in {**options, **more}.items()))

    def start_sentinel(self, port: int) -> None:
        """Start one of those that watch."""
        home = self.folder / "sentinels" / str(port)
        home.mkdir(parents=True)
        told = home / "sentinel.conf"
        told.write_text(
            f"port {port}\ndir {home}\nsentinel monitor {SERVICE} 127.0.0.1 {self.ports[0]} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {SERVICE} 10000\n"
        )
        self.servers[port] = _spawn(home, str(told), "--sentinel")

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers.values():
            server.kill()
            server.wait()


def _spawn(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    words = [word for argument in arguments for word in argument.split(" ", 1)]
    words += [""] * (words[-1] == "--save")
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen([*_GUARD, find_server(), *words], stdout=log, stderr=log, start_new_session=True)


def follows(replica: int) -> bool:
    """Tell whether the server at this port has all of its master."""
    with Redis(port=replica) as one:
        return bool(one.info("replication")["master_link_status"] == "up")


def _agree(sentinels: tuple[int, ...]) -> bool:
    """Tell whether every Sentinel knows the others and the replica."""
    for port in sentinels:
        with Redis(port=port) as one:
            known = one.sentinel_master(SERVICE)
            if (known["num-other-sentinels"], known["num-slaves"]) != (2, 1):  # type: ignore[index]
                return False
    return True


def _until(answered: Callable[[], bool]) -> None:
    tenacity.Retrying(
        stop=tenacity.stop_after_delay(60),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_exception_type(RedisError) | tenacity.retry_if_result(lambda agreed: not agreed),
    )(answered)


@contextmanager
def watched_store(folder: Path) -> Iterator[Watched]:
    """Give the store when a failover would succeed."""
    one, other, *sentinels = free_ports(5)
    made = Watched(folder, (one, other), tuple(sentinels))  # type: ignore[arg-type]
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start_server(one)
        made.start_server(other, master=one)
        _until(partial(follows, other))  # before anybody watches: a Sentinel looks for replicas every ten seconds
        for port in sentinels:
            made.start_sentinel(port)
        _until(partial(_agree, made.sentinels))
        yield made
