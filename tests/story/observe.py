"""What a mailbox holds, seen by another program; and what a Gmail account ought to become, reckoned independently."""

import hashlib
import re
from dataclasses import dataclass

from imapclient import IMAPClient

from emulator.servers.instance import Server, User
from migrator.message import fingerprint


@dataclass(frozen=True)
class Seen:
    """One message in a mailbox."""

    folder: str
    body: bytes
    flags: frozenset[str]
    date: float

    @property
    def sha(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def mailbox_content(server: Server, user: User) -> list[Seen]:
    """Return every message of every folder."""
    with server.observer(user) as client:
        return [seen for _, _, name in client.list_folders() for seen in _folder(client, name)]


def _folder(client: IMAPClient, name: str) -> list[Seen]:
    try:
        count = client.select_folder(name, readonly=True)[b"EXISTS"]
    except client.Error:
        return []  # \Noselect: a parent that holds no mail
    rows = client.fetch(client.search("ALL"), ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"]) if count else {}
    return [
        Seen(
            name,
            row[b"BODY[]"],
            frozenset(flag.decode() for flag in row[b"FLAGS"] if flag != b"\\Recent"),
            row[b"INTERNALDATE"].timestamp(),
        )
        for row in rows.values()
    ]


def alike(body: bytes) -> bytes:
    """Return what is equal for a mail as Gmail serves it and as a server stored it."""
    return fingerprint(body, b"test").likeness


def crlf(raw: bytes) -> bytes:
    """The line ends of the wire."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", raw)
