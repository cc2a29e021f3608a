"""Mail that the customer has sorted since: recognised in whatever folder it lies, each message once."""

from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from desk import FAMILY, INBOX, WORK, Desk, batch, staged
from engine import Died, dying, heir, letter
from redis import Redis

from emulator.servers.instance import Server
from migrator.filing import Filing
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.retry import Patience

COPIED, THERE, ELSEWHERE = Mark.COPIED, Mark.ALREADY_THERE, Mark.ALREADY_ELSEWHERE
SORTED = "Sorted"


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def move(desk: Desk, source: int, numbers: list[int], to: str = SORTED) -> None:
    """Move messages to a folder as the customer would."""
    with desk.server.observer(desk.user) as observer:
        name = _full(desk, to)
        if not observer.folder_exists(name):
            observer.create_folder(name)
        observer.select_folder(desk.name(source))
        uids = [uid for n in numbers for uid in observer.search(["HEADER", "Message-ID", f"<{n}@example.com>"])]
        observer.move(uids, name)


def copy(desk: Desk, source: int, to: str = SORTED) -> None:
    with desk.server.observer(desk.user) as observer:
        observer.create_folder(_full(desk, to))
        observer.select_folder(desk.name(source))
        observer.copy(observer.search(), _full(desk, to))


def lying_in(desk: Desk, name: str) -> list[bytes]:
    with desk.server.observer(desk.user) as observer:
        observer.select_folder(_full(desk, name), readonly=True)
        found = observer.fetch(observer.search(), ["BODY.PEEK[]"])
        return [found[uid][b"BODY[]"] for uid in sorted(found)]


def _full(desk: Desk, name: str) -> str:
    return desk.name(WORK).removesuffix("Work") + name


def test_what_was_sorted_since_is_not_brought_again(desk: Desk) -> None:
    desk.file(batch(range(6)), batch([6, 7], WORK))
    move(desk, INBOX, [1, 2])
    move(desk, INBOX, [3], "Work")
    move(desk, WORK, [7])
    desk.ledger = desk.new_migration()
    desk.file(batch(range(6)), batch([6, 7], WORK), batch([8]))
    assert desk.marks(*range(9)) == [THERE, ELSEWHERE, ELSEWHERE, ELSEWHERE, THERE, THERE, THERE, ELSEWHERE, COPIED]
    assert sorted(desk.lying()) == letters(0, 4, 5, 8)
    assert sorted(desk.lying(WORK)) == letters(3, 6)
    assert sorted(lying_in(desk, SORTED)) == letters(1, 2, 7)
    assert desk.ledger.counts()["folder:0"] == 4, "what lies elsewhere counts in no folder of ours"


def test_each_message_elsewhere_stands_for_one_message(desk: Desk) -> None:
    same = [staged(number, raw=letter(50)) for number in range(3)]
    desk.file(same[:2])
    move(desk, INBOX, [50])
    desk.ledger = desk.new_migration()
    desk.file(same[:1], same[1:])
    assert sorted(desk.marks(0, 1, 2)) == [COPIED, ELSEWHERE, ELSEWHERE]
    assert (len(desk.lying()), len(lying_in(desk, SORTED))) == (1, 2)


@pytest.mark.parametrize("opened_before", [False, True])
def test_what_lies_in_its_own_folder_stands_for_itself(desk: Desk, opened_before: bool) -> None:  # noqa: FBT001
    """Message 0 is found where message 1 belongs; when that one comes, 0 is brought after all."""
    desk.put(INBOX, letter(50))
    work = [staged(0, WORK, raw=letter(50))], [staged(1, INBOX, raw=letter(50))]
    before = [batch([2])] if opened_before else []
    desk.file(*before, *work)
    assert desk.marks(0, 1) == [Mark.PENDING_LARGE, THERE]
    desk.file(*work)
    assert desk.marks(0, 1) == [COPIED, THERE]
    assert (letter(50) in desk.lying(), desk.lying(WORK)) == (True, [letter(50)])
    assert len(desk.lying()) == 1 + opened_before


def test_what_is_found_elsewhere_stands_for_nothing_in_a_folder_that_was_open_before(desk: Desk) -> None:
    desk.put(INBOX, letter(50), letter(51))
    work = [[staged(9, raw=letter(51))], [staged(0, WORK, raw=letter(50))], [staged(1, raw=letter(50))]]
    for _ in range(2):
        desk.file(*work)
    assert desk.marks(0, 1, 9) == [COPIED, THERE, THERE]
    assert (sorted(desk.lying()), desk.lying(WORK)) == (letters(50, 51), letters(50))


def test_a_copy_in_each_folder_is_looked_for_each(desk: Desk) -> None:
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK, FAMILY)]
    desk.file(work)
    move(desk, FAMILY, [0, 1])
    move(desk, WORK, [0])
    desk.ledger = desk.new_migration()
    for _ in range(2):
        desk.file(work)
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [letters(1), [], letters(0)]
    assert sorted(lying_in(desk, SORTED)) == letters(0, 0, 1)
    assert desk.ledger.partials() == {}
    assert desk.marks(0, 1) == [THERE, THERE]


def test_a_copy_that_is_missing_is_made_though_others_lie_elsewhere(desk: Desk) -> None:
    desk.put(FAMILY, letter(77))
    desk.file([staged(0, WORK, INBOX)])
    move(desk, WORK, [0])
    desk.ledger = desk.new_migration()
    for _ in range(2):
        desk.file([staged(0, WORK, FAMILY, INBOX)])
    assert [len(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [0, 2, 1]
    assert len(lying_in(desk, SORTED)) == 1


def test_mail_put_there_during_the_import_is_not_taken_for_what_was_there(desk: Desk) -> None:
    with desk.slice() as filing:
        filing.file(INBOX, batch([0]))
        copy(desk, INBOX)
        filing.file(WORK, [staged(1, WORK, raw=letter(0))])
    assert desk.marks(0, 1) == [COPIED, COPIED]


def test_the_folder_that_a_label_had_before_it_was_renamed_is_searched_too(desk: Desk) -> None:
    desk.put(WORK, letter(0))
    with desk.slice() as filing:
        row = filing._folders._names.rows[WORK]
        filing._folders._names.rows[WORK] = replace(row, name=f"{row.name} by now")
        filing.file(WORK, [staged(0, WORK)])
    assert desk.marks(0) == [ELSEWHERE]


@pytest.mark.parametrize("writes", range(8))
def test_a_slice_may_die_while_the_mailbox_is_listed(writes: int, dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.put(INBOX, *letters(0, 1))
    desk.put(WORK, letter(2))
    desk.put(FAMILY, letter(3))
    desk.ledger = heir(redis, desk.ledger, dying(writes))
    filing = Filing(desk.enter, desk.ledger, FolderNames.load(desk.ledger), desk.key, Patience(scale=0))
    try:
        filing.recover()
        filing.take_inventory()
    except Died:
        pass
    finally:
        filing.close()
    desk.file(batch(range(5)))
    assert desk.marks(*range(5)) == [THERE, THERE, ELSEWHERE, ELSEWHERE, COPIED]


@pytest.mark.parametrize("writes", range(12))
def test_what_was_found_before_its_labels_changed_is_not_brought_again(
    dovecot_server: Server, redis: Redis, writes: int
) -> None:
    """The slice that found it dies before it counts it; then it goes to another folder."""
    desk = Desk(dovecot_server, redis)
    desk.put(FAMILY, *letters(0, 1))
    desk.ledger = heir(redis, desk.ledger, dying(writes))
    filing = Filing(desk.enter, desk.ledger, FolderNames.load(desk.ledger), desk.key, Patience(scale=0))
    with closing(filing), suppress(Died):
        filing.recover()
        filing.take_inventory()
        filing.file(INBOX, batch([0, 1]))
    desk.ledger = heir(redis, desk.ledger)
    left = [number for number in (0, 1) if desk.marks(number) != [ELSEWHERE]]
    desk.file(batch(left, WORK))
    assert desk.marks(0, 1) == [ELSEWHERE, ELSEWHERE]
    with desk.server.observer(desk.user) as observer:
        assert not observer.folder_exists(desk.name(WORK)) or lying_in(desk, "Work") == []


def test_a_slice_whose_time_is_over_goes_on_with_the_list_later(dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    for folder, number in ((INBOX, 0), (WORK, 1), (FAMILY, 2)):
        desk.put(folder, letter(number))
    slices = 0
    done = False
    while not done and slices < 9:
        desk.ledger = heir(redis, desk.ledger)
        filing = Filing(desk.enter, desk.ledger, FolderNames.load(desk.ledger), desk.key, Patience(0.0))
        done = filing.take_inventory()
        filing.close()
        slices += 1
    assert slices == 3
    desk.file(batch(range(3), WORK))
    assert desk.marks(0, 1, 2) == [ELSEWHERE, THERE, ELSEWHERE]


def test_under_another_key_the_mailbox_is_listed_anew(desk: Desk) -> None:
    desk.put(INBOX, letter(1))
    desk.file([staged(0)])
    desk.key = b"n" * 32
    desk.file([staged(1, WORK, key=desk.key)])
    assert desk.marks(0, 1) == [COPIED, ELSEWHERE]


def test_a_file_that_dovecot_cannot_read_is_no_match_and_holds_nothing_up(dovecot_server: Server, redis: Redis) -> None:
    """Its name says another size than it has: Dovecot hangs up at it."""
    desk = Desk(dovecot_server, redis)
    raws = letters(*range(5))
    desk.put(INBOX, *raws[:4])
    (maildir,) = (path for root in ("/dev/shm", "/tmp") for path in Path(root).glob(f"imap-*/mail/{desk.user.name}"))
    (file,) = (path for path in maildir.rglob("*,S=*") if b"<2@" in path.read_bytes())
    file.write_bytes(file.read_bytes()[:-9])
    for index in maildir.rglob("dovecot.index*"):
        index.unlink()
    desk.file(batch(range(5)))
    assert desk.marks(*range(5)) == [THERE, THERE, COPIED, THERE, COPIED]
