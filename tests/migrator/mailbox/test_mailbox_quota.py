import time

import pytest
from servers.entry import enter, item, letter
from servers.fixtures import StartServer

from emulator.servers.instance import Limits, Server
from migrator.errors import MailboxFull, MessageRefused
from migrator.mailbox import Appended, Quota, Refused

KIB = 1024


def big(number: int, kib: int) -> bytes:
    return letter(number, b"x" * (kib * KIB))


def is_full(result: Appended | Refused) -> bool:
    return isinstance(result, Refused) and isinstance(result.error, MailboxFull)


def test_the_quota_is_told_in_bytes(mailbox_server: Server) -> None:
    user = mailbox_server.new_user(quota=100 * KIB)
    with enter(mailbox_server, user) as mailbox:
        assert mailbox.quota() == Quota(used=0, limit=100 * KIB)
        mailbox.append(mailbox.select("INBOX"), [item(big(1, 10))])
        quota = mailbox.quota()
        assert quota is not None
        assert quota.limit == 100 * KIB
        assert quota.used in range(10 * KIB, 12 * KIB)


def test_no_quota_is_no_figure(cyrus_server: Server, start_server: StartServer) -> None:
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        assert mailbox.quota() == Quota(None, None)
    without = start_server("dovecot", Limits(without=frozenset({"QUOTA"})))
    with enter(without, without.new_user()) as mailbox:
        assert mailbox.quota() is None


@pytest.mark.parametrize("careful", [False, True])
def test_a_full_mailbox_refuses_the_large_and_still_takes_the_small(mailbox_server: Server, careful: bool) -> None:  # noqa: FBT001
    user = mailbox_server.new_user(quota=100 * KIB)
    with enter(mailbox_server, user) as mailbox:
        selected = mailbox.select("INBOX")
        items = [item(big(n, 30)) for n in range(5)] + [item(letter(9))]
        results = mailbox.append(selected, items, careful=careful)
        assert results[:3] == [Appended(1), Appended(2), Appended(3)]
        assert [is_full(result) for result in results[3:]] == [True, True, False]
        assert results[5] == Appended(4)
        assert results[3].error.until == pytest.approx(time.time() + 900, abs=20)
        assert len(mailbox.sizes(range(1, 99))) == 4


@pytest.mark.parametrize("careful", [False, True])
def test_a_message_larger_than_the_whole_quota_is_not_waited_for(mailbox_server: Server, careful: bool) -> None:  # noqa: FBT001
    user = mailbox_server.new_user(quota=100 * KIB)
    with enter(mailbox_server, user) as mailbox:
        selected = mailbox.select("INBOX")
        first, second = mailbox.append(selected, [item(big(1, 200)), item(letter(2))], careful=careful)
        assert isinstance(first, Refused)
        assert isinstance(first.error, MessageRefused)
        assert first.error.detail == "too-large"
        assert second == Appended(1)


def test_a_copy_into_a_full_mailbox_is_full(mailbox_server: Server) -> None:
    user = mailbox_server.new_user(quota=100 * KIB)
    with enter(mailbox_server, user) as mailbox:
        other = mailbox.shape().prefix + "Other"
        mailbox.create(other)
        mailbox.append(mailbox.select("INBOX"), [item(big(n, 30)) for n in range(3)])
        with pytest.raises(MailboxFull):
            mailbox.copy([1], other)
        assert len(mailbox.sizes(range(1, 99))) == 3
