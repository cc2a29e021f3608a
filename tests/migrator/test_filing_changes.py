"""The mailbox changes under our hands: folders removed, made anew, closed to writing; no room; connections counted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from desk import FAMILY, INBOX, WORK, Desk, at_points, batch, raising, staged
from engine import Died, letter
from redis import Redis

from emulator.servers.instance import Server
from migrator.errors import MailboxFull
from migrator.failures import is_own_fault
from migrator.mailbox import Mailbox
from migrator.outcome import Mark

COPIED, THERE, PENDING = Mark.COPIED, Mark.ALREADY_THERE, Mark.PENDING
KIB = 1024


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def large(number: int, kib: int) -> bytes:
    return letter(number, b"x" * (kib * KIB) + b"\r\n")


# --- folders removed and made anew ------------------------------------------------------------------------------------


def test_a_folder_removed_between_slices_is_made_again_and_filled_again(desk: Desk) -> None:
    desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK)
    desk.file(batch(range(5), WORK), batch([5]))
    assert desk.marks(0, 1, 2) == [PENDING] * 3, "what lay in it is to be brought again"
    desk.file(batch(range(5), WORK))
    assert sorted(desk.lying(WORK)) == letters(*range(5))
    assert desk.marks(*range(6)) == [COPIED] * 6
    assert len(desk.placed(WORK)) == desk.ledger.counts()[f"folder:{WORK}"] == 5


def test_a_folder_removed_within_a_slice_is_made_again(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(WORK, batch(range(3), WORK))
        desk.delete_folder(WORK)
        filing.file(WORK, batch([3, 4], WORK))
        filing.file(INBOX, batch([5]))
    for _ in range(2):
        desk.when_due()  # Dovecot speaks of an internal error
        desk.file(batch(range(5), WORK))
    assert sorted(desk.lying(WORK)) == letters(*range(5))
    assert desk.marks(*range(6)) == [COPIED] * 6


@pytest.mark.parametrize("kept", [(), (1,), (0, 1, 2)], ids=["emptied", "one kept", "all kept"])
def test_a_folder_with_another_uidvalidity_is_looked_at_anew(desk: Desk, kept: tuple[int, ...]) -> None:
    desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK, again=True)
    if kept:
        desk.put(WORK, *letters(*kept))
    for _ in range(2):
        desk.file(batch(range(5), WORK))
    assert sorted(desk.lying(WORK)) == letters(*range(5))
    found = THERE if len(kept) < 3 else COPIED
    assert desk.marks(*range(5)) == [found if number in kept else COPIED for number in range(5)]
    assert sorted(number for number, _ in desk.placed(WORK)) == list(range(5))
    assert desk.ledger.counts()[f"folder:{WORK}"] == 5


def test_what_a_store_built_anew_still_holds_is_found_at_once(dovecot_server: Server, redis: Redis) -> None:
    """Without its list of UIDs a Maildir gets a new UIDVALIDITY, and every message another UID."""
    desk = Desk(dovecot_server, redis)
    desk.file([*batch(range(3), WORK)], [staged(3, WORK, FAMILY)], [staged(4, INBOX, WORK)])
    before = desk.placed(WORK)
    (maildir,) = (path for root in ("/dev/shm", "/tmp") for path in Path(root).glob(f"imap-*/mail/{desk.user.name}"))
    for index in maildir.rglob("dovecot*"):
        index.unlink() if index.is_file() else None
    with desk.slice() as filing:
        filing.file(WORK, batch([5], WORK))
    assert desk.marks(*range(6)) == [COPIED] * 6, "nothing is read at Gmail again"
    assert desk.placed(WORK) != before
    assert desk.ledger.partials() == {}
    assert sorted(desk.lying(WORK)) == letters(*range(6))


def test_a_folder_made_anew_within_a_slice_gets_every_message_once(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(WORK, batch(range(3), WORK))
        desk.delete_folder(WORK, again=True)
        filing.file(WORK, batch([3, 4], WORK))
    for _ in range(2):
        desk.file(batch(range(5), WORK))
    assert sorted(desk.lying(WORK)) == letters(*range(5))
    assert sorted(number for number, _ in desk.placed(WORK)) == list(range(5))


@pytest.mark.parametrize("numbers", [(3,), (3, 4)])
def test_what_goes_into_a_folder_made_anew_is_recorded_where_it_lies(desk: Desk, numbers: tuple[int, ...]) -> None:
    """A server may alter what it stores: then it is recognised by its UID alone."""
    desk.file(batch(range(3), WORK))
    moments = iter(["migrator.append.before"])

    def made_anew(event: str) -> None:
        if event == "migrator.append.before" and next(moments, None):
            desk.delete_folder(WORK, again=True)

    with desk.slice() as filing, at_points(made_anew):
        filing.file(WORK, batch(numbers, WORK))
    desk.when_due()  # Dovecot speaks of an internal error, and stores nothing
    desk.file(batch(numbers, WORK))
    assert desk.marks(*numbers) == [COPIED] * len(numbers)
    assert dict(desk.placed(WORK)) == {number: uid for uid, number in enumerate(numbers, 1)}
    desk.file(batch(range(5), WORK))
    assert sorted(desk.lying(WORK)) == letters(*range(5))


def test_an_intent_for_a_folder_made_anew_is_settled(desk: Desk) -> None:
    with at_points(raising(Died(), "migrator.append.after")), pytest.raises(Died):
        desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK, again=True)
    desk.put(WORK, letter(1))
    desk.file(batch(range(3), WORK))
    assert sorted(desk.lying(WORK)) == letters(0, 1, 2)
    assert desk.marks(0, 1, 2) == [COPIED, THERE, COPIED]


# --- folders that may not be written ----------------------------------------------------------------------------------


def test_a_folder_that_may_not_be_written_holds_up_its_own_messages_alone(desk: Desk) -> None:
    desk.file(batch([0, 1], WORK))
    desk.close_folder(WORK)
    work = [batch([2, 3], WORK), batch([4], FAMILY), batch([5])]
    desk.file(*work)
    assert desk.marks(*range(6)) == [COPIED, COPIED, PENDING, PENDING, COPIED, COPIED]
    assert set(desk.deferred()) == {2, 3}
    desk.open_folder(WORK)
    desk.when_due()
    desk.file(*work)
    assert desk.marks(2, 3) == [COPIED, COPIED]
    assert desk.deferred() == {}


def test_messages_of_a_folder_that_stays_closed_fail_when_their_tries_are_used_up(desk: Desk) -> None:
    desk.file(batch([0, 1], WORK))
    desk.close_folder(WORK)
    desk.file(batch([2, 3], WORK), batch([4], FAMILY))
    desk.used_up(batch([2, 3], WORK))
    assert desk.deferred() == {}
    assert [mark.is_failure for mark in desk.marks(2, 3, 4)] == [True, True, False]
    assert not any(is_own_fault(word) for word in desk.ledger.reasons().values())


def test_mail_for_a_folder_that_was_closed_before_goes_into_one_of_another_spelling(desk: Desk) -> None:
    desk.put(WORK, *letters(0, 2))
    desk.close_folder(WORK)
    desk.file(batch(range(4), WORK))
    assert desk.name(WORK).endswith("Work (label)") or "Work" in desk.name(WORK) != "Work"
    assert desk.marks(1, 3) == [COPIED, COPIED]
    assert {letters(1)[0], letters(3)[0]} <= set(desk.lying(WORK))


def test_an_intent_for_a_folder_that_was_closed_meanwhile_is_settled(desk: Desk) -> None:
    with at_points(raising(Died(), "migrator.append.after")), pytest.raises(Died):
        desk.file(batch(range(3), WORK))
    desk.close_folder(WORK)
    desk.file(batch(range(4), WORK), batch([5]))
    assert desk.marks(0, 1, 2, 3, 5) == [COPIED, COPIED, COPIED, PENDING, COPIED]


# --- messages refused, no room ----------------------------------------------------------------------------------------


def test_one_message_the_server_refuses_fails_alone(cyrus_server: Server, redis: Redis) -> None:
    desk = Desk(cyrus_server, redis)
    desk.file([*batch(range(20)), staged(20, raw=letter(20, b"\0\r\n")), *batch(range(21, 30))])
    assert desk.marks(20) == [Mark.FAILED_REFUSED]
    assert desk.ledger.reasons() == {20: "nul-characters"}
    assert desk.lying() == letters(*(number for number in range(30) if number != 20))


def test_a_full_mailbox_holds_up_what_does_not_fit_and_goes_on_when_there_is_room(
    mailbox_server: Server, redis: Redis
) -> None:
    desk = Desk(mailbox_server, redis, quota=100 * KIB)
    ballast = large(99, 50)
    desk.put(INBOX, ballast)
    work = [
        [staged(0, raw=large(0, 20)), staged(1, raw=large(1, 40)), staged(2)],
        [staged(3, WORK), staged(4, WORK, raw=large(4, 40))],
    ]
    with desk.slice() as filing:
        for some in work:
            filing.file(some[0].folder, some)
        assert isinstance(filing.held_up, MailboxFull)
    assert desk.marks(*range(5)) == [COPIED, PENDING, COPIED, COPIED, PENDING]
    desk.remove(INBOX, ballast)
    desk.file(*work)
    assert desk.marks(*range(5)) == [COPIED, COPIED, COPIED, COPIED, PENDING], "there is room for one of the two"
    assert (len(desk.lying()), len(desk.lying(WORK))) == (3, 1)


def test_a_mailbox_that_has_room_again_gets_every_message_once(mailbox_server: Server, redis: Redis) -> None:
    desk = Desk(mailbox_server, redis, quota=100 * KIB)
    ballast = large(99, 90)
    desk.put(INBOX, ballast)
    work = [staged(number, raw=large(number, 6)) for number in range(10)]
    desk.file(work)
    assert PENDING in desk.marks(*range(10))
    desk.remove(INBOX, ballast)
    desk.file(work)
    assert sorted(desk.lying()) == sorted(large(number, 6) for number in range(10))
    assert desk.marks(*range(10)) == [COPIED] * 10


# --- cost -------------------------------------------------------------------------------------------------------------


class Counting(Mailbox):
    """A mailbox that notes which messages were read back."""

    read: list[int] = []  # noqa: RUF012 - over all connections

    def bodies(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for uid, body in super().bodies(uids):
            self.read.append(uid)
            yield uid, body


def test_mail_that_lies_there_is_read_back_once_however_many_of_one_size_there_are(
    dovecot_server: Server, redis: Redis
) -> None:
    desk = Desk(dovecot_server, redis)
    raws = [letter(10 + number) for number in range(30)]
    desk.put(INBOX, *raws)
    with desk.slice() as filing:
        filing._folders.mailbox.__class__ = Counting
        for start in range(0, 30, 5):
            filing.file(INBOX, [staged(number, raw=raws[number]) for number in range(start, start + 5)])
    assert desk.marks(*range(30)) == [THERE] * 30
    assert len(Counting.read) == 30
