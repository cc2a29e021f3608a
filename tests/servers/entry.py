"""Entering a test server through the product's own door."""

from emulator.servers.instance import Server, User
from migrator.mailbox import Item, Mailbox, Password, Target, open_mailbox

DATE = 1_700_000_000_000  # 14 November 2023, 22:13:20 UTC


def enter(server: Server, user: User) -> Mailbox:
    """Open the user's mailbox by LOGIN, without TLS: close it by `with`."""
    target = Target(server.host, server.port, "none")
    return open_mailbox(target, Password(user.name, user.password), read_timeout=30)


def letter(number: int = 1, body: bytes = b"hello\r\n") -> bytes:
    """Return a small, correct mail."""
    return (
        b"From: ann@example.com\r\nSubject: letter %d\r\nMessage-ID: <%d@example.com>\r\n\r\n" % (number, number) + body
    )


def item(wire: bytes | None = None, *flags: str, date: int = DATE) -> Item:
    """Return a mail to append."""
    return Item(letter() if wire is None else wire, flags, date)


def take_rights(server: Server, user: User, folder: str, left: str) -> None:
    """Leave the user, by ACL (RFC 4314 §2.1), only these rights in one of his folders; `i` is to put mail there."""
    with server.observer(user) as observer:
        who = "owner" if server.kind == "dovecot" else user.name
        observer.setacl(folder, who, left)
