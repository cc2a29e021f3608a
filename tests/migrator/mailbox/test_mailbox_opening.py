import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from servers.entry import enter, item, letter
from servers.fixtures import StartServer

from emulator.servers.certificates import Authority, authority
from emulator.servers.dovecot import dovecot
from emulator.servers.instance import Limits, Server, User, free_ports
from emulator.servers.tokens import token
from migrator.errors import CertificateInvalid, LoginRefused, MailboxUnreachable, UnknownHost
from migrator.mailbox import Credentials, Mailbox, MasterUser, OAuthToken, Password, Target, open_mailbox

Way = Callable[[Server], Target]
Mechanism = Literal["xoauth2", "oauthbearer"]

RIGHT = Password("ann", "pass")


def over_tls(server: Server) -> Target:
    return Target(server.host, server.tls_port, "implicit", server.ca_file)


def over_starttls(server: Server) -> Target:
    return Target(server.host, server.port, "starttls", server.ca_file)


def in_clear(server: Server) -> Target:
    return Target(server.host, server.port, "none")


@pytest.mark.parametrize("way", [over_tls, over_starttls, in_clear])
def test_a_mailbox_opens_by_each_kind_of_connection(mailbox_server: Server, user: User, way: Way) -> None:
    with open_mailbox(way(mailbox_server), Password(user.name, user.password)) as mailbox:
        assert "UIDPLUS" in mailbox.capabilities
        assert mailbox.select("INBOX").exists == 0


def test_pymap_opens_over_starttls(pymap_server: Server) -> None:
    with open_mailbox(over_starttls(pymap_server), Password("demo", "pass")) as mailbox:
        assert "MULTIAPPEND" in mailbox.capabilities


def test_the_capabilities_are_those_after_login(mailbox_server: Server, mailbox: Mailbox) -> None:
    with socket.create_connection((mailbox_server.host, mailbox_server.port)) as before:
        assert b"MULTIAPPEND" not in before.recv(4096)
    assert "MULTIAPPEND" in mailbox.capabilities


@pytest.mark.parametrize("way", [over_tls, in_clear])
def test_a_wrong_password_is_a_refused_login(mailbox_server: Server, user: User, way: Way) -> None:
    with pytest.raises(LoginRefused, match="wrong-credentials"):
        open_mailbox(way(mailbox_server), Password(user.name, "wrong"))


def test_a_password_with_every_awkward_character_reaches_the_server_as_it_is(
    mailbox_server: Server, user: User
) -> None:
    with pytest.raises(LoginRefused, match="wrong-credentials"):
        open_mailbox(in_clear(mailbox_server), Password(user.name, 'a"b\\c d{3}%*('))
    with pytest.raises(LoginRefused, match="wrong-credentials"):
        open_mailbox(over_tls(mailbox_server), Password(user.name, "pässwörd€"))


@pytest.mark.parametrize("text", ["x\r\nzz1 CREATE pwn", "x\0y", "x\ny"])
@pytest.mark.parametrize(
    "credentials",
    [
        lambda text: Password(text, "pass"),
        lambda text: Password("ann", text),
        lambda text: MasterUser(text, "master", "masterpass"),
        lambda text: OAuthToken(text, "token"),
        lambda text: OAuthToken("ann", text, "xoauth2"),
    ],
)
def test_credentials_cannot_carry_a_command(
    dovecot_server: Server, text: str, credentials: Callable[[str], Credentials]
) -> None:
    with pytest.raises(LoginRefused, match="control-character"):
        open_mailbox(over_tls(dovecot_server), credentials(text))


@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_a_master_user_enters_another_mailbox(start_server: StartServer, kind: str) -> None:
    server = start_server(kind, Limits())
    user, master = server.new_user(), server.master
    assert master is not None
    with open_mailbox(over_tls(server), MasterUser(user.name, master.name, master.password)) as mailbox:
        mailbox.create(mailbox.shape().prefix + "made-by-master")
    with server.observer(user) as observer:
        assert any(name.endswith("made-by-master") for _, _, name in observer.list_folders())


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_a_bearer_token_opens_the_mailbox(dovecot_server: Server, mechanism: Mechanism) -> None:
    name = dovecot_server.new_user().name
    with open_mailbox(over_tls(dovecot_server), OAuthToken(name, token(name), mechanism)) as mailbox:
        assert mailbox.select("INBOX").exists == 0


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize("bad", ["garbage", token("ann", seconds=-60), token("bob")])
def test_a_bad_token_is_a_refused_login(dovecot_server: Server, mechanism: Mechanism, bad: str) -> None:
    with pytest.raises(LoginRefused):
        open_mailbox(over_tls(dovecot_server), OAuthToken("ann", bad, mechanism))


def test_a_token_is_not_sent_where_the_server_has_no_such_mechanism(cyrus_server: Server) -> None:
    with pytest.raises(LoginRefused, match="mechanism-missing"):
        open_mailbox(over_tls(cyrus_server), OAuthToken("ann", "token"))


def test_an_unknown_host_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownHost):
        open_mailbox(Target("no-such-host.invalid"), RIGHT)
    with pytest.raises(UnknownHost):
        open_mailbox(Target("a" * 70 + ".example"), RIGHT)


def test_a_closed_port_is_unreachable_for_a_moment() -> None:
    (port,) = free_ports(1)
    with pytest.raises(MailboxUnreachable, match="refused") as caught:
        open_mailbox(Target("localhost", port), RIGHT)
    assert caught.value.until == pytest.approx(time.time() + 15, abs=5)


def test_a_server_without_tls_on_the_tls_port_is_unreachable(dovecot_server: Server) -> None:
    with pytest.raises(MailboxUnreachable, match="no-imap"):
        open_mailbox(Target(dovecot_server.host, dovecot_server.port, "implicit", dovecot_server.ca_file), RIGHT)


@pytest.mark.parametrize(
    ("label", "options", "word"),
    [("old", {"days": -1}, "expired"), ("other", {"host": "mail.example.org"}, "wrong-name")],
)
@pytest.mark.parametrize("way", [over_tls, over_starttls])
def test_a_wrong_certificate_is_refused_with_its_reason(
    test_authority: Authority, label: str, options: dict[str, Any], word: str, way: Way
) -> None:
    with (
        dovecot(test_authority.certify(label, **options)) as server,
        pytest.raises(CertificateInvalid, match=word),
    ):
        open_mailbox(way(server), RIGHT)


@pytest.mark.parametrize("way", [over_tls, over_starttls])
def test_a_certificate_of_an_unknown_authority_is_refused(dovecot_server: Server, tmp_path: Path, way: Way) -> None:
    stranger = authority(tmp_path, "Somebody else")
    target = way(dovecot_server)
    with pytest.raises(CertificateInvalid, match="untrusted"):
        open_mailbox(Target(target.host, target.port, target.tls, stranger.ca_file), RIGHT)


def test_one_connection_too_many_waits(start_server: StartServer) -> None:
    server = start_server("dovecot", Limits(max_connections=2))
    user = server.new_user()
    with enter(server, user), enter(server, user), pytest.raises(MailboxUnreachable):
        enter(server, user)


def test_the_socket_is_the_callers_to_make(mailbox_server: Server, user: User) -> None:
    asked = []

    def pinned(host: str, port: int, seconds: float) -> socket.socket:
        asked.append((host, port, seconds))
        return socket.create_connection(("127.0.0.1", port), seconds)

    target = Target("localhost", mailbox_server.tls_port, "implicit", mailbox_server.ca_file)
    with open_mailbox(target, Password(user.name, user.password), connect=pinned, connect_timeout=7):
        assert asked == [("localhost", mailbox_server.tls_port, 7)]


def test_small_writes_are_not_held_back(mailbox: Mailbox) -> None:
    assert mailbox._wire.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_nothing_secret_shows_in_a_repr() -> None:
    shown = repr([Password("ann", "sesame"), MasterUser("ann", "root", "sesame"), OAuthToken("ann", "sesame")])
    assert "ann" not in shown
    assert "sesame" not in shown


def test_neither_secrets_nor_mail_are_logged(
    mailbox_server: Server, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with enter(mailbox_server, user) as mailbox:
        mailbox.append(mailbox.select("INBOX"), [item(letter(1, b"very private\r\n"))])
        assert len(list(mailbox.bodies([1]))) == 1
    with pytest.raises(LoginRefused):
        open_mailbox(in_clear(mailbox_server), Password(user.name, "sesame"))
    assert not [record for record in caplog.records if record.name.startswith("imapclient")]
    for secret in (user.name, user.password, "private", "sesame"):
        assert secret not in caplog.text


def test_closing_gives_the_connection_back_to_the_server(start_server: StartServer) -> None:
    server = start_server("dovecot", Limits(max_connections=2))
    user = server.new_user()
    for _ in range(5):
        with enter(server, user):
            pass
