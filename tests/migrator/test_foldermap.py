from dataclasses import replace

import pytest

from migrator.foldermap import map_folders
from migrator.foldernames import MAX_NAME, encoded_length
from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Choices, Label

DOTS = MailboxShape(".", "", ())
SLASHES = MailboxShape("/", "", ())
PREFIXED = MailboxShape(".", "INBOX.", ())


def labels_of(*names: str) -> list[Label]:
    return [Label(f"Label_{number}", name, "user") for number, name in enumerate(names, start=1)]


def mapped(*names: str, shape: MailboxShape = SLASHES, choices: Choices | None = None) -> list[str]:
    labels = labels_of(*names)
    targets = map_folders(labels, shape, choices or Choices()).targets
    return [targets[label.id].name for label in labels]


def kinds(*names: str, shape: MailboxShape = SLASHES) -> list[tuple[str, str, str]]:
    return [(note.kind, note.old, note.new) for note in map_folders(labels_of(*names), shape, Choices()).notes]


def with_folders(shape: MailboxShape, *folders: ExistingFolder | str) -> MailboxShape:
    there = tuple(ExistingFolder(folder) if isinstance(folder, str) else folder for folder in folders)
    return replace(shape, folders=(*shape.folders, *there))


def test_inbox_is_always_inbox() -> None:
    for shape in (DOTS, SLASHES, PREFIXED):
        assert map_folders([], shape, Choices()).targets["INBOX"].name == "INBOX"


def test_nested_labels_are_nested_with_the_servers_delimiter() -> None:
    assert mapped("a/b/c", shape=SLASHES) == ["a/b/c"]
    assert mapped("a/b/c", shape=PREFIXED) == ["INBOX.a.b.c"]


def test_a_label_with_a_slash_meant_literally_is_nested_and_shown() -> None:
    assert kinds("France/Paris") == [("parent-missing", "France/Paris", "France/Paris")]
    assert kinds("France", "France/Paris") == []


@pytest.mark.parametrize(
    "name", ["Sent", "trash", "Archive", "JUNK", "Drafts", "inbox", "INBOX ", "Gesendet", "Корзина"]
)
def test_a_label_named_like_inbox_or_a_special_folder_gets_its_own_folder(name: str) -> None:
    own = f"{name.strip()} (label)"
    assert kinds(name) == [("special-name", name, own)]
    assert mapped(name, shape=PREFIXED) == [f"INBOX.{own}"]


def test_a_note_on_a_folder_is_repeated_for_the_labels_below_it() -> None:
    assert ("special-name", "Sent/2019", "Sent (label)/2019") in kinds("Sent/2019")


def test_a_server_without_a_delimiter_gets_flat_names() -> None:
    assert mapped("a", "a/b", "a_b", shape=MailboxShape("", "", ())) == ["a", "a_b", "a-b"]


def test_labels_below_inbox_or_a_special_folder_lie_below_the_folder_with_the_suffix() -> None:
    assert mapped("Sent", "Sent/2019", "inbox/x") == ["Sent (label)", "Sent (label)/2019", "inbox (label)/x"]


def test_a_label_named_like_the_mailboxes_own_special_folder_gets_a_suffix() -> None:
    shape = with_folders(SLASHES, ExistingFolder("Mail/Out", r"\Sent"), ExistingFolder("Everything", r"\All"))
    assert mapped("Mail/Out", "Everything", shape=shape) == ["Mail/Out (label)", "Everything (label)"]


def test_labels_equal_but_for_case_get_two_folders_and_the_older_one_the_plain_name() -> None:
    assert mapped("Projects", "projects") == ["Projects", "projects (label)"]
    assert kinds("Projects", "projects") == [("case-twin", "projects", "projects (label)")]


def test_labels_equal_after_unicode_normalisation_get_two_folders() -> None:
    assert mapped("Café", "Cafe\u0301") == ["Café", "Café (label)"]
    assert kinds("Café", "Cafe\u0301") == [("unicode-twin", "Cafe\u0301", "Café (label)")]


def test_labels_equal_once_characters_are_replaced_get_two_folders() -> None:
    assert mapped("A_B", "A.B", shape=DOTS) == ["A_B", "A_B (label)"]
    assert {kind for kind, *_ in kinds("A_B", "A.B", shape=DOTS)} == {"name-taken", "replaced"}


def test_a_third_twin_gets_a_number() -> None:
    assert mapped("x", "X", "X ") == ["x", "X (label)", "X (label 2)"]


def test_labels_below_a_renamed_twin_lie_below_its_folder() -> None:
    assert mapped("Projects", "projects", "projects/a") == ["Projects", "projects (label)", "projects (label)/a"]


def test_a_folder_that_exists_under_the_very_name_is_the_labels_folder() -> None:
    assert mapped("Work", shape=with_folders(SLASHES, "Work")) == ["Work"]


def test_a_folder_that_exists_in_another_case_is_left_alone() -> None:
    assert mapped("Work", shape=with_folders(SLASHES, "work")) == ["Work (label)"]
    assert kinds("Work", shape=with_folders(SLASHES, "work")) == [("case-twin", "Work", "Work (label)")]


def test_replaced_characters_are_shown_with_both_names() -> None:
    assert kinds("tab\there.x", shape=DOTS) == [("replaced", "tab\there.x", "tab_here_x")]


def test_a_name_too_long_once_encoded_is_shortened_and_shown() -> None:
    [(kind, old, new)] = kinds("長" * 100)
    assert (kind, old) == ("shortened", "長" * 100)
    assert encoded_length(new) <= MAX_NAME


def test_every_plain_gmail_name_fits_unshortened_below_the_prefix() -> None:
    assert mapped("L" * 225, "l" * 225, shape=PREFIXED) == ["INBOX." + "L" * 225, "INBOX." + "l" * 225 + " (label)"]


def test_a_label_below_a_full_name_moves_up_and_is_shown() -> None:
    parent, child = mapped("長" * 100, "長" * 100 + "/below")
    assert not child.startswith(parent)
    assert child.startswith("below-")
    assert ("shortened", "長" * 100 + "/below", child) in kinds("長" * 100, "長" * 100 + "/below")


def test_a_hidden_label_has_a_folder_and_is_shown() -> None:
    folder_map = map_folders([Label("Label_1", "Tool", "user", hidden=True)], SLASHES, Choices())
    assert folder_map.targets["Label_1"].name == "Tool"
    assert [note.kind for note in folder_map.notes] == ["hidden"]


def test_labels_of_gmail_itself_get_no_folder() -> None:
    labels = [Label("STARRED", "STARRED", "system"), Label("CATEGORY_SOCIAL", "CATEGORY_SOCIAL", "system")]
    assert map_folders(labels, SLASHES, Choices()) == map_folders([], SLASHES, Choices())


def test_a_label_not_chosen_has_no_folder_but_keeps_its_name_for_later() -> None:
    choices = Choices(skip_labels=frozenset({"Label_1"}))
    folder_map = map_folders(labels_of("Projects", "projects"), SLASHES, choices)
    assert "Label_1" not in folder_map.targets
    assert folder_map.targets["Label_2"].name == "projects (label)"


def test_a_rename_moves_the_labels_below_along() -> None:
    choices = Choices(renames={"Label_1": "Arbeit/Alt"})
    assert mapped("Work", "Work/Projects", "Workshop", choices=choices) == [
        "Arbeit/Alt",
        "Arbeit/Alt/Projects",
        "Workshop",
    ]


def test_two_labels_renamed_alike_are_not_merged() -> None:
    choices = Choices(renames={"Label_1": "Both", "Label_2": "Both"})
    assert mapped("One", "Two", choices=choices) == ["Both", "Both (label)"]


COURIER = MailboxShape(".", "INBOX.", (), foreign=("#shared.", "shared.", "#"))
MAILCOW = MailboxShape("/", "", (), foreign=("Shared/ann@example.com/",))
UW = MailboxShape("/", "", (), foreign=("~", "#shared/", "#news.", "#"))


@pytest.mark.parametrize(
    ("shape", "label", "folder"),
    [
        (COURIER, "shared", "INBOX.shared (label)"),
        (COURIER, "Shared/Photos", "INBOX.Shared (label).Photos"),
        (COURIER, "#shared", "INBOX.#shared (label)"),
        (COURIER, "#shared.x", "INBOX.#shared_x"),
        (MAILCOW, "Shared/Photos", "Shared (label)/Photos"),
        (UW, "#news.x", "_#news.x"),
        (UW, "#1", "_#1"),
    ],
)
def test_a_label_named_like_other_peoples_folders_gets_its_own_folder(
    shape: MailboxShape, label: str, folder: str
) -> None:
    assert mapped(label, shape=shape) == [folder]
    if shape is not COURIER or label != "#shared.x":
        assert ("foreign-name", label, folder) in kinds(label, shape=shape)


def test_labels_below_a_folder_that_can_hold_no_folders_get_flat_names_and_are_shown() -> None:
    shape = with_folders(SLASHES, ExistingFolder("Work", childless=True), ExistingFolder("Home"))
    assert mapped("Work", "Work/Projects", "Home/x", shape=shape) == ["Work", "Work_Projects", "Home/x"]
    assert ("no-subfolders", "Work/Projects", "Work_Projects") in kinds("Work", "Work/Projects", shape=shape)


def test_a_folder_that_others_may_read_is_no_labels_folder() -> None:
    shape = with_folders(SLASHES, ExistingFolder("Work", shared=True))
    assert kinds("Work", shape=shape) == [("foreign-name", "Work", "Work (label)")]
