"""The command line as an operator uses it: import, dry run, status, bad configuration."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from story.house import ROOT, House
from story.layouts import Install, Layout
from story.observe import mailbox_content

from emulator.servers.instance import Server, User
from jobs.discarding import REVOCATION_TRIES, Revocation
from jobs.migration import part_key


def test_an_import_from_a_grant_file_prints_the_account_and_succeeds(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    said = _imported(home, user, tmp_path, "--verify", "digest")
    assert f"In Gmail {len(small.messages())}" in " ".join(said.split())
    assert len(mailbox_content(dovecot_server, user)) > 100


def test_a_period_leaves_out_what_arrived_before_it(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    _imported(home, user, tmp_path, "--since", "2999-01-01")
    assert "messages.get" not in home.google.ledger()["calls"]
    assert mailbox_content(dovecot_server, user) == []


def test_a_dry_run_prints_the_plan_and_touches_nothing(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    said = _imported(home, user, tmp_path, "--dry-run")
    for wanted in ("What would go where", "one copy:", "copy per label:", "Names to look at", "Sent Messages (label)"):
        assert wanted in said
    assert mailbox_content(dovecot_server, user) == []
    assert "messages.get" not in home.google.ledger()["calls"]


def test_status_speaks_json_to_programs_and_words_to_people(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server)
    migration = home.launch(dovecot_server.new_user())
    home.wait(migration)
    (row,) = json.loads(_migrator(home, "status", "--json").stdout)
    assert (row["id"], row["state"], row["adds_up"]) == (migration, "done", True)
    assert sum(row["outcomes"].values()) == row["total"] == len(small.messages())
    assert "By folder" in _migrator(home, "status", migration).stdout


def test_commands_say_what_to_do_when_they_cannot(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    home = install(small, dovecot_server)
    unknown = _migrator(home, "pause", "nothing")
    assert unknown.returncode != 0
    assert "migrator status" in unknown.stderr
    broken = tmp_path / "broken.toml"
    broken.write_text("[worker]\nthreads = 0\nspeed = 9\n")
    refused = subprocess.run(
        [sys.executable, "-m", "app", "--config", str(broken), "config", "check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    for wanted in ("worker.threads", "worker.speed", "config.example.toml"):
        assert wanted in refused.stderr
    assert "Traceback" not in refused.stderr + unknown.stderr


def test_an_import_is_not_done_before_google_confirms_that_access_is_gone(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    home.google.fault("backendError", method="oauth.revoke", times=0)
    with _importing(home, user, tmp_path) as running:
        assert running.stdout is not None
        migration = running.stdout.readline().split()[1]
        nearly = Revocation(tries=REVOCATION_TRIES - 1).as_row()
        home.state.set(part_key(migration, "revocation"), json.dumps(nearly), ex=3600)
        said = running.stdout.read()
    assert running.returncode == 1, said
    assert "Google has not confirmed that our access is removed" in said
    assert "https://myaccount.google.com/connections" in said


@contextmanager
def _importing(home: House, user: User, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    grant, password = folder / "grant.json", folder / "password"
    grant.write_text(json.dumps(home.google.grant()))
    password.write_text(user.password)
    words = ["import", "--user", user.name, "--grant", str(grant), "--password-file", str(password)]
    command = [sys.executable, "-m", "app", "--config", str(home.config), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        yield running


def _imported(home: House, user: User, folder: Path, *words: str) -> str:
    """Import into a mailbox with these words more on the command line, and return what is printed."""
    grant, password = folder / "grant.json", folder / "password"
    grant.write_text(json.dumps(home.google.grant()))
    password.write_text(user.password + "\n")
    secrets = ["--grant", str(grant), "--password-file", str(password)]
    done = _migrator(home, "import", "--user", user.name, *secrets, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _migrator(home: House, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "app", "--config", str(home.config), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
