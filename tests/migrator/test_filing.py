from contextlib import suppress
from datetime import UTC, datetime

import pytest
from desk import DATE, FAMILY, INBOX, PERCENT, POINTS, WORK, Desk, at_points, batch, raising, staged
from engine import Died, letter, put_back, state_of
from redis import Redis

from emulator.servers.instance import Server
from migrator.errors import ConnectionLost, LeaseLost
from migrator.naming import FolderNames
from migrator.outcome import Mark

COPIED, THERE = Mark.COPIED, Mark.ALREADY_THERE


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


# --- what filing does -------------------------------------------------------------------------------------------------


def test_a_batch_lies_in_its_folder_and_is_recorded(desk: Desk) -> None:
    desk.file(batch(range(12), WORK))
    assert desk.lying(WORK) == letters(*range(12))
    assert desk.placed(WORK) == [(number, number + 1) for number in range(12)]
    assert desk.marks(*range(13)) == [*[COPIED] * 12, Mark.PENDING]
    assert desk.ledger.intent() is None
    assert desk.ledger.counts()[f"folder:{WORK}"] == 12


def test_flags_and_the_date_of_arrival_come_along(desk: Desk) -> None:
    desk.file([staged(0, flags=(r"\Seen", r"\Flagged")), staged(1, flags=())])
    with desk.enter() as mailbox:
        mailbox.select("INBOX")
        assert mailbox.flags([1, 2]) == {1: {r"\Seen", r"\Flagged"}, 2: frozenset()}
        assert mailbox.dates([1])[1].astimezone(UTC) == datetime.fromtimestamp(DATE / 1000, UTC)


def test_folders_are_made_when_they_are_first_used_and_not_before(desk: Desk) -> None:
    desk.file(batch([0], WORK))
    with desk.enter() as mailbox:
        names = {folder.name for folder in mailbox.shape().folders}
    assert desk.name(WORK) in names
    assert desk.name(FAMILY) not in names


def test_the_same_mail_under_two_ids_is_two_messages(desk: Desk) -> None:
    same = letter(7)
    desk.file([staged(0, raw=same), staged(1, raw=same)], [staged(2, raw=same)])
    desk.file([staged(3, raw=same)])
    assert desk.lying() == [same] * 4
    assert desk.marks(0, 1, 2, 3) == [COPIED] * 4
    assert desk.placed() == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_mail_that_lies_there_already_is_recognised_and_not_copied(desk: Desk) -> None:
    desk.put(INBOX, letter(1), letter(5), letter(3))
    desk.file(batch(range(4)))
    assert desk.lying() == letters(1, 5, 3, 0, 2)
    assert desk.marks(0, 1, 2, 3) == [COPIED, THERE, COPIED, THERE]


def test_each_mail_that_lies_there_stands_for_one_message_alone(desk: Desk) -> None:
    same = letter(7)
    desk.put(INBOX, same)
    desk.file([staged(0, raw=same), staged(1, raw=same)])
    assert desk.lying() == [same, same]
    assert sorted(desk.marks(0, 1)) == [COPIED, THERE]
    assert sorted(uid for _, uid in desk.placed()) == [1, 2]


def test_mail_that_was_recognised_once_is_not_recognised_for_another_message(desk: Desk) -> None:
    same = letter(7)
    desk.put(INBOX, same)
    desk.file([staged(0, raw=same)], [staged(1, raw=same)])
    assert desk.lying() == [same, same]
    assert desk.placed() == [(0, 1), (1, 2)]


def test_a_run_with_a_new_ledger_adds_nothing(desk: Desk) -> None:
    work = [batch(range(6)), batch(range(6, 9), WORK), batch(range(9, 12), PERCENT)]
    desk.file(*work)
    before = [desk.lying(folder) for folder in (INBOX, WORK, PERCENT)]
    desk.ledger = desk.new_migration()
    desk.file(*work)
    assert [desk.lying(folder) for folder in (INBOX, WORK, PERCENT)] == before
    assert desk.marks(*range(12)) == [THERE] * 12


def test_other_peoples_mail_is_never_touched_or_counted(desk: Desk) -> None:
    foreign = [letter(100 + n, b"x" * n) for n in range(6)]
    desk.put(INBOX, foreign[0], foreign[1])
    with desk.slice() as filing:
        filing.file(INBOX, batch([0, 1]))
        desk.put(INBOX, foreign[2])
        filing.file(INBOX, batch([2, 3]))
        desk.put(INBOX, foreign[3])
    desk.put(INBOX, foreign[4], letter(4)[:-2] + b"?!")
    desk.file(batch([4, 5]))
    assert desk.lying() == [
        *foreign[:2],
        *letters(0, 1),
        foreign[2],
        *letters(2, 3),
        *foreign[3:5],
        letter(4)[:-2] + b"?!",
        *letters(4, 5),
    ]
    assert desk.ledger.counts()["folder:0"] == 6
    assert {uid for _, uid in desk.placed()} == {3, 4, 6, 7, 11, 12}


def test_a_slice_that_lost_its_lease_stops_before_it_appends(desk: Desk) -> None:
    with desk.slice() as filing:
        desk.redis.hset(desk.ledger.key("")[:-1], "token", "another")
        with pytest.raises(LeaseLost):
            filing.file(INBOX, batch([0]))
    assert desk.lying() == []


# --- death and recovery -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS)
def test_a_slice_may_die_at_any_point_and_every_message_lies_there_once(desk: Desk, point: str) -> None:
    same = letter(50)
    work = [
        [*batch([0, 1, 2], WORK), staged(3, WORK, raw=same), staged(4, WORK, raw=same)],
        batch([5, 6], WORK),
    ]
    for nth in (1, 2):
        with at_points(raising(Died(), point, nth)), suppress(Died):
            desk.file(*work)
    desk.file(*work)
    assert sorted(desk.lying(WORK)) == sorted([*letters(0, 1, 2, 5, 6), same, same])
    assert desk.marks(*range(7)) == [COPIED] * 7
    assert len({uid for _, uid in desk.placed(WORK)}) == 7
    assert desk.ledger.counts()[f"folder:{WORK}"] == 7


@pytest.mark.parametrize("there", [(), (0,), (1, 3), (0, 1, 2, 3)], ids=["none", "one", "half", "all"])
def test_an_intent_left_behind_is_settled_by_looking(desk: Desk, there: tuple[int, ...]) -> None:
    desk.file([staged(9)])
    with at_points(raising(Died(), "migrator.append.before")), pytest.raises(Died):
        desk.file(batch(range(4)))
    assert desk.ledger.intent() is not None
    desk.put(INBOX, letter(77), *letters(*there), letter(88))
    with desk.slice():
        assert desk.ledger.intent() is None
        assert desk.marks(*range(4)) == [COPIED if number in there else Mark.PENDING for number in range(4)]
    desk.file(batch(range(4)))
    assert sorted(desk.lying()) == sorted(letters(9, 77, *range(4), 88))
    assert desk.marks(*range(4)) == [COPIED] * 4


def test_an_intent_for_a_folder_that_is_gone_is_settled_too(desk: Desk) -> None:
    with at_points(raising(Died(), "migrator.append.after")), pytest.raises(Died):
        desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK)
    desk.file(batch(range(3), WORK), batch([5]))
    assert desk.ledger.intent() is None
    assert desk.lying(WORK) == letters(0, 1, 2)
    assert desk.marks(0, 1, 2, 5) == [COPIED] * 4


@pytest.mark.parametrize("known", [True, False], ids=["the folder was known", "even the folder was unknown"])
def test_a_ledger_behind_the_mailbox_adds_nothing_twice(desk: Desk, redis: Redis, *, known: bool) -> None:
    if known:
        desk.file(batch([0, 1], WORK))
    older = state_of(redis, desk.ledger)
    desk.file(batch([2, 3, 4], WORK))
    desk.put(WORK, letter(99))
    desk.file(batch([5], WORK))
    put_back(redis, desk.ledger, older)
    desk.file(batch(range(7), WORK))
    assert sorted(desk.lying(WORK)) == sorted(letters(*range(7), 99))
    assert len({uid for _, uid in desk.placed(WORK)}) == 7
    assert all(mark in {COPIED, THERE} for mark in desk.marks(*range(7)))


def test_a_ledger_many_times_behind_still_adds_nothing_twice(desk: Desk, redis: Redis) -> None:
    for number in range(6):
        older = state_of(redis, desk.ledger)
        desk.file(batch([number]))
        put_back(redis, desk.ledger, older)
    desk.file(batch(range(6)))
    assert desk.lying() == letters(*range(6))


@pytest.mark.parametrize("point", ["migrator.append.before", "migrator.append.after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_connection_that_breaks_is_opened_again_within_the_slice(desk: Desk, point: str, nth: int) -> None:
    with at_points(raising(ConnectionLost("broken"), point, nth)):
        desk.file(batch([0, 1, 2]), batch([3, 4]))
    assert sorted(desk.lying()) == letters(*range(5))
    assert desk.marks(*range(5)) == [COPIED] * 5


def test_a_connection_that_broke_between_two_batches_is_no_matter(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(INBOX, batch([0, 1]))
        desk.opened[-1]._wire.shutdown()
        filing.file(WORK, batch([2, 3], WORK))
        desk.opened[-1]._wire.shutdown()
        filing.file(WORK, batch([4], WORK))
    assert (desk.lying(), desk.lying(WORK)) == (letters(0, 1), letters(2, 3, 4))


def test_where_every_append_breaks_the_connection_nobody_is_blamed(desk: Desk) -> None:
    with at_points(raising(ConnectionLost("broken"), "migrator.append.before", 0)):
        for _ in range(4):
            desk.file(batch([0, 1]))
    assert desk.marks(0, 1) == [Mark.PENDING] * 2
    assert [held.tries for held in desk.ledger.deferred().values()] == [0, 0]
    desk.file(batch([0, 1, 2]))
    assert desk.marks(0, 1, 2) == [COPIED] * 3
    assert desk.lying() == letters(0, 1, 2)
    assert desk.deferred() == {}


# --- folder names -----------------------------------------------------------------------------------------------------


def test_a_name_the_server_refuses_gets_its_stricter_spelling_and_keeps_it(cyrus_server: Server, redis: Redis) -> None:
    desk = Desk(cyrus_server, redis)
    desk.file(batch([0], PERCENT))
    row = FolderNames.load(desk.ledger).rows[PERCENT]
    assert (row.asked, "%" in row.name) == ("INBOX.per%cent", False)
    desk.file(batch([1], PERCENT))
    assert desk.lying(PERCENT) == letters(0, 1)


def test_a_name_the_server_takes_stays_as_it_is(dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file(batch([0], PERCENT))
    assert FolderNames.load(desk.ledger).rows[PERCENT].name == "per%cent"
    assert desk.lying(PERCENT) == letters(0)
