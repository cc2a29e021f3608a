"""Odd answers of Google's through a whole import: what concerns one message, what the account, what the host."""

from datetime import UTC, datetime

import pytest
from engine import letter
from story.layouts import Install, Layout
from story.observe import mailbox_content

from emulator.servers.instance import Server
from jobs.migration import State
from jobs.notcopied import not_copied

OLD = int(datetime(2004, 9, 22, tzinfo=UTC).timestamp() * 1000) << 20


def test_mail_of_2004_arrives_and_what_is_left_out_is_linked_by_its_own_id(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    ids = [f"{OLD + number:x}" for number in range(3)]
    assert {len(i) for i in ids} == {15}
    for number, labels in enumerate((["INBOX"], ["SPAM"], ["INBOX"])):
        home.google.add(letter(number), id=ids[number], labelIds=labels, internalDate=str(OLD >> 20))
    home.google.fault("backendError", method="messages.get", message=ids[2], times=0, status=451, body="html")
    migration = home.launch(user)
    assert home.wait(migration).state is State.DONE_WITH_EXCEPTIONS, home.logs()
    report = home.report(migration)
    assert report.adds_up
    assert "skipped (gone)" not in report.outcomes
    assert report.failures == {"unreadable": 1}
    assert letter(0) in [seen.body for seen in mailbox_content(dovecot_server, user)]
    assert {i for row in not_copied(home.state, migration) for i in row.gmail_ids} >= {ids[1], ids[2]}


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ({"kind": "oauthError", "reason": "invalid_grant", "subtype": "rapt_required"}, "paused", "reconnect-needed"),
        ({"kind": "oauthError", "reason": "admin_policy_enforced"}, "failed", "google-refused"),
        ({"kind": "oauthError", "reason": "deleted_client", "status": 401}, "waiting", "google-client-refused"),
        ({"kind": "mailNotEnabled", "method": "getProfile"}, "failed", "no-gmail"),
        ({"kind": "domainPolicy", "method": "labels.list"}, "failed", "google-refused"),
        ({"kind": "backendError", "status": 451, "body": "html", "method": "getProfile"}, "waiting", "google-down"),
    ],
    ids=["session control", "policy", "client", "no gmail", "domain", "unknown"],
)
def test_what_google_refuses_the_whole_account_with_is_said_at_once(
    install: Install, small: Layout, dovecot_server: Server, fault: dict[str, object], state: str, reason: str
) -> None:
    home = install(small, dovecot_server)
    home.google.fault(**fault, times=0)  # type: ignore[arg-type]
    migration = home.launch(dovecot_server.new_user())
    found = home.wait(migration, State(state), seconds=60)
    assert found.reason == reason
    home.google.control("faults", {}, verb="DELETE")
