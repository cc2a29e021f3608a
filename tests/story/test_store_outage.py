"""The state store is killed again and again, and started on what its disk has: the import waits, nobody is blamed."""

import os
import signal
from pathlib import Path

from stand_in import Google
from story.house import House, house
from story.layouts import Layout
from story.test_crash_points import all_there_once
from waiting import eventually

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.requests import history, read
from migrator.ledger import Ledger

KILLS = 6


def settled(home: House, migration: str) -> int:
    return Ledger(home.state, migration).counts().get("settled", 0)


def goes_on(home: House, migration: str, since: int) -> None:
    """Wait until more messages have an outcome, or it has ended."""
    eventually(lambda: settled(home, migration) > since or read(home.state, migration).state is State.DONE)


def test_a_store_that_is_killed_again_and_again_is_no_crash(
    small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    with (
        Google(seed_dir=small.folder, layout=small.rows, latency_ms=100) as google,
        house(tmp_path, google, dovecot_server) as home,
    ):
        home.start_worker()
        migration = home.launch(user)
        for _ in range(KILLS):
            goes_on(home, migration, settled(home, migration))
            noticed = home.logs().count("store-away")
            os.kill(home.redis_store.pid, signal.SIGKILL)
            eventually(lambda: home.logs().count("store-away") > noticed)  # noqa: B023 - used at once
            home.restart_redis()
        assert home.wait(migration).state is State.DONE
        all_there_once(home, small, user, "one-copy")
        assert "slice-crashed" not in home.logs()
        assert "store-away" in {change.reason for change in history(home.state, migration)}
        assert read(home.state, migration).crashes == 0
