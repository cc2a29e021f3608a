"""Messages that belong in several folders: sent once, copied by the server to the others."""

import pytest
from desk import FAMILY, INBOX, WORK, Desk, at_points, batch, raising, staged
from engine import Died, letter
from redis import Redis

from emulator.servers.instance import Server
from migrator.errors import ConnectionLost, MailboxFull
from migrator.outcome import Mark

COPIED, THERE, PENDING = Mark.COPIED, Mark.ALREADY_THERE, Mark.PENDING
KIB = 1024


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def large(number: int, kib: int) -> bytes:
    return letter(number, b"x" * (kib * KIB) + b"\r\n")


def test_a_message_in_several_folders_is_sent_once_and_lies_in_each(desk: Desk) -> None:
    desk.file([staged(0, WORK, FAMILY, INBOX), staged(1, WORK), staged(2, WORK, FAMILY)])
    assert desk.lying(WORK) == letters(0, 1, 2)
    assert desk.lying(FAMILY) == letters(0, 2)
    assert desk.lying(INBOX) == letters(0)
    assert desk.marks(0, 1, 2) == [COPIED] * 3
    assert desk.ledger.partials() == {}


def test_a_message_is_not_done_before_it_lies_in_all_its_folders(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(WORK, [staged(0, WORK, FAMILY)])
        assert desk.marks(0) == [PENDING]
        assert desk.ledger.partials()[0].todo == (FAMILY,)


@pytest.mark.parametrize("point", ["migrator.intent.after", "migrator.append.after", "migrator.result.after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_slice_may_die_while_copying_further_and_nothing_lies_twice(desk: Desk, point: str, nth: int) -> None:
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK, FAMILY)]
    with at_points(raising(Died(), point, nth)), pytest.raises(Died):
        desk.file(work)
    desk.file(work)
    assert [desk.lying(folder) for folder in (WORK, FAMILY, INBOX)] == [letters(0, 1), letters(0, 1), letters(0)]
    assert desk.marks(0, 1) == [COPIED, COPIED]
    assert desk.ledger.partials() == {}


@pytest.mark.parametrize("point", ["migrator.append.before", "migrator.append.after"])
def test_a_connection_that_breaks_while_copying_further_copies_nothing_twice(desk: Desk, point: str) -> None:
    with at_points(raising(ConnectionLost("broken"), point, 2)):
        desk.file([staged(0, WORK, FAMILY), staged(1, WORK, FAMILY)])
    assert (desk.lying(WORK), desk.lying(FAMILY)) == (letters(0, 1), letters(0, 1))
    assert desk.marks(0, 1) == [COPIED, COPIED]
    assert desk.ledger.intent() is None


def test_a_run_with_a_new_ledger_finds_every_copy(desk: Desk) -> None:
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK, FAMILY), staged(2, FAMILY, INBOX)]
    desk.file(work[:2], work[2:])
    before = [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)]
    desk.ledger = desk.new_migration()
    desk.file(work[:2], work[2:])
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == before
    assert desk.marks(0, 1, 2) == [THERE] * 3


def test_a_first_copy_that_was_taken_away_meanwhile_is_missing(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(WORK, [staged(0, WORK, FAMILY), staged(1, WORK, FAMILY)])
        desk.remove(WORK, letter(0))
        filing.copy_further()
    assert desk.marks(0, 1) == [Mark.FAILED_MISSING, COPIED]
    assert desk.lying(FAMILY) == letters(1)


def test_a_closed_target_holds_up_what_should_go_there_and_nothing_else(desk: Desk) -> None:
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    work = [staged(0, WORK, FAMILY), staged(1, WORK, INBOX), staged(2, WORK)]
    desk.file(work)
    assert desk.marks(0, 1, 2) == [PENDING, COPIED, COPIED]
    assert set(desk.deferred()) == {0}
    desk.open_folder(FAMILY)
    desk.when_due()
    desk.file(work)
    assert (desk.marks(0), desk.deferred(), desk.ledger.partials()) == ([COPIED], {}, {})
    assert desk.lying(FAMILY) == letters(7, 0)


def test_a_closed_folder_among_several_keeps_a_message_from_none_of_the_others(desk: Desk) -> None:
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK)]
    desk.file(work)
    desk.used_up(work)
    assert [desk.lying(folder) for folder in (WORK, FAMILY, INBOX)] == [letters(0, 1), letters(7), letters(0)]
    assert desk.marks(0, 1) == [Mark.FAILED_FOLDER, COPIED]
    assert set(desk.ledger.reasons()) == {0}
    assert (desk.ledger.partials(), desk.deferred()) == ({}, {})


def test_no_room_for_a_further_copy_is_waited_for_and_the_others_go_on(mailbox_server: Server, redis: Redis) -> None:
    desk = Desk(mailbox_server, redis, quota=100 * KIB)
    ballast = large(99, 50)
    desk.put(INBOX, ballast)
    work = [staged(0, WORK, FAMILY, raw=large(0, 30)), staged(1, WORK, INBOX)]
    with desk.slice() as filing:
        filing.file(WORK, work)
        filing.copy_further()
        assert isinstance(filing.held_up, MailboxFull)
    assert desk.marks(0, 1) == [PENDING, COPIED]
    desk.remove(INBOX, ballast)
    desk.file(work)
    assert desk.marks(0, 1) == [COPIED, COPIED]
    assert len(desk.lying(WORK)) == 2
    assert len(desk.lying(FAMILY)) == 1


def test_a_first_folder_removed_before_the_copy_is_filled_again(desk: Desk) -> None:
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK, INBOX)]
    with at_points(raising(Died(), "migrator.append.before", 2)), pytest.raises(Died):
        desk.file(work)
    desk.delete_folder(WORK)
    for _ in range(3):
        desk.file(work)
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [
        letters(0, 1),
        letters(0),
        letters(0, 1),
    ]
    assert desk.marks(0, 1) == [COPIED, COPIED]


def test_one_of_several_folders_made_anew_is_filled_from_the_others(desk: Desk) -> None:
    work = [staged(0, WORK, FAMILY), staged(1, WORK), staged(2, FAMILY)]
    desk.file(work[:2], work[2:])
    desk.delete_folder(WORK)
    for _ in range(3):
        desk.file([staged(3, WORK)], work[:2])
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY)] == [letters(0, 1, 3), letters(0, 2)]
    assert desk.marks(*range(4)) == [COPIED] * 4
