from dataclasses import replace

import pytest
from desk import FAMILY, INBOX, WORK, Desk, batch, staged
from engine import KEY, Died, dying, heir, letter
from redis import Redis
from verifying import thoroughly, verified

from emulator.servers.instance import Server
from migrator.errors import LeaseLost, MailboxUnreachable
from migrator.mailbox import Mailbox, Password, Target, open_mailbox
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID
from migrator.retry import Patience
from migrator.verify import verify_slice

COPIED, ALTERED, MISSING = Mark.COPIED, Mark.COPIED_ALTERED, Mark.FAILED_MISSING


@thoroughly
def test_what_lies_there_as_it_was_sent_is_found(desk: Desk, *, by_digest: bool) -> None:
    desk.file(batch(range(8)), batch(range(8, 12), WORK))
    found = verified(desk, by_digest=by_digest)
    assert found == {"found": 12, "identical": 12} if by_digest else {"found": 12, "identical": 2, "by_size": 10}
    assert desk.marks(*range(12)) == [COPIED] * 12


def test_nothing_filed_is_nothing_to_verify(desk: Desk) -> None:
    assert verified(desk) == {}


@thoroughly
def test_a_message_that_was_removed_is_missing_and_the_others_are_fine(desk: Desk, *, by_digest: bool) -> None:
    desk.file(batch(range(5)))
    desk.remove(INBOX, letter(2))
    found = verified(desk, by_digest=by_digest)
    assert (found["found"], found["missing"]) == (4, 1)
    assert desk.marks(*range(5)) == [COPIED, COPIED, MISSING, COPIED, COPIED]
    assert desk.ledger.reasons() == {2: "moved-or-removed"}


@thoroughly
def test_a_message_put_in_place_of_another_does_not_pass_for_it(desk: Desk, *, by_digest: bool) -> None:
    desk.file(batch(range(3)))
    desk.remove(INBOX, letter(1))
    desk.put(INBOX, letter(1)[:-2] + b"!!", letter(2))
    verified(desk, by_digest=by_digest)
    assert desk.marks(0, 1, 2) == [COPIED, MISSING, COPIED]


@pytest.mark.parametrize("again", [False, True], ids=["removed", "made anew"])
def test_a_folder_that_is_gone_has_lost_its_messages_and_no_others(desk: Desk, *, again: bool) -> None:
    desk.file(batch(range(3), WORK), batch(range(3, 6)))
    desk.delete_folder(WORK, again=again)
    for _ in range(0 if again else 4):  # it is asked for again, later
        with pytest.raises(MailboxUnreachable):
            verified(desk)
        assert MISSING not in desk.marks(*range(6))
    verified(desk)
    assert desk.marks(*range(6)) == [MISSING] * 3 + [COPIED] * 3


# --- what is not at its UID -------------------------------------------------------------------------------------------


def test_what_was_moved_away_and_back_is_found(desk: Desk) -> None:
    desk.file(batch(range(3)), batch([3], WORK))
    with desk.server.observer(desk.user) as observer:
        for source, target in ((INBOX, WORK), (WORK, INBOX)):
            observer.select_folder(desk.name(source))
            observer.move(observer.search(["SUBJECT", "letter 1"]), desk.name(target))
    assert verified(desk)["found"] == 4
    assert desk.marks(*range(4)) == [COPIED] * 4


def test_in_a_folder_that_got_new_uids_everything_is_found_that_lies_there(desk: Desk) -> None:
    desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK, again=True)
    desk.put(WORK, letter(2), letter(0))
    assert verified(desk) == {"found": 2, "identical": 2, "missing": 1}
    assert desk.marks(*range(3)) == [COPIED, MISSING, COPIED]


def unlocated(desk: Desk, *numbers: int) -> None:
    """Forget the UIDs of these messages, as if the server had said OK and nothing else."""
    placed = [*desk.ledger.placed(INBOX)]
    gone = [replace(row, uid=UNKNOWN_UID) if row.number in numbers else row for row in placed]
    desk.ledger.write(*desk.ledger.forgotten(INBOX, placed), *desk.ledger.place(INBOX, gone))


def test_a_copy_whose_uid_is_not_known_is_found_and_its_uid_written_down(desk: Desk) -> None:
    desk.put(INBOX, letter(77), letter(78))
    desk.file(batch(range(4)))
    before = desk.placed(INBOX)
    unlocated(desk, 1, 2)
    assert verified(desk) == {"found": 4, "identical": 3, "by_size": 1}
    assert desk.placed(INBOX) == before


def test_a_copy_whose_uid_is_not_known_and_that_is_not_found_counts_as_copied(desk: Desk) -> None:
    desk.file(batch(range(4)))
    unlocated(desk, 1, 2)
    desk.remove(INBOX, letter(2))
    assert verified(desk) == {"found": 3, "identical": 2, "by_size": 1, "unchecked": 1}
    assert desk.marks(*range(4)) == [COPIED] * 4


@pytest.mark.parametrize("at_once", [1, 1000])
def test_one_message_in_the_mailbox_stands_for_one_copy(
    desk: Desk, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.verify._AT_ONCE", at_once)
    same = letter(5)
    desk.file([staged(0, raw=same), staged(1, raw=same), staged(2)])
    desk.remove(INBOX, same)
    desk.put(INBOX, same)
    assert verified(desk) == {"found": 2, "identical": 1, "by_size": 1, "missing": 1}
    assert sorted(desk.marks(0, 1)) == [COPIED, MISSING]


@thoroughly
def test_nul_bytes_that_dovecot_changes_are_said_to_be_altered(
    dovecot_server: Server, redis: Redis, *, by_digest: bool
) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file([staged(0), staged(1, raw=letter(1, b"a\0b\r\n")), staged(2, raw=letter(2, b"bare\r\r\ncr\r"))])
    assert verified(desk, by_digest=by_digest) == {"found": 3, "identical": 1, "altered": 2}
    assert desk.marks(0, 1, 2) == [COPIED, ALTERED, ALTERED]


@thoroughly
def test_eight_bit_headers_that_cyrus_changes_are_said_to_be_altered(
    cyrus_server: Server, redis: Redis, *, by_digest: bool
) -> None:
    desk = Desk(cyrus_server, redis)
    desk.file([staged(0), staged(1, raw=b"Subject: Gr\xfc\xdfe\r\n\r\nbody \xff\r\n")])
    assert verified(desk, by_digest=by_digest) == {"found": 2, "identical": 1, "altered": 1}
    assert desk.marks(0, 1) == [COPIED, ALTERED]


def test_mail_that_was_there_before_stays_there_before_even_where_a_server_altered_it(
    cyrus_server: Server, redis: Redis
) -> None:
    desk = Desk(cyrus_server, redis)
    work = [staged(0), staged(1, raw=b"Subject: Gr\xfc\xdfe\r\n\r\nbody\r\n")]
    desk.file(work)
    desk.ledger = desk.new_migration()
    desk.file(work)
    verified(desk, by_digest=True)
    assert desk.marks(0, 1) == [Mark.ALREADY_THERE] * 2


def test_a_message_missing_in_one_of_its_folders_is_missing_whatever_the_others_say(
    dovecot_server: Server, redis: Redis
) -> None:
    desk = Desk(dovecot_server, redis)
    raw = letter(0, b"a\0b\r\n")
    desk.file([staged(0, INBOX, WORK, FAMILY, raw=raw)])
    desk.remove(WORK)
    found = verified(desk, by_digest=True)
    assert found == {"found": 2, "altered": 2, "missing": 1}
    assert desk.marks(0) == [MISSING]


def test_a_failure_stays_a_failure_however_its_other_copies_look(desk: Desk) -> None:
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    work = [staged(0, WORK, FAMILY), staged(1, WORK)]
    desk.file(work)
    desk.used_up(work)
    verified(desk, by_digest=True)
    assert desk.marks(0) == [Mark.FAILED_FOLDER]


def test_the_check_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.file(batch(range(4)), batch(range(4, 8), WORK))
    with_time = verified(desk, by_digest=True)
    desk.ledger.write(("DEL", desk.ledger.key("verified")))
    slices = 0
    while not verify_slice(desk.enter, desk.ledger, KEY, Patience(seconds=0), by_digest=True):
        slices += 1
    assert slices == 2, "a piece each for two folders"
    after = desk.ledger.load("verified")
    assert {name: after[name] for name in with_time} == with_time


def test_a_check_that_is_done_is_not_done_again(desk: Desk) -> None:
    desk.file(batch(range(4)))
    first = verified(desk, by_digest=True)
    desk.remove(INBOX)
    assert verified(desk, by_digest=True) == first


def test_a_slice_may_die_after_any_write_and_the_sums_are_right(desk: Desk) -> None:
    desk.file(batch(range(4)), batch(range(4, 8), WORK))
    desk.remove(WORK, letter(5))
    for writes in range(3):
        ledger = heir(desk.redis, desk.ledger, dying(writes))
        with pytest.raises(Died) if writes < 2 else pytest.MonkeyPatch.context():
            verify_slice(desk.enter, ledger, KEY, Patience(scale=0), by_digest=True)
        assert verified(desk, by_digest=True) == {"found": 7, "identical": 7, "missing": 1}
        desk.ledger.write(("DEL", desk.ledger.key("verified")))
    assert desk.marks(*range(8)) == [COPIED] * 5 + [MISSING] + [COPIED] * 2


def test_a_connection_that_breaks_is_opened_again(desk: Desk) -> None:
    desk.file(batch(range(4)))
    turns = [0]

    def connect() -> Mailbox:
        mailbox = desk.enter()
        turns[0] += 1
        if turns[0] == 1:
            mailbox._wire.shutdown()
        return mailbox

    assert verify_slice(connect, desk.ledger, KEY, Patience(scale=0), by_digest=True)
    assert turns == [2]
    assert desk.ledger.load("verified")["identical"] == 4


def test_a_server_that_is_gone_marks_nothing_missing(desk: Desk) -> None:
    desk.file(batch(range(4)))

    def nowhere() -> Mailbox:
        return open_mailbox(Target("localhost", 9, "none"), Password("u", "p"))

    with pytest.raises(MailboxUnreachable):
        verify_slice(nowhere, desk.ledger, KEY, Patience(scale=0), by_digest=False)
    assert desk.marks(*range(4)) == [COPIED] * 4


def test_a_slice_that_lost_its_lease_changes_no_outcome(desk: Desk) -> None:
    desk.file(batch(range(4)))
    desk.remove(INBOX)
    old = desk.ledger
    heir(desk.redis, old)
    with pytest.raises(LeaseLost):
        verify_slice(desk.enter, old, KEY, Patience(scale=0), by_digest=False)
    assert desk.marks(*range(4)) == [COPIED] * 4


def test_thousands_of_records_are_looked_up_in_pieces(dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.ledger.write(*desk.ledger.add_to_plan(range(100, 2300), [Mark.PENDING] * 2200))
    desk.file(*[batch(range(start, start + 50), WORK) for start in range(0, 2200, 50)])
    desk.remove(WORK, letter(1500))
    assert verified(desk) == {"found": 2199, "identical": 28, "by_size": 2171, "missing": 1}
    assert desk.marks(1499, 1500, 1501) == [COPIED, MISSING, COPIED]
