"""Many accounts with a mailbox each: made, launched, and looked through at the end."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.stores import Stores
from bench.google import Google
from bench.installation import launched
from bench.parts import Server, User

_ID = re.compile(rb"<([0-9a-f]{16})@synthetic\.example>")
_AT_ONCE = 64
"""Launches at once: each waits for the store's disk."""

_PAGE = 2000
"""Messages asked for in one command, whose line has a limit."""

BODY = 1000  # bytes


@dataclass(frozen=True, slots=True)
class Member:
    """One of the crowd: the account's address and its number of messages, the mailbox, the import."""

    address: str
    messages: int
    user: User
    migration: str


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in mailboxes at the end: messages that are missing, and those that are there more than once."""

    lost: int
    doubled: int


def gather(
    google: Google, server: Server, stores: Stores, sizes: Sequence[int], name: str = "member"
) -> tuple[Member, ...]:
    """Make an account and a mailbox for each size (in messages) and launch all imports; no worker need run.

    `name` begins the accounts' addresses.
    """
    users = [server.new_user() for _ in sizes]

    def one(number: int) -> Member:
        address = f"{name}{number}@gmail.example"
        google.add_account(address, sizes[number], BODY)
        grant = google.grant_of(address)
        migration = launched(stores, grant, address, users[number], f"customer-{number}")
        return Member(address, sizes[number], users[number], migration)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(one, range(len(sizes))))


def look_through(server: Server, members: Sequence[Member]) -> Found:
    """Compare every mailbox with its account, message by message (by Message-ID; each is in one folder)."""
    found = [_look(server, member) for member in members]
    return Found(sum(one.lost for one in found), sum(one.doubled for one in found))


def _look(server: Server, member: Member) -> Found:
    ids: list[bytes] = []
    with server.observer(member.user) as client:
        for _, _, name in client.list_folders():
            client.select_folder(name, readonly=True)
            uids = client.search()
            for begin in range(0, len(uids), _PAGE):
                heads = client.fetch(uids[begin : begin + _PAGE], ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
                ids += [_id(head[b"BODY[HEADER.FIELDS (MESSAGE-ID)]"]) for head in heads.values()]
    return Found(member.messages - len(set(ids)), len(ids) - len(set(ids)))


def _id(head: bytes) -> bytes:
    found = _ID.search(head)
    if not found:
        raise RuntimeError("a message that no account has")
    return found[1]
