from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.foldermap import map_folders
from migrator.foldernames import MAX_NAME, encoded_length, twin_key
from migrator.folders import ExistingFolder, FolderMap, MailboxShape
from migrator.labels import Choices, Label

SHAPES = [
    MailboxShape(".", "", ()),
    MailboxShape("/", "", ()),
    MailboxShape(".", "INBOX.", ()),
    MailboxShape("/", "Mail/", ()),
    MailboxShape("", "", ()),
    MailboxShape("/", "", (), foreign=("Shared/", "Public/", "Other Users/", "#", "~")),
    MailboxShape(".", "INBOX.", (), foreign=("user.", "")),
    MailboxShape(".", "INBOX.", (), foreign=("#shared.", "shared.", "INBOX.Team.", "#")),
    MailboxShape("/", "", (), foreign=("user.", "#news.", "~")),
]
AWKWARD = [
    *(
        "Work",
        "Work/Projects/2023/Q4",
        "France/Paris",
        "Übersicht",
        "Préférés/Été",
        "日本語/仕事",
        "العربية/عمل",
        "हिन्दी",
    ),
    *("Café", "Cafe\u0301", "straße", "STRASSE", "I\u0307stanbul", "Projects", "projects", "projects/x", "PROJECTS/x"),
    *(
        "Sent",
        "SENT",
        "Sent/2019",
        "sent items",
        "Sent Messages",
        "Gesendet",
        "Drafts/Old",
        "Junk",
        "Trash/Keep",
        "Archive",
    ),
    *("inbox", "InBoX/Old", "INBOX/Newsletters", "INBOX.Later", "INBOX/INBOX", "INBOX ", "INBOX\u200b", "Sent (label)"),
    *(
        "[Imap]/Sent",
        "[Gmail]/Custom",
        "All Mail",
        "R&D",
        "&AOk-",
        "&",
        "A.B.C",
        "A_B_C",
        ".hidden",
        "trailing.",
        "a..b",
    ),
    *(
        "back\\slash",
        'quo"te',
        "it's ^ 50% * sale",
        "(paren) {12}",
        "~tilde",
        "#news.comp",
        "NIL",
        "new",
        "dovecot.index",
    ),
    *(
        "a//b",
        "a/_/b",
        "/leading",
        "trailing/",
        "/",
        " ",
        " two  spaces ",
        "no\u00a0break",
        "zero\u200bwidth",
        "zerowidth",
    ),
    *("tab\there", "nul\0", "..", "../escape", "CON", "🎉 Party", "👨\u200d👩\u200d👧\u200d👦 Family/📷", "🇵🇹", "✅"),
    *(
        "L" * 225,
        "長" * 100,
        "長" * 101,
        "長" * 100 + "/below",
        "x/" * 40 + "deep",
        "🎉/" * 40 + "deep",
        "🎉/" * 39 + "deep",
    ),
]

level = st.one_of(
    st.sampled_from(
        [
            *("Sent", "sent", "INBOX", "inbox", "Archive", "Gesendet", "a", "A", "e\u0301", "é", "", ".", "a_b"),
            *("Shared", "shared", "user", "user.x", "#shared", "#x", "~", "~x", "_~x", "Public", "Other Users", "Team"),
        ]
    ),
    st.text(max_size=6),
    st.sampled_from(["長" * 70, "🎉" * 20, "L" * 200]),
)
label_names = st.lists(st.lists(level, min_size=1, max_size=4).map("/".join), max_size=10)
shapes = st.sampled_from(SHAPES)
EXISTING = [
    *(
        "Sent",
        "sent",
        "Gesendet",
        "Sent Items",
        "Archive",
        "a",
        "A",
        "é",
        "e\u0301",
        "A (label)",
        "Sent (label)",
        "work",
    ),
    *("INBOX.Sent", "a/A", "a.A", "INBOX.a"),
]
existing = st.lists(st.sampled_from(EXISTING), unique=True, max_size=5)


def labels_of(*names: str) -> list[Label]:
    return [Label(f"Label_{number}", name, "user") for number, name in enumerate(names, start=1)]


def after_a_run(shape: MailboxShape, folder_map: FolderMap, created: Sequence[str]) -> MailboxShape:
    """The mailbox once the door has made these keys' folders, parents and special uses included."""
    names = {folder.name for folder in shape.folders}
    made = []
    for key in created:
        target = folder_map.targets[key]
        below = target.name.removeprefix(shape.prefix)
        cuts = [i for i, c in enumerate(below) if c == shape.delimiter]
        made += [ExistingFolder(shape.prefix + below[:cut], selectable=False) for cut in cuts]
        made.append(ExistingFolder(target.name, target.special_use if shape.can_create_special_use else None))
    return replace(shape, folders=(*shape.folders, *(folder for folder in made if folder.name not in names)))


def is_foreign(name: str, shape: MailboxShape) -> bool:
    """Tell, in other words than the code's, whether a name lies in a namespace of others."""
    reach = [prefix.casefold() for prefix in shape.foreign if len(prefix) > len(shape.prefix)]
    return any(name.casefold().startswith(one) or name.casefold() + one[-1:] == one for one in reach)


def check_every_name(folder_map: FolderMap, shape: MailboxShape, there: Sequence[str] = ()) -> None:
    names = [target.name for target in folder_map.targets.values()]
    assert len({twin_key(name) for name in names}) == len(names)
    for name in names:
        assert encoded_length(name) <= MAX_NAME
        assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in name)
        if name != "INBOX" and name not in there:
            assert name.startswith(shape.prefix)
            assert not is_foreign(name, shape)
            below = name.removeprefix(shape.prefix)
            assert all(part.strip() for part in below.split(shape.delimiter or "\0"))
            assert shape.prefix or not below.upper().startswith(f"INBOX{shape.delimiter or '_'}")


@pytest.mark.parametrize("shape", SHAPES)
def test_all_awkward_names_together_get_folders_of_their_own(shape: MailboxShape) -> None:
    folder_map = map_folders(labels_of(*AWKWARD), shape, Choices())
    assert len(folder_map.targets) == len(AWKWARD) + 6
    check_every_name(folder_map, shape)


@given(label_names, shapes)
def test_any_labels_get_folders_of_their_own_with_names_a_server_can_hold(
    names: list[str], shape: MailboxShape
) -> None:
    check_every_name(map_folders(labels_of(*names), shape, Choices()), shape)


@given(label_names, shapes, st.randoms())
def test_the_order_of_the_labels_does_not_matter(names: list[str], shape: MailboxShape, chance: Random) -> None:
    labels = labels_of(*names)
    shuffled = sorted(labels, key=lambda _: chance.random())
    assert map_folders(shuffled, shape, Choices()) == map_folders(labels, shape, Choices())


@given(
    names=label_names,
    shape=shapes,
    use=st.booleans(),
    there=existing,
    data=st.data(),
)
def test_a_second_run_finds_the_folders_of_the_first_whichever_of_them_were_made(
    *, names: list[str], shape: MailboxShape, use: bool, there: list[str], data: st.DataObject
) -> None:
    folders = tuple(ExistingFolder(name) for name in ("INBOX", *there))
    start = replace(shape, folders=folders, can_create_special_use=use)
    labels = labels_of(*names)
    first = map_folders(labels, start, Choices())
    made = data.draw(st.lists(st.sampled_from(sorted(first.targets)), unique=True))
    second = map_folders(labels, after_a_run(start, first, made), Choices())
    assert second.targets == first.targets


prefixes = st.one_of(
    st.sampled_from(
        ["", "Shared/", "shared.", "user.", "#", "~", "_", "INBOX.", "Sent/", "Sent", "A", "Archive (mail)."]
    ),
    st.text(max_size=3),
)


@given(
    names=label_names,
    delimiter=st.sampled_from(["/", ".", "", "_", "\\"]),
    prefix=st.sampled_from(["", "INBOX.", "INBOX/", "Mail/", "#me/"]),
    foreign=st.lists(prefixes, max_size=6).map(tuple),
    there=st.lists(
        st.builds(
            ExistingFolder,
            st.sampled_from(EXISTING),
            st.sampled_from([None, r"\Sent", r"\Archive"]),
            selectable=st.booleans(),
            childless=st.booleans(),
            shared=st.booleans(),
        ),
        max_size=5,
        unique_by=lambda folder: folder.name,
    ),
)
def test_no_folder_lies_outside_the_customers_own_namespace(
    *, names: list[str], delimiter: str, prefix: str, foreign: tuple[str, ...], there: list[ExistingFolder]
) -> None:
    foreign = tuple(one for one in foreign if twin_key(one) != twin_key(prefix))  # the door sees to it
    shape = MailboxShape(delimiter, prefix, tuple(there), foreign=foreign)
    folder_map = map_folders(labels_of(*names), shape, Choices())
    found = {folder.name: folder for folder in there}
    for target in folder_map.targets.values():
        folder = found.get(target.name)
        assert not folder or not folder.shared
        assert folder or target.name == "INBOX" or shape.owns(target.name)
        assert folder or target.name == "INBOX" or not is_foreign(target.name, shape)


@given(names=label_names, there=existing, data=st.data())
def test_nothing_is_made_below_a_folder_that_can_hold_no_folders(
    names: list[str], there: list[str], data: st.DataObject
) -> None:
    leaves = [name for name in there if not any(other.startswith(f"{name}/") for other in there)]
    childless = data.draw(st.sets(st.sampled_from(leaves))) if leaves else set()
    folders = tuple(ExistingFolder(name, childless=name in childless) for name in there)
    below = [f"{name}/{rest}" for name in there for rest in ("x", "x/y")]
    folder_map = map_folders(labels_of(*names, *there, *below), MailboxShape("/", "", folders), Choices())
    for target in folder_map.targets.values():
        assert target.name in there or not any(target.name.startswith(f"{name}/") for name in childless)
