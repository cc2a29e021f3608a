from collections.abc import Iterator

import pytest
from servers.entry import enter

from emulator.servers.instance import Server, User
from migrator.mailbox import Mailbox, Selected


@pytest.fixture
def user(mailbox_server: Server) -> User:
    return mailbox_server.new_user()


@pytest.fixture
def mailbox(mailbox_server: Server, user: User) -> Iterator[Mailbox]:
    with enter(mailbox_server, user) as opened:
        yield opened


@pytest.fixture
def inbox(mailbox: Mailbox) -> Selected:
    return mailbox.select("INBOX")
