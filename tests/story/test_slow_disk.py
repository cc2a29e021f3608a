"""The store is killed while its disk is slow: no import just begun is forgotten, nor its end, nor its erasing."""

import os
import signal
from pathlib import Path

import tenacity
from slow_disk import slow_disk, write_a_while
from stand_in import Google
from story.house import house
from story.layouts import Layout

from emulator.servers.instance import Server
from jobs.erasing import erase
from jobs.migration import State, part_key

CRASH = Path(__file__).parent / "crash"
TRIES = 2


def test_an_import_that_was_begun_goes_on(small: Layout, dovecot_server: Server, tmp_path: Path) -> None:
    with Google(seed_dir=small.folder, layout=small.rows) as google:
        for nth in range(TRIES):
            with house(tmp_path / str(nth), google, dovecot_server) as home:
                with slow_disk(home.redis_store.pid):
                    write_a_while(home.state)
                    migration = home.launch(dovecot_server.new_user())
                    os.kill(home.redis_store.pid, signal.SIGKILL)
                home.restart_redis()
                home.state.delete("number")
                home.start_worker()
                assert home.wait(migration).state is State.DONE


def test_an_import_whose_key_is_destroyed_has_ended(small: Layout, dovecot_server: Server, tmp_path: Path) -> None:
    """Its state, forgotten, would be one that cannot go on without the key."""
    done = tmp_path / "crashed"
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, dovecot_server, worker={"threads": 1, "lease_seconds": 3}) as home,
    ):
        with slow_disk(home.redis_store.pid):
            home.start_worker(
                PYTHONPATH=str(CRASH),
                CRASH_AT="migrator.discard.after:destroy",
                CRASH_WHO="redis",
                CRASH_PID=str(home.redis_store.pid),
                CRASH_DONE=str(done),
            )
            migration = home.launch(dovecot_server.new_user())
            tenacity.Retrying(stop=tenacity.stop_after_delay(120), wait=tenacity.wait_fixed(0.05))(done.stat)
        home.restart_redis()
        ended = home.wait(migration)
        assert ended.state is State.DONE, (ended, home.logs())
        assert home.state.exists(part_key(migration, "receipt"))


def test_what_was_erased_stays_erased(small: Layout, dovecot_server: Server, tmp_path: Path) -> None:
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, dovecot_server) as home,
    ):
        home.start_worker()
        migration = home.launch(dovecot_server.new_user())
        assert home.wait(migration).state is State.DONE
        with slow_disk(home.redis_store.pid):
            write_a_while(home.state)
            assert erase(home.state, home.vault, migration)
            os.kill(home.redis_store.pid, signal.SIGKILL)
        home.restart_redis()
        home.state.delete("number")
        assert not home.state.exists(part_key(migration, "receipt"))
