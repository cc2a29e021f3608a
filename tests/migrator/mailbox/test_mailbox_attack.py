"""A mail full of IMAP commands, against every way in which an APPEND can fail.

A server that refuses the line `APPEND ... {n+}` may read the n bytes that follow as commands. The first test shows
that it is so; the others that nothing of it happens through the door.
"""

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest
from servers.entry import enter, item, letter, take_rights
from servers.fixtures import StartServer

from emulator.servers.instance import Limits, Server, User
from migrator.errors import ConnectionLost, FolderRefused
from migrator.mailbox import Item, Mailbox, Refused

COMMANDS = b"".join(
    b'zz%d CREATE "%bpwn%d"\r\nzz%d SUBSCRIBE "%bpwn%d"\r\n' % (n, prefix, n, n + 50, prefix, n)
    for n, prefix in enumerate([b"", b"INBOX."])
)
ATTACKS = {
    "as the whole mail": COMMANDS,
    "as the body": letter(1, COMMANDS),
    "without a last line end": letter(1, COMMANDS) + b'zz9 CREATE "pwn9"',
    "after a blank line": b"\r\n" + COMMANDS,
    "as headers": b'zz7: CREATE "pwn7"\r\n' + COMMANDS + b"\r\nx\r\n",
    "in a literal of their own": letter(1, b"zz1 APPEND INBOX {%d+}\r\n%b\r\n" % (len(COMMANDS), COMMANDS)) + COMMANDS,
    "after closing the command": b")\r\n" + COMMANDS + b'"\r\n' + COMMANDS,
    "after a next message's head": b' (\\Seen) "01-Jan-2020 00:00:00 +0000" {4+}\r\nx: y\r\n' + COMMANDS,
    "after another one's beginning": letter(1, b"\r\n\r\n" + COMMANDS + b" {100000}\r\n" + COMMANDS),
    "with line feeds": letter(1, COMMANDS.replace(b"\r\n", b"\n")),
    "larger than a buffer": letter(1, b"x" * 9000 + b"\r\n" + COMMANDS * 400),
}

WAYS = {
    "MULTIAPPEND, LITERAL+": Limits(acl=True),
    "single, LITERAL+": Limits(acl=True, without=frozenset({"MULTIAPPEND"})),
    "MULTIAPPEND, patient": Limits(acl=True, without=frozenset({"LITERAL+"})),
    "single, patient": Limits(acl=True, without=frozenset({"MULTIAPPEND", "LITERAL+"})),
}


@dataclass(frozen=True)
class Field:
    """Where an attack takes place."""

    server: Server
    user: User
    folder: str
    attack: bytes


def mails(field: Field, *flags: str) -> list[Item]:
    return [item(letter(1), *flags), item(field.attack, *flags), item(letter(2), *flags), item(field.attack, *flags)]


def folder_deleted(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.select(field.folder)
    with field.server.observer(field.user) as observer:
        observer.delete_folder(field.folder)
    return mails(field)


def read_only(field: Field, mailbox: Mailbox) -> list[Item]:
    take_rights(field.server, field.user, field.folder, "lrsa")
    mailbox.select(field.folder)
    return mails(field)


def nul(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.select(field.folder)
    return [item(wire.wire + b"\0") for wire in mails(field)]


def bad_header(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.select(field.folder)
    return [item(b"no header\r\n" + wire.wire) for wire in mails(field)]


def among_empty_ones(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.select(field.folder)
    return [item(b""), *mails(field), item(b"")]


def too_many_keywords(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.append(mailbox.select(field.folder), [item(letter(n), f"kind{n}") for n in range(100)])
    return mails(field, "one-more", "\\Seen")


def nothing_wrong(field: Field, mailbox: Mailbox) -> list[Item]:
    mailbox.select(field.folder)
    return mails(field)


FAILURES: dict[str, Callable[[Field, Mailbox], list[Item]]] = {
    function.__name__: function
    for function in (
        folder_deleted,
        read_only,
        nul,
        bad_header,
        among_empty_ones,
        too_many_keywords,
        nothing_wrong,
    )
}


@contextlib.contextmanager
def fields(server: Server, attacks: Iterable[bytes], quota: int | None = None) -> Iterator[list[Field]]:
    """Prepare a user with a folder for each attack; at the end see that no mail made or subscribed another."""
    user = server.new_user(quota)
    with enter(server, user) as mailbox:
        prefix = mailbox.shape().prefix
        found = [Field(server, user, f"{prefix}Field{n}", attack) for n, attack in enumerate(attacks)]
        for field in found:
            mailbox.create(field.folder)
    yield found
    with server.observer(user) as observer:
        names = [name for _, _, name in observer.list_folders() + observer.list_sub_folders()]
    assert "INBOX" in names
    assert not [name for name in names if "pwn" in name]


def carry_out(field: Field, prepare: Callable[[Field, Mailbox], list[Item]]) -> None:
    """Append, again carefully where the connection was lost: as the rest of the product does."""
    for careful in (False, True):
        with contextlib.suppress(ConnectionLost), enter(field.server, field.user) as mailbox:
            if not careful:
                items = prepare(field, mailbox)
            else:
                with contextlib.suppress(FolderRefused):  # it is there, and may be closed to us
                    mailbox.create(field.folder)
                mailbox.select(field.folder)
            selected = mailbox._selected
            assert selected is not None
            results = mailbox.append(selected, items, careful=careful)
            assert len(results) == len(items)
            mailbox.select("INBOX")  # the conversation is still in step
            if not any(isinstance(result, Refused) for result in results):
                return


def test_the_attack_is_real(dovecot_server: Server) -> None:
    """Dovecot reads a refused non-synchronising literal as commands: the reason for all of this."""
    user = dovecot_server.new_user()
    with socket.create_connection((dovecot_server.host, dovecot_server.port)) as sock, sock.makefile("rb") as answers:
        mail = letter(1, b'zz1 CREATE "pwn"\r\n')
        sock.sendall(b"a LOGIN %b pass\r\n" % user.name.encode())
        sock.sendall(b"b APPEND INBOX (\\Recent) {%d+}\r\n%b\r\nc LOGOUT\r\n" % (len(mail), mail))
        said = answers.read()
    assert b"b BAD" in said
    assert b"zz1 OK" in said
    with dovecot_server.observer(user) as observer:
        assert "pwn" in [name for _, _, name in observer.list_folders()]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_no_command_in_a_mail_is_carried_out(start_server: StartServer, kind: str, way: str, failure: str) -> None:
    server = start_server(kind, WAYS[way])
    with fields(server, ATTACKS.values()) as found:
        for field in found:
            carry_out(field, FAILURES[failure])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_no_command_in_a_mail_is_carried_out_in_a_full_mailbox(start_server: StartServer, kind: str, way: str) -> None:
    def full(field: Field, mailbox: Mailbox) -> list[Item]:
        mailbox.append(mailbox.select(field.folder), [item(letter(1, b"x" * 15_000)), item(letter(2, b"x" * 4000))])
        return [item(wire.wire + b"y" * 9000) for wire in mails(field)]

    for attack in ATTACKS.values():
        with fields(start_server(kind, WAYS[way]), [attack], quota=20 * 1024) as (field,):
            carry_out(field, full)


@pytest.mark.parametrize("literal_minus", [False, True])
@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"MULTIAPPEND"})])
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_no_command_in_a_mail_that_is_too_large_is_carried_out(
    start_server: StartServer,
    kind: str,
    without: frozenset[str],
    literal_minus: bool,  # noqa: FBT001
) -> None:
    server = start_server(kind, Limits(without=without, literal_minus=literal_minus, max_mail_size=1000))
    with fields(server, [attack + b"\r\n" * 600 + attack for attack in ATTACKS.values()]) as found:
        for field in found:
            carry_out(field, nothing_wrong)


@pytest.mark.parametrize("flag", ["\\Recent", "\\Important", "{3+}\r\nx", "a b", "\x80", 'x"', "y" * 51])
def test_what_makes_the_attack_possible_is_never_sent(mailbox_server: Server, flag: str) -> None:
    with fields(mailbox_server, [ATTACKS["as the body"]]) as (field,), enter(mailbox_server, field.user) as mailbox:
        selected = mailbox.select(field.folder)
        for careful in (False, True):
            with pytest.raises(ValueError, match="not a flag"):
                mailbox.append(selected, mails(field, flag), careful=careful)
        assert mailbox.select(field.folder).exists == 0


@pytest.mark.parametrize("date", [-(10**17), -1, 0, 10**15, 10**17])
def test_no_date_opens_the_door_to_it(mailbox_server: Server, date: int) -> None:
    with fields(mailbox_server, [ATTACKS["as the body"]]) as (field,), enter(mailbox_server, field.user) as mailbox:
        results = mailbox.append(mailbox.select(field.folder), [item(field.attack, date=date)])
        assert results[0].uid == 1
