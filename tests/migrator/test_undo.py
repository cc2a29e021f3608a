"""An import taken back on real servers: exactly what it added, and nothing the customer had or has touched."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from desk import DATE, FAMILY, INBOX, WORK, Desk, at_points, batch, raising, staged
from engine import KEY, letter
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from servers.fixtures import StartServer
from servers.oddly import OddServer
from taking_back import Book, Killed, counts, names, taken_back

from emulator.servers.instance import Limits, Server
from migrator.errors import ConnectionLost, LeaseLost
from migrator.ledger import FLAG_BITS
from migrator.mailbox import Item
from migrator.message import with_crlf
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID, Placed
from migrator.retry import Patience
from migrator.summary import Summary, place
from migrator.undo import Undone
from migrator.untouched import Found, decide, touched
from migrator.verify import verify_slice

NO_FLAGS: frozenset[str] = frozenset()


def set_flags(desk: Desk, folder: int, uids: Sequence[int], *flags: str) -> None:
    with desk.server.observer(desk.user) as observer:
        observer.select_folder(desk.name(folder))
        observer.add_flags(list(uids), list(flags))


def uids_of(desk: Desk, folder: int) -> list[int]:
    return [uid for _, uid in desk.placed(folder)]


def lying_and_deleted(desk: Desk, folder: int = INBOX) -> dict[int, bool]:
    with desk.server.observer(desk.user) as observer:
        observer.select_folder(desk.name(folder), readonly=True)
        return {uid: b"\\Deleted" in flags for uid, flags in observer.get_flags(observer.search()).items()}


# --- the decision ---------------------------------------------------------------------------------------------------


def record(number: int, uid: int, size: int = 100) -> Placed:
    return Placed(number, uid, size, b"d" * 16, b"l" * 8)


def test_what_is_as_it_was_put_there_is_removed() -> None:
    step = decide(
        [record(0, 7), record(1, 8)],
        5,
        {7: Found(100, NO_FLAGS), 8: Found(101, NO_FLAGS)},
        b"",
        frozenset(),
        certain=True,
    )
    assert (step.records, step.remove, step.changed, step.missing) == (2, (7, 8), 0, 0)


def test_what_was_there_before_the_import_is_no_copy_of_it() -> None:
    step = decide(
        [record(0, 4), record(1, 5)],
        5,
        {4: Found(100, NO_FLAGS), 5: Found(100, NO_FLAGS)},
        b"",
        frozenset(),
        certain=True,
    )
    assert (step.records, step.remove, step.changed, step.missing) == (2, (5,), 0, 0)


def test_what_is_not_there_any_more_is_counted() -> None:
    step = decide([record(0, 5)], 1, {}, b"", frozenset(), certain=True)
    assert (step.remove, step.missing) == ((), 1)


@pytest.mark.parametrize("now", [Found(103, NO_FLAGS), Found(97, NO_FLAGS)])
def test_another_size_says_nothing_of_a_copy_that_is_certain_and_is_doubtful_else(now: Found) -> None:
    found = {5: now}
    assert decide([record(0, 5)], 1, found, b"", frozenset(), certain=True).remove == (5,)
    step = decide([record(0, 5)], 1, found, b"", frozenset(), certain=False)
    assert (step.remove, step.changed, step.doubtful) == ((), 0, 1)


def test_what_the_check_found_to_be_something_else_stays() -> None:
    step = decide([record(3, 5)], 1, {5: Found(100, NO_FLAGS)}, b"", frozenset({3}), certain=True)
    assert (step.remove, step.changed, step.doubtful) == ((), 0, 1)


def test_a_copy_whose_uid_is_not_known_is_never_removed() -> None:
    step = decide([record(0, UNKNOWN_UID), record(1, 5)], 1, {5: Found(100, NO_FLAGS)}, b"", frozenset(), certain=True)
    assert (step.records, step.remove, step.doubtful) == (2, (5,), 1)


@pytest.mark.parametrize(
    "flag", [r"\Answered", r"\Deleted", r"\Flagged", r"\Draft", "$Forwarded", "Forwarded", "$MDNSent", "$label1"]
)
def test_a_mark_of_the_customer_is_a_change(flag: str) -> None:
    assert touched([r"\Seen", flag])
    assert touched([flag.upper()])


@pytest.mark.parametrize("flag", [r"\Seen", "NonJunk", "$Junk", "$HasAttachment", "Work/Projects", "$CategorySocial"])
def test_what_mail_programs_and_we_ourselves_set_is_none(flag: str) -> None:
    assert not touched([flag])


@pytest.mark.parametrize("flag", sorted(FLAG_BITS))
def test_a_star_or_draft_that_came_from_gmail_is_none_but_taking_it_off_is(flag: str) -> None:
    assert not touched([flag], FLAG_BITS[flag])
    assert touched([], FLAG_BITS[flag])


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), unique_by=lambda row: row[0]),
    st.integers(1, 30),
)
def test_every_copy_has_one_fate(rows: list[tuple[int, bool, bool]], first: int) -> None:
    records = [record(number, uid) for number, (uid, _, _) in enumerate(rows)]
    found = {uid: Found(100, frozenset({r"\Answered"} if mark else ())) for uid, there, mark in rows if there}
    step = decide(records, first, found, b"", frozenset(), certain=True)
    ours = [record for record in records if record.uid >= first]
    assert len(step.remove) + step.changed + step.missing + step.doubtful == len(ours)
    assert all(uid >= first and not found[uid].flags for uid in step.remove)


# --- on real servers ------------------------------------------------------------------------------------------------


def test_exactly_what_was_added_is_removed(desk: Desk) -> None:
    desk.put(INBOX, letter(99), letter(3))
    desk.file(batch(range(6)), batch(range(6, 9), WORK))
    assert desk.marks(3) == [Mark.ALREADY_THERE]
    undone = taken_back(desk)
    assert counts(undone) == (8, 0, 0, 0)
    assert undone.finished
    assert desk.lying() == [letter(99), letter(3)]


def test_copies_in_further_folders_are_removed_too(desk: Desk) -> None:
    desk.file(batch(range(4), INBOX, WORK, FAMILY))
    assert counts(taken_back(desk)) == (12, 0, 0, 0)
    assert desk.lying() == desk.lying(WORK) == desk.lying(FAMILY) == []


@pytest.mark.parametrize("flag", [r"\Answered", r"\Flagged", r"\Deleted", "$Forwarded"])
def test_what_the_customer_has_touched_stays(desk: Desk, flag: str) -> None:
    desk.file(batch(range(4)))
    set_flags(desk, INBOX, uids_of(desk, INBOX)[1:2], flag)
    assert counts(taken_back(desk)) == (3, 1, 0, 0)
    assert len(desk.lying()) == 1


def test_what_was_read_is_removed_and_so_is_what_gmail_had_starred(desk: Desk) -> None:
    desk.file([staged(0), staged(1, flags=(r"\Flagged",)), staged(2, flags=(r"\Draft", r"\Seen"))])
    set_flags(desk, INBOX, uids_of(desk, INBOX), r"\Seen", "NonJunk")
    assert counts(taken_back(desk)) == (3, 0, 0, 0)


def test_what_was_moved_stays_where_it_was_moved_to(desk: Desk) -> None:
    desk.file(batch(range(3)), batch([5], WORK))
    with desk.server.observer(desk.user) as observer:
        observer.select_folder("INBOX")
        observer.move(uids_of(desk, INBOX)[:1], desk.name(WORK))
    assert counts(taken_back(desk)) == (3, 0, 1, 0)
    assert desk.lying(WORK) == [letter(0)]


def test_what_the_customer_marked_as_deleted_himself_is_not_expunged(desk: Desk) -> None:
    desk.put(INBOX, letter(98), letter(99))
    set_flags(desk, INBOX, [1], r"\Deleted")
    desk.file(batch(range(3)))
    assert counts(taken_back(desk)) == (3, 0, 0, 0)
    assert lying_and_deleted(desk) == {1: True, 2: False}


@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_without_uidplus_neither(start_server: StartServer, redis: Redis, kind: str) -> None:
    desk = Desk(start_server(kind, Limits(without=frozenset({"UIDPLUS"}))), redis)
    desk.put(INBOX, letter(98), letter(99))
    set_flags(desk, INBOX, [1], r"\Deleted")
    desk.file(batch(range(3)))
    before = names(desk)
    with desk.enter() as mailbox:
        assert mailbox.removal == "move"
    assert counts(taken_back(desk)) == (3, 0, 0, 0)
    assert lying_and_deleted(desk) == {1: True, 2: False}
    assert names(desk) == before


def test_where_only_everything_could_be_expunged_nothing_is(start_server: StartServer, redis: Redis) -> None:
    desk = Desk(start_server("dovecot", Limits(without=frozenset({"UIDPLUS", "MOVE"}))), redis)
    desk.put(INBOX, letter(98))
    set_flags(desk, INBOX, [1], r"\Deleted")
    desk.file(batch(range(3)))
    assert counts(taken_back(desk)) == (0, 0, 0, 3)
    assert lying_and_deleted(desk) == {1: True, 2: False, 3: False, 4: False}


def test_what_may_not_be_removed_is_counted_and_left_unmarked(start_server: StartServer, redis: Redis) -> None:
    desk = Desk(start_server("dovecot", Limits(acl=True)), redis)
    desk.file(batch(range(3), WORK))
    with desk.server.observer(desk.user) as observer:
        observer.setacl(desk.name(WORK), "owner", "lrwst")  # all but `e`, to expunge (RFC 4314 §2.1)
    assert counts(taken_back(desk)) == (0, 0, 0, 3)
    assert set(lying_and_deleted(desk, WORK).values()) == {False}


def test_what_lies_in_a_folder_that_may_not_be_opened_counts_as_refused(dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file(batch(range(3), WORK), batch([3]))
    with desk.server.observer(desk.user) as observer:
        observer.setacl(desk.name(WORK), "owner", "la")  # to list, not to read (RFC 4314 §2.1)
    undone = taken_back(desk)
    assert counts(undone) == (1, 0, 0, 3)
    assert undone.gone == ()
    with desk.server.observer(desk.user) as observer:
        observer.setacl(desk.name(WORK), "owner", "lra")
    assert len(desk.lying(WORK)) == 3


def test_folders_that_the_import_made_go_when_they_are_empty(desk: Desk) -> None:
    desk.put(FAMILY, letter(50))
    desk.remove(FAMILY)
    desk.file(batch([0]), batch([1, 2], WORK), batch([3], FAMILY))
    undone = taken_back(desk)
    assert (len(undone.gone), undone.folders_used, undone.folders_refused) == (1, 0, 0)
    assert desk.name(WORK) not in names(desk)
    assert desk.name(FAMILY) in names(desk)  # it was there before, and empty


def test_a_folder_with_mail_or_a_folder_of_the_customer_in_it_stays(desk: Desk) -> None:
    desk.file(batch([0], WORK), batch([1], FAMILY))
    desk.put(WORK, letter(70))
    with desk.enter() as mailbox:
        below = desk.name(FAMILY) + mailbox.shape().delimiter + "Holidays"
        mailbox.create(below)
    undone = taken_back(desk)
    assert (undone.removed, undone.gone) == (2, ())
    assert (undone.folders_used, undone.folders_refused) == (2, 0)
    assert {desk.name(WORK), desk.name(FAMILY), below} <= names(desk)


def test_a_folder_that_is_another_now_is_left_alone(desk: Desk) -> None:
    desk.file(batch(range(3), WORK))
    desk.delete_folder(WORK, again=True)
    desk.put(WORK, *(letter(n) for n in range(3)))
    assert counts(taken_back(desk)) == (0, 0, 3, 0)
    assert len(desk.lying(WORK)) == 3


def test_a_folder_that_is_gone_is_no_obstacle(desk: Desk) -> None:
    desk.file(batch([0, 1], WORK), batch([2]))
    desk.delete_folder(WORK)
    assert counts(taken_back(desk)) == (1, 0, 2, 0)


def test_the_summary_goes_along_unless_it_was_starred(desk: Desk) -> None:
    desk.file(batch([0]))
    told = Summary("m1", DATE // 1000, "import@host.example", "", "https://host.example/r", {"copied": 1}, {"INBOX": 1})
    with desk.enter() as mailbox:
        uid = place(mailbox, desk.ledger, told)
    assert uid
    starred = Book()
    set_flags(desk, INBOX, [uid], r"\Flagged")
    assert counts(taken_back(desk, starred)) == (1, 0, 0, 0)
    assert len(desk.lying()) == 1
    with desk.server.observer(desk.user) as observer:
        observer.select_folder("INBOX")
        observer.remove_flags([uid], [r"\Flagged"])
    taken_back(desk, Book(replace(starred.read(), finished=False)))
    assert desk.lying() == []


def test_twice_is_once(desk: Desk) -> None:
    desk.file(batch(range(3)))
    book = Book()
    once = taken_back(desk, book)
    desk.file(batch([7]))
    assert taken_back(desk, book) == once
    assert len(desk.lying()) == 1


POINTS = ["migrator.undo.before", "migrator.undo.after"]


@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"UIDPLUS"})], ids=["UIDPLUS", "MOVE"])
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2])
def test_cut_off_it_goes_on_and_counts_right(
    start_server: StartServer, redis: Redis, kind: str, without: frozenset[str], point: str, nth: int
) -> None:
    desk = Desk(start_server(kind, Limits(without=without)), redis)
    desk.put(INBOX, letter(99))
    desk.file(batch(range(4)), batch(range(4, 7), WORK))
    set_flags(desk, INBOX, uids_of(desk, INBOX)[:1], r"\Flagged")
    book = Book()
    with at_points(raising(Killed(), point, nth)), pytest.raises(Killed):
        taken_back(desk, book)
    assert not book.read().finished
    undone = taken_back(desk, book)
    assert counts(undone) == (6, 1, 0, 0)
    assert desk.lying() == [letter(99), letter(0)]
    assert desk.name(WORK) not in names(desk)
    assert not [name for name in names(desk) if "undo-" in name]


def test_a_mark_that_the_dead_undo_had_set_is_not_taken_for_the_customers(desk: Desk) -> None:
    desk.file(batch(range(3)))
    book = Book()
    with at_points(raising(Killed(), POINTS[0])), pytest.raises(Killed):
        taken_back(desk, book)
    set_flags(desk, INBOX, uids_of(desk, INBOX), r"\Deleted")  # as it would have, had it died between its two commands
    assert counts(taken_back(desk, book)) == (3, 0, 0, 0)


def test_a_connection_that_breaks_is_made_again(desk: Desk) -> None:
    desk.file(batch(range(3)))
    with at_points(raising(ConnectionLost(), POINTS[1])):
        assert counts(taken_back(desk)) == (3, 0, 0, 0)


def test_who_lost_the_hold_removes_nothing_more(desk: Desk) -> None:
    class Lost(Book):
        def write(self, _: Undone) -> None:
            raise LeaseLost

    desk.file(batch(range(3)))
    with pytest.raises(LeaseLost):
        taken_back(desk, Lost())
    assert len(desk.lying()) == 3


def test_twelve_hundred_copies_go_in_steps(dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.ledger.write(*desk.ledger.plan(range(1200), [Mark.PENDING] * 1200))
    for start in range(0, 1200, 200):
        desk.file(batch(range(start, start + 200)))
    book = Book()
    assert counts(taken_back(desk, book)) == (1200, 0, 0, 0)
    assert [page.done for page in book.pages if page.step is None][1:4] == [500, 1000, 1200]


class NamesNoUids(OddServer):
    """Names no UIDs, moves, and adds a header to all mail."""

    capabilities = "IMAP4rev1 NAMESPACE LITERAL+ MOVE"

    def stored(self, raw: bytes) -> bytes:
        return b"X-Store: 7\r\n" + raw


def test_where_the_server_names_no_uids_another_size_is_taken_back_once_it_was_compared(redis: Redis) -> None:
    odd = NamesNoUids()
    with odd.running() as server:
        desk = Desk(server, redis)
        desk.file(batch(range(4)))
        assert taken_back(desk).doubtful == 4
        assert verify_slice(desk.enter, desk.ledger, KEY, Patience(scale=0), by_digest=False)
        assert counts(taken_back(desk)) == (4, 0, 0, 0)
        assert not odd.mail()


def test_a_copy_of_which_the_server_tells_another_size_is_taken_back(redis: Redis) -> None:
    class Estimates(OddServer):
        def size(self, raw: bytes) -> int:
            return 3 * len(raw)

    odd = Estimates()
    with odd.running() as server:
        desk = Desk(server, redis)
        desk.file(batch(range(4)))
        set_flags(desk, INBOX, uids_of(desk, INBOX)[:1], r"\Answered")
        assert counts(taken_back(desk)) == (3, 1, 0, 0)


def test_a_mail_put_back_under_another_uid_is_not_taken_for_the_copy(desk: Desk) -> None:
    desk.file(batch([0]))
    with desk.enter() as mailbox:
        mailbox.append(mailbox.select("INBOX"), [Item(with_crlf(letter(0)), (), DATE)])
    assert counts(taken_back(desk)) == (1, 0, 0, 0)
    assert desk.lying() == [letter(0)]
