"""Private mail stays private: whole imports beside other people's folders, seen with a second user's eyes."""

import json
from pathlib import Path

import pytest
from servers.sharing import CYRUSES, Shared, seen, shared_cyrus, shared_dovecot
from story.layouts import Install, Layout

from emulator.servers.certificates import Certificate
from jobs.migration import State

LABELS = ["Shared", "Shared/Photos", "Public", "public/archive", "archive", "Team", "Work", "Work/Projects"]


@pytest.fixture
def account(carried: Layout, tmp_path: Path) -> Layout:
    """Some of the carried messages, under labels that are called like other people's folders."""
    rows = [json.loads(line) for line in carried.rows.read_text().splitlines()[:30]]
    for number, row in enumerate(rows):
        row["labelIds"] = [f"Label_{number % len(LABELS)}"] if number % 3 else []
    place = tmp_path / "mailbox.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels = [{"id": f"Label_{number}", "name": name, "type": "user"} for number, name in enumerate(LABELS)]
    Path(f"{place}.labels.json").write_text(json.dumps({"labels": labels}))
    return Layout(carried.folder, place)


def bring(place: Shared, account: Layout, install: Install) -> None:
    """Import the account; no folder may fail, and nobody else may see any message."""
    before = place.seen_by_the_other()
    home = install(account, place.server)
    migration = home.launch(place.customer)
    ended = home.wait(migration)
    report = home.report(migration)
    assert ended.state in {State.DONE, State.DONE_WITH_EXCEPTIONS}, (report, home.logs())
    assert "failed (folder)" not in report.outcomes
    assert len(seen(place.server, place.customer)) == len(LABELS) + 1
    assert place.seen_by_the_other() == before == {}


@pytest.mark.parametrize(("layout", "acl"), [("maildir", True), ("sdbox", False), ("mbox", False)])
def test_a_second_user_sees_no_new_message_on_dovecot(
    layout: str,
    acl: bool,  # noqa: FBT001
    account: Layout,
    install: Install,
    server_certificate: Certificate,
) -> None:
    with shared_dovecot(server_certificate, layout, acl=acl) as place:
        bring(place, account, install)


@pytest.mark.parametrize("style", sorted(CYRUSES))
def test_a_second_user_sees_no_new_message_on_cyrus(
    style: str, account: Layout, install: Install, server_certificate: Certificate
) -> None:
    with shared_cyrus(server_certificate, style) as place:
        bring(place, account, install)
