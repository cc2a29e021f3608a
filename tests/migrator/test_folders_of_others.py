"""No folder of an import is anybody else's: a second user's eyes, on every style of names that servers have."""

from collections.abc import Iterator, Sequence

import pytest
from engine import new_ledger
from redis import Redis
from servers.entry import enter, item, letter
from servers.sharing import CYRUSES, DOVECOTS, Shared, seen, shared_cyrus, shared_dovecot

from emulator.servers.certificates import Certificate
from migrator.errors import FolderRefused
from migrator.foldermap import map_folders
from migrator.folders import FolderMap
from migrator.labels import Choices, Label
from migrator.naming import FolderNames

LABELS = (
    *("Shared", "Shared/Photos", "shared", "Public", "Public/x", "public/archive", "Shared Folders/archive"),
    *("Other Users/ann", "user", "user.x", "user/x", "#shared", "#news.x", "~ann/x", "archive", "Archive", "spam"),
    *("Team", "Team/Plans", "Work", "Work/Projects", "INBOX/x", "INBOX.y"),
)


def labels_of(names: Sequence[str]) -> list[Label]:
    return [Label(f"Label_{number}", name, "user") for number, name in enumerate(names)]


def fill(place: Shared, redis: Redis, names: Sequence[str] = LABELS) -> FolderMap:
    """Bring a message into each folder that these labels and the special folders become."""
    with enter(place.server, place.customer) as mailbox:
        shape = mailbox.shape()
        found = map_folders(labels_of(names), shape, Choices())
        folders = FolderNames.of(found, shape)
        ledger = new_ledger(redis)
        for number in range(len(folders.rows)):
            folders.create(number, mailbox, ledger)
            mailbox.append(mailbox.select(folders.name(number)), [item(letter(number))])
        assert sum(seen(place.server, place.customer).values()) >= len(folders.rows)
        return found


@pytest.fixture(params=[(layout, acl) for layout in DOVECOTS for acl in (True, False)], ids=str)
def dovecot_place(request: pytest.FixtureRequest, server_certificate: Certificate) -> Iterator[Shared]:
    layout, acl = request.param
    with shared_dovecot(server_certificate, layout, acl=acl) as place:
        yield place


@pytest.fixture(params=sorted(CYRUSES))
def cyrus_place(request: pytest.FixtureRequest, server_certificate: Certificate) -> Iterator[Shared]:
    with shared_cyrus(server_certificate, request.param) as place:
        yield place


def test_a_second_user_sees_no_message_on_dovecot(dovecot_place: Shared, redis: Redis) -> None:
    fill(dovecot_place, redis)
    assert dovecot_place.seen_by_the_other() == {}


def test_a_second_user_sees_no_message_on_cyrus(cyrus_place: Shared, redis: Redis) -> None:
    fill(cyrus_place, redis)
    assert cyrus_place.seen_by_the_other() == {}


def test_a_foreign_name_gets_a_suffix_and_the_customer_a_note(dovecot_place: Shared, redis: Redis) -> None:
    found = fill(dovecot_place, redis, ["Shared", "Public/x", "Work"])
    notes = {(note.kind, note.old, note.new.replace("/", ".")) for note in found.notes if note.kind == "foreign-name"}
    assert notes == {
        ("foreign-name", "Shared", "Shared (label)"),
        ("foreign-name", "Public/x", "Public (label).x"),
    }


def test_folders_that_the_customer_shares_are_not_filled(server_certificate: Certificate, redis: Redis) -> None:
    with shared_dovecot(server_certificate, "maildir", acl=True) as place:
        for name in ("Archive", "Plans", "Sent", "Friends.Trip"):
            with place.server.observer(place.customer) as customer:
                customer.create_folder(name)
                customer.setacl(name, place.other.name, "lr")
        found = fill(place, redis, ["Plans", "Plans/Old", "Friends/Trip", "Archive"])
        assert place.seen_by_the_other() == {}
        assert found.targets["ARCHIVE"].name == "Archive (mail)"
        noted = {note.old for note in found.notes if note.kind == "foreign-name"}
        assert noted == {"Archive", "Plans", "Plans/Old", "Friends/Trip"}


def test_folders_that_a_cyrus_customer_shares_are_not_filled(server_certificate: Certificate, redis: Redis) -> None:
    with shared_cyrus(server_certificate, "below") as place:
        for name in ("INBOX.Archive", "INBOX.Plans", "INBOX.Friends"):
            with place.server.observer(place.customer) as customer:
                customer.create_folder(name)
                customer.setacl(name, place.other.name, "lrs")
        fill(place, redis, ["Plans", "Plans/Old", "Friends/Trip", "Archive"])
        assert place.seen_by_the_other() == {}


def test_who_reads_the_inbox_is_no_stranger(server_certificate: Certificate, redis: Redis) -> None:
    """An administrator, or the delegate of a whole mailbox: no reason to make its folders a second time."""
    with shared_cyrus(server_certificate, "below") as place:
        with place.server.observer(place.customer) as customer:
            customer.setacl("INBOX", "cyrus", "lrswipkxtecda")
            customer.create_folder("INBOX.Archive")
        found = fill(place, redis, ["Work"])
        assert found.targets["ARCHIVE"].name == "INBOX.Archive"


def test_a_namespace_that_is_never_told_of_is_found_out_by_its_rights(
    server_certificate: Certificate, redis: Redis
) -> None:
    with shared_dovecot(server_certificate, "sdbox", acl=True, hidden=True) as place:
        fill(place, redis, ["Team", "Team/Plans", "Work"])
        with place.server.observer(place.other) as other:
            for name in ("Team", "Team/Plans"):
                assert not other.folder_exists(name) or not other.select_folder(name)[b"EXISTS"]
        assert place.seen_by_the_other() == {}


@pytest.mark.parametrize("name", ["Public/x", "Public", "public/x", "Shared/ann/x", "shared"])
def test_the_door_makes_no_folder_outside_the_customers_own_namespace(
    server_certificate: Certificate, name: str
) -> None:
    with (
        shared_dovecot(server_certificate, "sdbox", acl=False) as place,
        enter(place.server, place.customer) as mailbox,
        pytest.raises(FolderRefused, match="foreign-name"),
    ):
        mailbox.create(name)


def test_a_second_run_finds_the_folders_of_the_first(dovecot_place: Shared, redis: Redis) -> None:
    fill(dovecot_place, redis)
    before = seen(dovecot_place.server, dovecot_place.customer)
    fill(dovecot_place, redis)
    assert seen(dovecot_place.server, dovecot_place.customer) == {name: 2 * count for name, count in before.items()}


@pytest.mark.parametrize("chance", range(3))
def test_with_mbox_files_a_label_keeps_its_folder_and_those_below_stand_beside_it(
    server_certificate: Certificate, redis: Redis, chance: int
) -> None:
    """A folder holds mail or folders there, not both; nothing shows it before the first folder is made."""
    names = ["Work", "Work/Projects", "Work/Projects/2020", "Home/Only child", "Only/A/B", "Only/A"]
    wanted = {
        *("Work", "Work_Projects", "Work_Projects_2020", "Home/Only child", "Only/A", "Only_A_B"),
        *("INBOX", "Archive", "Sent", "Drafts", "Junk", "Trash"),
    }
    shuffled = [*names[chance:], *names[:chance]]
    with shared_dovecot(server_certificate, "mbox", acl=False) as place:
        for _ in range(2):
            fill(place, redis, shuffled)
            assert set(seen(place.server, place.customer)) == wanted
        with enter(place.server, place.customer) as mailbox:
            notes = map_folders(labels_of(shuffled), mailbox.shape(), Choices()).notes
        assert {note.old for note in notes if note.kind == "no-subfolders"} == {names[1], names[2], names[4]}
