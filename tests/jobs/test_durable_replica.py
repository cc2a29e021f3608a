"""What a person was promised is with a replica, where the store has one: it may be the store in a moment."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity
from redis import Redis
from servers.sentinels import Watched, follows

from emulator.servers.instance import free_ports
from jobs import durable
from jobs.broker import open_state
from jobs.durable import wait_for_disk


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Watched]:
    one, other = free_ports(2)
    made = Watched(tmp_path, (one, other), (0, 0, 0))
    made.start_server(one)
    made.start_server(other, master=one)
    try:
        tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.1))(_linked)(other)
        yield made
    finally:
        made.stop()


def _linked(replica: int) -> None:
    assert follows(replica)


def test_it_waits_for_a_replica_that_is_behind(pair: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_PATIENCE_SECONDS", 0.1)
    replica = pair.servers[pair.ports[1]]
    with open_state(f"redis://localhost:{pair.ports[0]}") as redis:
        assert wait_for_disk(redis)
        replica.send_signal(signal.SIGSTOP)
        redis.set("promised", 1, ex=60)
        assert not wait_for_disk(redis)
        replica.send_signal(signal.SIGCONT)
        monkeypatch.undo()
        assert wait_for_disk(redis)
    with Redis(port=pair.ports[1]) as other:
        assert other.get("promised") == b"1"
