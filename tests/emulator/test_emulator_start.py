import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import small_mailbox
from small_mailbox import ADDRESS, ROWS
from stand_in import ROOT, Google
from tenacity import Retrying, stop_after_delay, wait_fixed

pytestmark = pytest.mark.alone


def test_further_accounts_and_settings_are_given_at_start(tmp_path: Path) -> None:
    layout = small_mailbox.write(tmp_path)
    second = f"second@gmail.example={tmp_path}:{layout}"
    with Google(synthetic=7, address="first@gmail.example", accounts=[second], quota="new", scale=0.5) as google:
        assert google.announcement["accounts"] == {"first@gmail.example": 7, "second@gmail.example": len(ROWS)}
        settings = google.control("settings")
        assert (settings["quota"], settings["scale"]) == ("new", 0.5)


def test_a_chosen_client_and_redirect_uri_are_known() -> None:
    uri = "https://mail.host.example/back"
    with Google(client_id="host", client_secret="s3", redirect_uri=uri) as google:
        query = f"client_id=host&response_type=code&scope=x&redirect_uri={uri}"
        assert google.request("GET", f"/o/oauth2/v2/auth?{query}").status == 200
        assert google.grant()["client_secret"] == "s3"


def test_it_ends_when_the_process_that_started_it_is_killed() -> None:
    starter = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'emulator', '--until-eof'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        lines = sorted((parent.stdout.readline(), parent.stdout.readline()), key=len)
        ended = os.pidfd_open(int(lines[0]))
        assert json.loads(lines[1])["accounts"] == {ADDRESS: 0}
        try:
            assert select.select([ended], [], [], 0)[0] == []
            parent.kill()
            assert select.select([ended], [], [], 10)[0] == [ended]
        finally:
            os.close(ended)


def test_stopping_does_not_wait_for_a_hanging_request() -> None:
    with Google(synthetic=1, latency_ms=60_000) as google:
        sock = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{google.url}/gmail/v1/users/me/profile')"],
            stderr=subprocess.DEVNULL,
        )
        for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.02), reraise=True):
            with attempt:
                assert google.ledger()["running"] == 1
        began = time.monotonic()
        google.stop()
        assert time.monotonic() - began < 4
        sock.wait()


def test_a_broken_layout_stops_the_start(tmp_path: Path) -> None:
    layout = tmp_path / "l.jsonl"
    row = {"file": "a.eml", "id": "0" * 16, "threadId": "0" * 16, "internalDate": "1", "labelIds": []}
    layout.write_text((json.dumps(row) + "\n") * 2)
    (tmp_path / "a.eml").write_bytes(b"")
    command = [sys.executable, "-m", "emulator", "--layout", str(layout)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert b"occurs twice" in ended.stderr


def _all_ids(google: Google, token: str) -> list[str]:
    query: dict[str, object] = {"maxResults": 500, "includeSpamTrash": "true"}
    page = google.gmail("messages", token, **query).json()
    found = [message["id"] for message in page["messages"]]
    while "nextPageToken" in page:
        page = google.gmail("messages", token, **query, pageToken=page["nextPageToken"]).json()
        found += [message["id"] for message in page.get("messages", ())]
    return found


@pytest.mark.parametrize("kind", ["layout", "synthetic"])
def test_a_hundred_thousand_messages_are_ready_in_thirty_seconds_and_listed_in_twenty(
    tmp_path: Path, kind: str
) -> None:
    count = 100_000
    wish: dict[str, Any] = {"synthetic": count}
    if kind == "layout":
        layout = tmp_path / "many.jsonl"
        with layout.open("w") as lines:
            for at in range(count):
                number = f"{(small_mailbox.FIRST_MS + at << 20) + at:016x}"
                row = {"file": f"{at % 50}.eml", "id": number, "threadId": number, "labelIds": ["INBOX", "Label_1"]}
                lines.write(json.dumps(row | {"internalDate": str(small_mailbox.FIRST_MS + at)}) + "\n")
        for at in range(50):
            (tmp_path / f"{at}.eml").write_bytes(b"Subject: %d\n\n" % at + os.urandom(8000))
        wish = {"seed_dir": tmp_path, "layout": layout}
    with Google(**wish) as google:
        assert google.announcement["seconds"] < 30
        began = time.monotonic()
        found = _all_ids(google, google.token())
        seconds = time.monotonic() - began
        assert (len(found), len(set(found)), found == sorted(found, reverse=True)) == (count, count, True)
        assert seconds < 20
        assert google.gmail(f"messages/{found[77]}", google.token(), format="raw").status == 200
