"""The mailbox's password was changed: its customer comes back, or an operator at a terminal, and the import goes on."""

import subprocess
import sys
from pathlib import Path

import pytest
from inn import Inn, inn
from servers.fixtures import StartServer
from stand_in import Google
from story.house import ROOT, House
from story.layouts import Install, Layout
from story.observe import mailbox_content
from story.test_crash_points import all_there_once
from story.test_key_store_lost import start

from emulator.servers.instance import Limits, Server, User
from jobs import audit, requests
from jobs.launch import seal_mailbox
from jobs.migration import Migration, State
from migrator.mailbox import MasterUser, Password
from oauth.vault import Safe

BEFORE = "the password before"


@pytest.fixture(scope="module")
def dovecot(start_server: StartServer) -> Server:
    # Without ACLs: with them Dovecot gives a master user the rights of his own name, not of the mailbox's owner.
    return start_server("dovecot", Limits())


def now_refused(home: House, migration: str, credentials: Password | MasterUser) -> None:
    """Give the import a password that is none any more, and wait until the mailbox has said so."""
    seal_mailbox(Safe(home.state, migration, home.vault.key(migration)), credentials)
    requests.resume(home.state, migration)
    refused(home, migration)


def refused(home: House, migration: str) -> Migration:
    found = home.wait(migration)
    assert (found.state, found.reason) == (State.PAUSED, "login-refused")
    return found


def half_way(home: House, migration: str) -> None:
    """Wait until the import rests in the middle of copying: Google asked it to."""
    found = home.wait(migration, State.WAITING)
    assert (found.phase, found.reason) == (State.COPYING, "google-bandwidth")


def halt(google: Google) -> None:
    google.fault("retryAfter", method="messages.get", nth=40, seconds=600)


def test_signing_in_with_the_new_password_is_enough(small: Layout, dovecot: Server, tmp_path: Path) -> None:
    user, other = dovecot.new_user(), dovecot.new_user()
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        inn(tmp_path, google, dovecot) as there,
    ):
        halt(google)
        customer = there.signed_in(user)
        place = start(customer, "one-copy")
        migration = place.removeprefix("/imports/")
        half_way(there.home, migration)
        now_refused(there.home, migration, Password(user.name, BEFORE))
        assert "Sign in with the new password" in customer.get(place).text

        there.signed_in(other)
        refused(there.home, migration)
        assert 'href="/imports' in there.signed_in(user).get("/").text
        ended_well(there, small, migration, user)


def ended_well(there: Inn, layout: Layout, migration: str, user: User) -> None:
    ended = there.home.wait(migration)
    assert ended.state is State.DONE, there.home.report(migration)
    all_there_once(there.home, layout, user, "one-copy")
    assert ("mailbox-renewed", "customer") in [
        (str(entry.act), str(entry.actor)) for entry in audit.entries(there.home.state, migration)
    ]


def test_from_a_terminal_a_password_is_tried_before_it_is_taken(
    install: Install, small: Layout, dovecot: Server, tmp_path: Path
) -> None:
    user, other = dovecot.new_user(), dovecot.new_user()
    home = install(small, dovecot)
    migration = home.launch(User(user.name, BEFORE))
    refused(home, migration)
    said = reconnect(home, migration, tmp_path, other.name, user.password)
    assert "another mailbox" in said.stderr
    said = reconnect(home, migration, tmp_path, user.name, "wrong")
    assert "does not accept" in said.stderr
    refused(home, migration)
    said = reconnect(home, migration, tmp_path, user.name, user.password)
    assert (said.returncode, said.stderr) == (0, ""), said.stderr
    assert home.wait(migration).state is State.DONE
    assert len(mailbox_content(dovecot, user)) == home.report(migration).copied
    assert user.password not in said.stdout + home.logs()


def reconnect(
    home: House, migration: str, folder: Path, user: str, password: str
) -> "subprocess.CompletedProcess[str]":
    (folder / "password").write_text(password + "\n")
    command = [sys.executable, "-m", "app", "--config", str(home.config), "reconnect", migration, "--mailbox"]
    given = ["--user", user, "--password-file", str(folder / "password")]
    return subprocess.run([*command, *given], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_where_the_administrator_has_another_password_a_resume_is_enough(
    small: Layout, dovecot: Server, install: Install, tmp_path: Path
) -> None:
    assert dovecot.master
    user, file = dovecot.new_user(), tmp_path / "master-password"
    file.write_text(BEFORE)
    panel = {"master_user": dovecot.master.name, "master_password_file": str(file)}
    home = install(small, dovecot, panel=panel)
    halt(home.google)
    migration = home.launch(user)
    half_way(home, migration)
    now_refused(home, migration, MasterUser(user.name, dovecot.master.name, BEFORE))
    file.write_text(dovecot.master.password + "\n")
    requests.resume(home.state, migration)
    assert home.wait(migration).state is State.DONE
    all_there_once(home, small, user, "one-copy")
