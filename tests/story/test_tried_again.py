"""What failed is tried again: messages by choice, before their import has come to its end; imports by themselves."""

import signal
from pathlib import Path

import tenacity
from stand_in import Google
from story.conftest import Install, Layout
from story.house import House, house
from story.test_crash_points import CRASH, all_there_once

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.requests import read, resume
from jobs.retrying import open_again


def halt(home: House, nth: int) -> None:
    """Have Google ask for a long pause before the end."""
    home.google.fault("retryAfter", method="messages.get", nth=nth, seconds=600)


def halted(home: House, migration: str) -> dict[str, int]:
    """Wait for that pause; return why messages have failed by then."""
    found = home.wait(migration, State.WAITING)
    assert found.reason == "google-bandwidth"
    return home.report(migration).failures


def waiting_after(home: House, migration: str, crashes: int) -> None:
    """Wait until so many processes in a row have died: the import waits by itself, whatever their number."""
    found = tenacity.Retrying(
        stop=tenacity.stop_after_delay(120),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_result(lambda m: m.crashes < crashes or m.state is not State.WAITING),
    )(read, home.state, migration)
    assert found.reason == "child-killed"


def again(home: House, migration: str) -> int:
    opened = open_again(home.state, migration)
    resume(home.state, migration)
    return opened


def test_messages_whose_folder_was_closed_arrive_when_it_is_open(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    with dovecot_server.observer(user) as client:
        client.create_folder("Archive")
        client.setacl("Archive", "owner", "lra")
    home = install(small, dovecot_server)
    halt(home, 80)
    migration = home.launch(user)
    failed = halted(home, migration)["read-only"]
    with dovecot_server.observer(user) as client:
        client.setacl("Archive", "owner", "lrswipkxtea")
    assert again(home, migration) == failed > 0
    assert home.wait(migration).state is State.DONE
    assert home.report(migration).failures == {}
    all_there_once(home, small, user, "one-copy")


def test_an_import_whose_process_was_killed_again_and_again_goes_on_by_itself(
    small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    with Google(seed_dir=small.folder, layout=small.rows) as google, house(tmp_path, google, dovecot_server) as home:
        killed = home.start_worker(PYTHONPATH=str(CRASH), CRASH_AT="migrator.slice.before:planning", CRASH_WHO="child")
        migration = home.launch(user)
        waiting_after(home, migration, crashes=4)
        killed.send_signal(signal.SIGTERM)
        killed.wait(60)
        home.start_worker()
        assert home.wait(migration).state is State.DONE
        all_there_once(home, small, user, "one-copy")
