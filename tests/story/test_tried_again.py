"""What failed is tried again: messages by choice, before their import has come to its end; imports by a resume."""

import signal
from pathlib import Path

from stand_in import Google
from story.conftest import Install, Layout
from story.house import House, house
from story.test_crash_points import CRASH, all_there_once

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.requests import resume
from jobs.retrying import open_again


def halt(home: House, nth: int) -> None:
    """Have Google ask for a long pause before the end."""
    home.google.fault("retryAfter", method="messages.get", nth=nth, seconds=600)


def halted(home: House, migration: str) -> dict[str, int]:
    """Wait for that pause; return why messages have failed by then."""
    found = home.wait(migration, State.WAITING)
    assert found.reason == "google-bandwidth"
    return home.report(migration).failures


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


def test_an_import_whose_process_was_killed_again_and_again_is_resumed_and_ends(
    small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    with Google(seed_dir=small.folder, layout=small.rows) as google, house(tmp_path, google, dovecot_server) as home:
        killed = home.start_worker(PYTHONPATH=str(CRASH), CRASH_AT="migrator.slice.before:planning", CRASH_WHO="child")
        migration = home.launch(user)
        found = home.wait(migration, State.FAILED, State.DONE)
        assert (found.state, found.reason, found.resumable) == (State.FAILED, "child-killed", True)
        killed.send_signal(signal.SIGTERM)
        killed.wait(60)
        home.start_worker()
        resume(home.state, migration)
        assert home.wait(migration).state is State.DONE
        all_there_once(home, small, user, "one-copy")
