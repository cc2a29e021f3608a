from dataclasses import replace

import pytest

from migrator.foldermap import map_folders
from migrator.foldernames import twin_key
from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Choices
from migrator.specialfolders import SPECIAL_NAMES, SPECIAL_USE, role_of

DOTS = MailboxShape(".", "", ())
SLASHES = MailboxShape("/", "", ())
PREFIXED = MailboxShape(".", "INBOX.", ())


def with_folders(shape: MailboxShape, *folders: ExistingFolder | str) -> MailboxShape:
    there = tuple(ExistingFolder(folder) if isinstance(folder, str) else folder for folder in folders)
    return replace(shape, folders=(*shape.folders, *there))


def found(key: str, shape: MailboxShape) -> str:
    return map_folders([], shape, Choices()).targets[key].name


def test_special_folders_that_do_not_exist_get_a_default_name_below_the_prefix() -> None:
    targets = map_folders([], PREFIXED, Choices()).targets
    made = {(key, targets[key].name, targets[key].special_use) for key in SPECIAL_USE}
    assert made == {
        ("SENT", "INBOX.Sent", r"\Sent"),
        ("DRAFT", "INBOX.Drafts", r"\Drafts"),
        ("SPAM", "INBOX.Junk", r"\Junk"),
        ("TRASH", "INBOX.Trash", r"\Trash"),
        ("ARCHIVE", "INBOX.Archive", r"\Archive"),
    }


def test_an_existing_folder_with_special_use_is_used_whatever_its_name() -> None:
    shape = with_folders(SLASHES, "Sent", ExistingFolder("Mail/Out", r"\Sent"))
    assert found("SENT", shape) == "Mail/Out"


@pytest.mark.parametrize("key", SPECIAL_NAMES)
def test_an_existing_folder_known_by_name_is_used_in_any_language(key: str) -> None:
    for name in SPECIAL_NAMES[key]:
        for shape in (SLASHES, PREFIXED):
            there = with_folders(shape, shape.prefix + name.upper())
            assert found(key, there) == shape.prefix + name.upper()


def test_no_name_stands_for_two_special_folders() -> None:
    every = [twin_key(name) for names in SPECIAL_NAMES.values() for name in names]
    assert len(every) == len(set(every))


def test_of_two_folders_known_by_name_one_is_used_and_no_further_one_made() -> None:
    shape = with_folders(SLASHES, "Gesendete Elemente", "Sent Messages", "Sent Items")
    assert found("SENT", shape) == "Sent Items"


def test_of_two_folders_with_the_same_special_use_every_listing_gives_the_same_one() -> None:
    twins = [ExistingFolder(name, r"\Sent") for name in ("Out B", "Out A", "Outgoing")]
    for listing in (twins, twins[::-1]):
        assert found("SENT", with_folders(SLASHES, *listing)) == "Out A"


def test_a_folder_that_only_holds_others_is_not_the_sent_folder() -> None:
    shape = with_folders(SLASHES, ExistingFolder("Gesendet", selectable=False))
    assert found("SENT", shape) == "Sent"


def test_a_folder_with_another_special_use_is_not_taken_for_its_name() -> None:
    shape = with_folders(SLASHES, ExistingFolder("Trash", r"\Archive"))
    assert (found("ARCHIVE", shape), found("TRASH", shape)) == ("Trash", "Trash (mail)")


def test_a_special_folder_below_inbox_is_found_where_there_is_no_prefix() -> None:
    assert found("SENT", with_folders(DOTS, "INBOX.Gesendet")) == "INBOX.Gesendet"


def test_a_special_folder_is_found_below_any_prefix() -> None:
    shape = with_folders(MailboxShape("/", "Mail/", ()), "Mail/Gesendet")
    assert found("SENT", shape) == "Mail/Gesendet"


def test_below_a_prefix_a_folder_inside_an_inner_inbox_is_not_the_sent_folder() -> None:
    shape = with_folders(PREFIXED, "INBOX.INBOX.Gesendet")
    assert found("SENT", shape) == "INBOX.Sent"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("INBOX", "INBOX"),
        ("inbox", "INBOX"),
        ("Sent", "SENT"),
        ("INBOX.Sent", "SENT"),
        ("INBOX/Gesendete Elemente", "SENT"),
        ("Papierkorb", "TRASH"),
        ("Archive", "ARCHIVE"),
        ("Sent/2024", ""),
        ("Work/Sent", ""),
        ("Grandma", ""),
        ("INBOX.Grandma", ""),
        ("", ""),
    ],
)
def test_what_a_folder_is_for_is_told_by_its_name_alone(name: str, role: str) -> None:
    assert role_of(name) == role
