"""Bad input: a clear state with a next step; the rest goes on, nothing is lost."""

import pytest
from story.layouts import Install, Layout
from story.observe import mailbox_content

from app.sentences import sentence
from emulator.servers.certificates import Authority
from emulator.servers.dovecot import dovecot
from emulator.servers.instance import Server, User
from jobs.migration import State
from jobs.requests import resume
from migrator.suspects import DEATHS


def test_a_wrong_password_pauses_the_import_and_says_so(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server)
    ended = home.wait(home.launch(User("somebody", "wrong")))
    assert (ended.state, ended.reason) == (State.PAUSED, "login-refused")
    assert "resume" in sentence(ended.reason)
    assert home.google.ledger()["calls"].get("messages.get", 0) == 0


def test_an_unknown_host_fails_the_import_until_it_is_resumed(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server, mailbox={"host": "imap.invalid"})
    ended = home.wait(home.launch(User("somebody")))
    assert (ended.state, ended.reason, ended.resumable) == (State.FAILED, "unknown-host", True)


@pytest.mark.parametrize(("host", "days"), [("localhost", -1), ("other.example", 20)], ids=["expired", "wrong-name"])
def test_a_bad_certificate_stops_the_import(
    host: str, days: int, install: Install, small: Layout, test_authority: Authority
) -> None:
    with dovecot(test_authority.certify(f"bad-{host}{days}", host=host, days=days)) as server:
        home = install(small, server)
        ended = home.wait(home.launch(User("somebody")))
        assert (ended.state, ended.reason) == (State.FAILED, "certificate-invalid")


def test_a_full_mailbox_makes_the_import_wait_and_go_on_when_there_is_room(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user(quota=3_000_000)
    with dovecot_server.observer(user) as client:
        client.create_folder("Old")
        client.append("Old", b"Subject: old\r\n\r\n" + b"x" * 2_850_000)
    home = install(small, dovecot_server)
    migration = home.launch(user)
    waiting = home.wait(migration, State.WAITING)
    assert waiting.reason == "mailbox-full"
    report = home.report(migration)
    assert 0 < report.copied < report.total, "what fits is there"
    with dovecot_server.observer(user) as client:
        client.delete_folder("Old")
    resume(home.state, migration)
    assert home.wait(migration).state is State.DONE
    assert len(mailbox_content(dovecot_server, user)) == home.report(migration).copied


def test_a_folder_the_server_keeps_read_only_is_waited_for_alone(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()

    def allow(rights: str) -> None:
        with dovecot_server.observer(user) as client:
            client._imap._simple_command("SETACL", "INBOX", "owner", rights)  # any other would get another name

    allow("lra")
    home = install(small, dovecot_server)
    migration = home.launch(user)
    waiting = home.wait(migration, State.WAITING)
    report = home.report(migration)
    assert waiting.reason == "messages-deferred"
    assert report.copied > report.open > 0, "the other folders go on"
    assert report.failures == {}
    allow("lrswipkxtea")
    resume(home.state, migration)
    ended = home.wait(migration)
    assert (ended.state, home.report(migration).failures) == (State.DONE, {})


def test_a_message_that_kills_every_slice_is_set_aside_and_the_rest_goes_on(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server, memory_mib=200)
    home.google.add(b"Subject: huge\r\n\r\n" + b"x" * 120_000_000, labelIds=["INBOX"])
    migration = home.launch(user)
    home.wait(migration, State.WAITING)
    ended = home.wait(migration)
    report = home.report(migration)
    assert ended.state is State.DONE_WITH_EXCEPTIONS, home.logs()
    assert report.failures == {"kills-the-import": 1}
    assert report.adds_up
    assert home.logs().count('"slice-crashed"') == 1 + DEATHS, "one among others, then alone"
