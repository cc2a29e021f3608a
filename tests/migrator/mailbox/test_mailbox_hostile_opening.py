"""A hostile server, from its greeting to the password."""

import pytest
from servers.adversary import CAPABLE, MIB, SECRET, Line, adversary, after, enter_hostile, flood, polite, within

from migrator.errors import CertificateInvalid, LoginRefused, MailboxUnreachable

GREETINGS = {
    "nothing": Line.wait_for_the_end,
    "an end at once": lambda _: None,
    "BYE": lambda line: line.say(b"* BYE too many connections\r\n"),
    "half a line": after(b"* OK hel", Line.wait_for_the_end),
    "an endless line": flood(b"x" * MIB),
    "endless lines": flood(b"* OK hello again\r\n" * 1000),
    "endless requests to go on": after(b"* OK hello\r\n", flood(b"+ more\r\n" * 1000)),
    "another protocol": lambda line: line.say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bytes": lambda line: line.say(bytes(range(256)) * 100),
    "no IMAP4rev1": after(b"* OK hello\r\n", lambda line: line.say(b"* CAPABILITY X\r\n%b OK\r\n" % line.hear()[:5])),
}


@pytest.mark.parametrize("greeting", GREETINGS)
def test_a_bad_greeting_is_an_unreachable_mailbox_in_bounded_time_and_memory(greeting: str) -> None:
    with adversary(GREETINGS[greeting]) as (port, line), within(5), pytest.raises(MailboxUnreachable):
        enter_hostile(port)
    assert SECRET.encode() not in line.heard


def test_a_mailbox_that_is_open_already_is_not_entered() -> None:
    def script(line: Line) -> None:
        line.say(b"* PREAUTH welcome, somebody\r\n")
        line.say(CAPABLE + line.hear().split()[0] + b" OK done\r\n")
        line.wait_for_the_end()

    with adversary(script) as (port, line), pytest.raises(LoginRefused, match="preauth"):
        enter_hostile(port)
    assert SECRET.encode() not in line.heard


def test_without_the_promised_starttls_no_password_is_sent() -> None:
    with adversary(polite()) as (port, line), pytest.raises(CertificateInvalid, match="no-tls"):
        enter_hostile(port, "starttls")
    assert SECRET.encode() not in line.heard
    assert b"LOGIN" not in line.heard


@pytest.mark.parametrize("extra", [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"x", b"* OK " + b"y" * 9000 + b"\r\n"])
def test_what_is_slipped_in_before_tls_breaks_the_connection(extra: bytes) -> None:
    capable = CAPABLE.replace(b"UIDPLUS", b"STARTTLS") + b"%T OK done\r\n"
    script = polite(CAPABILITY=capable, STARTTLS=b"%T OK begin\r\n" + extra)
    with adversary(script) as (port, line), within(5), pytest.raises(MailboxUnreachable):
        enter_hostile(port, "starttls")
    assert b"LOGIN" not in line.heard


def test_a_refused_starttls_is_not_gone_round() -> None:
    capable = CAPABLE.replace(b"UIDPLUS", b"STARTTLS") + b"%T OK done\r\n"
    script = polite(CAPABILITY=capable, STARTTLS=b"%T NO not today\r\n")
    with adversary(script) as (port, line), pytest.raises(MailboxUnreachable):
        enter_hostile(port, "starttls")
    assert b"LOGIN" not in line.heard
