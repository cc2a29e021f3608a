"""What a receipt says of the way to the mailbox."""

import re
import ssl

import pytest
from servers.entry import enter

from emulator.servers.instance import Server
from migrator.mailbox import Password, Target, open_mailbox

ways = pytest.mark.parametrize("tls", ["implicit", "starttls"])


@ways
def test_a_mailbox_tells_version_and_cipher_of_its_connection(mailbox_server: Server, tls: str) -> None:
    user = mailbox_server.new_user()
    port = mailbox_server.tls_port if tls == "implicit" else mailbox_server.port
    target = Target(mailbox_server.host, port, tls, mailbox_server.ca_file)  # type: ignore[arg-type]
    with open_mailbox(target, Password(user.name, user.password)) as mailbox:
        version, cipher = mailbox.tls.split(" ")
        assert isinstance(mailbox._wire.sock, ssl.SSLSocket)
        assert version == mailbox._wire.sock.version()
        assert re.fullmatch(r"TLSv1\.[23]", version)
        assert cipher in {suite["name"] for suite in ssl.create_default_context().get_ciphers()}


def test_a_connection_in_the_clear_is_told_as_none(mailbox_server: Server) -> None:
    with enter(mailbox_server, mailbox_server.new_user()) as mailbox:
        assert mailbox.tls == "none"


@ways
def test_it_is_still_known_when_the_connection_is_closed(dovecot_server: Server, tls: str) -> None:
    user = dovecot_server.new_user()
    port = dovecot_server.tls_port if tls == "implicit" else dovecot_server.port
    target = Target(dovecot_server.host, port, tls, dovecot_server.ca_file)  # type: ignore[arg-type]
    mailbox = open_mailbox(target, Password(user.name, user.password))
    mailbox.close()
    assert mailbox.tls.startswith("TLSv1.")
