"""What failed is tried again: messages by choice, before their import has come to its end; imports by themselves."""

import signal
from pathlib import Path

import tenacity
from stand_in import Google
from story.house import House, house
from story.layouts import Install, Layout
from story.test_crash_points import CRASH, all_there_once
from story.test_held import RIGHTS

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.requests import read, resume


def waiting_after(home: House, migration: str, crashes: int) -> None:
    """Wait until so many processes in a row have died: the import waits by itself, whatever their number."""
    found = tenacity.Retrying(
        stop=tenacity.stop_after_delay(120),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_result(lambda m: m.crashes < crashes or m.state is not State.WAITING),
    )(read, home.state, migration)
    assert found.reason == "child-killed"


def test_messages_whose_folder_was_closed_arrive_when_it_is_open(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    with dovecot_server.observer(user) as client:
        client.setacl("INBOX", "owner", "lra")
    home = install(small, dovecot_server)
    migration = home.launch(user)
    assert home.wait(migration, State.WAITING).reason == "messages-deferred"
    assert home.report(migration).open > 0
    with dovecot_server.observer(user) as client:
        client.setacl("INBOX", "owner", RIGHTS)
    resume(home.state, migration)
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
