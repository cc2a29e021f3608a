"""A name that a server does not take is tried in other spellings, and the one it takes is kept."""

from collections.abc import Callable

import pytest
from engine import new_ledger
from redis import Redis
from servers.adversary import adversary, enter_hostile
from servers.choosy import Choosy, made

from migrator.errors import FolderRefused
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames, NamedFolder


def after(server: Choosy, ledger: Ledger, *names: str, act: Callable[[FolderNames, Mailbox], None]) -> list[str]:
    """Return what the folders of these labels are called once `act` is done."""
    rows = [NamedFolder(f"Label_{number}", name) for number, name in enumerate(names)]
    with adversary(server) as (port, _), enter_hostile(port, patience=5) as mailbox:
        ledger.write(FolderNames(rows, "/", "").kept(ledger))
        act(FolderNames.load(ledger), mailbox)
    return [row.name for row in FolderNames.load(ledger).rows]


def created(server: Choosy, ledger: Ledger, *names: str, first: int = 0) -> list[str]:
    """Return what folders are called after one of them was asked for."""
    return after(server, ledger, *names, act=lambda folders, mailbox: folders.create(first, mailbox, ledger))


def refusing(answer: str, *names: str) -> Choosy:
    return Choosy(lambda server, name: answer if name in names else made(server, name))


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return new_ledger(redis)


@pytest.mark.parametrize(
    "answer", ["NO no", "NO [CANNOT] no", "NO [NOPERM] no", "BAD what?", "NO [LIMIT] no", "NO [OVERQUOTA] no"]
)
def test_a_refused_name_is_tried_in_other_spellings(answer: str, ledger: Ledger) -> None:
    (name,) = created(refusing(answer, "Bills!"), ledger, "Bills!")
    assert name.startswith("Bills_-")


@pytest.mark.parametrize("answer", ["NO no", "NO [LIMIT] too deep"])
def test_a_server_without_nesting_gets_flat_names(answer: str, ledger: Ledger) -> None:
    server = Choosy(lambda server, name: answer if "/" in name else made(server, name))
    assert created(server, ledger, "Work/Projects/2020") == ["Work_Projects_2020"]


def test_a_name_that_cannot_be_had_gets_a_suffix(ledger: Ledger) -> None:
    assert created(refusing("NO no", "Notes"), ledger, "Notes") == ["Notes (label)"]
    assert created(refusing("NO no", "Notes", "Notes (label)"), ledger, "Notes")[0].startswith("Notes _label_-")


def test_where_all_is_below_inbox_a_folder_is_made_there(ledger: Ledger) -> None:
    server = Choosy(lambda server, name: made(server, name) if name.startswith("INBOX/") else "NO no")
    assert created(server, ledger, "Work/Projects") == ["INBOX/Work_Projects"]


def test_a_name_that_the_server_makes_another_of_is_tried_in_other_spellings(ledger: Ledger) -> None:
    server = Choosy(lambda server, name: made(server, name.replace("!", "")))
    (name,) = created(server, ledger, "Bills!")
    assert name.startswith("Bills_-")


def test_a_folder_that_can_only_be_read_is_left_alone(ledger: Ledger) -> None:
    server = Choosy(folders={"INBOX": "", "Work": ""}, closed=frozenset({"Work"}))
    assert created(server, ledger, "Work") == ["Work (label)"]


def test_a_folder_that_can_hold_no_mail_is_left_alone(ledger: Ledger) -> None:
    server = Choosy(folders={"INBOX": "", "Work": "\\Noselect"})
    assert created(server, ledger, "Work") == ["Work (label)"]


def test_what_is_below_a_folder_that_can_hold_no_folders_stands_beside_it(ledger: Ledger) -> None:
    def mbox(server: Choosy, name: str) -> str:
        above = name.rpartition("/")[0]
        if above in server.folders:
            return "NO no"
        server.folders[name] = "\\NoInferiors"
        return "OK made"

    for first in range(3):  # whichever label's mail comes first
        server = Choosy(mbox)
        names = created(server, ledger, "Work", "Work/R&D", "Work/R&D/x", first=first)
        assert "Work" in server.folders
        assert names[first] == ("Work", "Work_R&D", "Work_R&D_x")[first]


def test_what_is_below_a_folder_of_another_spelling_follows_it(ledger: Ledger) -> None:
    names = created(refusing("NO no", "Notes"), ledger, "Notes", "Notes/2020", first=1)
    assert names == ["Notes (label)", "Notes (label)/2020"]


def test_no_spelling_is_another_labels_folder(ledger: Ledger) -> None:
    server = Choosy(lambda server, name: "NO no" if "/" in name else made(server, name))
    names = created(server, ledger, "Work/Projects", "Work_Projects")
    assert names == ["Work_Projects (label)", "Work_Projects"]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("NO no", "name-refused"),
        ("NO [NOPERM] no", "no-permission"),
        ("NO [LIMIT] no", "too-many-folders"),
        ("NO Over quota", "too-many-folders"),
    ],
)
def test_a_folder_that_is_refused_in_every_spelling_concerns_no_other(answer: str, word: str, ledger: Ledger) -> None:
    server = Choosy(lambda server, name: made(server, name) if name == "Home" else answer)

    def both(folders: FolderNames, mailbox: Mailbox) -> None:
        with pytest.raises(FolderRefused, match=word):
            folders.create(0, mailbox, ledger)
        folders.create(1, mailbox, ledger)

    assert after(server, ledger, "Work", "Home", act=both) == ["Work", "Home"]
    assert len(server.created) < 8


def test_a_spelling_that_is_kept_is_asked_for_first_by_the_next_slice(ledger: Ledger) -> None:
    server = refusing("NO no", "Notes")
    assert created(server, ledger, "Notes") == ["Notes (label)"]
    server.created.clear()
    with adversary(server) as (port, _), enter_hostile(port, patience=5) as mailbox:
        FolderNames.load(ledger).create(0, mailbox, ledger)
    assert server.created == ["Notes (label)"]
