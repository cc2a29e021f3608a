"""Stores that end with their process: the import that was under way is connected again from a terminal, and ends."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import tenacity
from stand_in import Google
from story.house import ROOT
from story.layouts import Layout
from story.observe import mailbox_content

from emulator.servers.instance import Server, User


def configured(folder: Path, run: Path, google: Google, server: Server) -> Path:
    """Write a configuration that names no store."""
    secret, file = folder / "client-secret", folder / "config.toml"
    secret.write_text("demo-secret")
    file.write_text(
        f'[google]\nclient_id = "demo-client"\nclient_secret_file = "{secret}"\nprofile = "off"\napi = "{google.url}"\n'
        f'token_uri = "{google.url}/token"\nrevoke_uri = "{google.url}/revoke"\n'
        f'[store]\ndirectory = "{folder}/var"\nrun_directory = "{run}"\n'
        f'[mailbox]\nhost = "{server.host}"\nport = {server.tls_port}\nca_file = "{server.ca_file}"\n'
    )
    return file


def command(config: Path, google: Google, user: User, *words: str) -> list[str]:
    """Return a command that is given a fresh grant and the mailbox's password."""
    grant, password = config.parent / "grant.json", config.parent / "password"
    grant.write_text(json.dumps(google.grant()))
    password.write_text(user.password)
    given = ["--grant", str(grant), "--user", user.name, "--password-file", str(password)]
    return [sys.executable, "-m", "app", "--config", str(config), *words, *given]


def test_an_import_that_was_stopped_ends_with_every_message_once(
    small: Layout, dovecot_server: Server, tmp_path: Path, short: Path
) -> None:
    user = dovecot_server.new_user()
    with Google(seed_dir=small.folder, layout=small.rows) as google:
        config = configured(tmp_path, short, google, dovecot_server)
        google.fault("retryAfter", method="messages.get", nth=40, seconds=600)
        begin = command(config, google, user, "import")
        with subprocess.Popen(begin, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
            _until_half_way(google)
            first.send_signal(signal.SIGTERM)
            said, _ = first.communicate(timeout=60)
        migration = re.findall(r"import ([0-9a-f]{32})", said)[0]
        before = len(mailbox_content(dovecot_server, user))
        assert 0 < before < 100

        again = command(config, google, user, "reconnect", migration)
        done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"In Gmail {len(small.messages())}" in " ".join(done.stdout.split())
        content = mailbox_content(dovecot_server, user)
        assert len(content) == sum(map(int, re.findall(r"^copied(?: \(altered\))? +(\d+)", done.stdout, re.MULTILINE)))
        assert google.control("grants")["grants"] == []
        assert user.password not in done.stdout + done.stderr + said


def _until_half_way(google: Google) -> None:
    tenacity.Retrying(
        stop=tenacity.stop_after_delay(60),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_result(lambda calls: calls < 40),
    )(lambda: google.ledger()["calls"].get("messages.get", 0))
