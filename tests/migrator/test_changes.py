"""What changes at Gmail while an import runs ends in the right place, or in a true reason."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from engine import KEY, gmail_door, letter, new_ledger
from planning import AT_ONCE, planned
from redis import Redis
from stand_in import Google

from emulator.servers.instance import Server, User
from migrator.changes import MOST_PASSES, catch_up, look_once_more
from migrator.errors import GoogleDown, MessagesDeferred
from migrator.gmail import Gmail, HistoryTooOld
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox, Password, Target, open_mailbox
from migrator.outcome import Mark
from migrator.plan import plan_slice
from migrator.remarks import counted
from migrator.transfer import copy_slice


class Room:
    """An import under way: planned, then copied and caught up with until nothing is left to do."""

    def __init__(self, google: Google, gmail: Gmail, ledger: Ledger, server: Server) -> None:
        self.google, self.gmail, self.ledger, self.server = google, gmail, ledger, server
        self.user: User = server.new_user()
        self.choices = Choices()
        self.connect: Callable[[], Mailbox] = partial(
            open_mailbox, Target(server.host, server.port, "none"), Password(self.user.name, self.user.password)
        )

    def plan(self) -> None:
        with self.connect() as mailbox:
            planned(self.gmail, mailbox, self.ledger, self.choices)

    def copy(self) -> bool:
        return copy_slice(self.gmail, self.connect, self.ledger, self.choices, KEY, 2, AT_ONCE)

    def catch_up(self) -> bool:
        return catch_up(self.gmail, self.connect, self.ledger, self.choices, AT_ONCE)

    def finish(self) -> None:
        for _ in range(2 * MOST_PASSES):
            if self.copy() and not self.catch_up():
                return
        raise AssertionError("it does not end")

    def folders(self) -> dict[str, list[bytes]]:
        """Return the subjects in every folder that holds mail."""
        with self.server.observer(self.user) as client:
            found = {}
            for _, _, name in client.list_folders():
                client.select_folder(name, readonly=True)
                rows = client.fetch(client.search("ALL"), ["ENVELOPE"]) if client.search("ALL") else {}
                found[name] = sorted(row[b"ENVELOPE"].subject for row in rows.values())
            return {name.replace(".", "/"): subjects for name, subjects in found.items() if subjects}

    def subjects(self) -> list[bytes]:
        return sorted(subject for subjects in self.folders().values() for subject in subjects)

    def marks(self) -> dict[str, Mark]:
        return {f"{i:x}": Mark(mark) for i, mark in zip(self.ledger.ids(), self.ledger.marks(), strict=True)}

    def relabel(self, message: str, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
        self.google.control(f"messages/{message}/labels", {"add": add, "remove": remove})


@pytest.fixture
def room(google: Google, gmail: Gmail, ledger: Ledger, dovecot_server: Server) -> Room:
    return Room(google, gmail, ledger, dovecot_server)


def added(google: Google, number: int, *labels: str) -> str:
    return str(google.add(letter(number), labelIds=labels)["id"])


@pytest.mark.parametrize("hidden", ["SPAM", "TRASH"])
def test_what_leaves_spam_or_trash_is_copied_after_all(google: Google, room: Room, hidden: str) -> None:
    rescued, stays = added(google, 1, hidden), added(google, 2, hidden)
    room.plan()
    room.relabel(rescued, add=("INBOX",), remove=(hidden,))
    room.relabel(stays, add=("STARRED",))
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"]}
    assert room.marks()[rescued] is Mark.COPIED
    assert room.marks()[stays] in {Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH}


def test_spam_that_is_put_into_the_trash_is_left_out_as_trash(google: Google, room: Room) -> None:
    spam = added(google, 1, "SPAM")
    room.plan()
    room.relabel(spam, add=("TRASH",), remove=("SPAM",))
    room.finish()
    assert room.marks()[spam] is Mark.SKIPPED_TRASH
    assert "messages.get" not in google.ledger()["calls"], "nothing is read that is not wanted"


def test_what_leaves_spam_is_found_by_listing_again_where_history_is_forgotten(google: Google, room: Room) -> None:
    rescued = added(google, 1, "SPAM")
    room.plan()
    room.relabel(rescued, add=("INBOX",), remove=("SPAM",))
    google.control("history/expire", {})
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"]}


def test_what_goes_to_the_trash_before_it_is_read_is_left_out(google: Google, room: Room) -> None:
    message = added(google, 1, "INBOX")
    room.plan()
    room.relabel(message, add=("TRASH",), remove=("INBOX",))
    room.finish()
    assert room.marks() == {message: Mark.SKIPPED_TRASH}
    assert room.folders() == {}


def test_copies_whose_messages_go_or_change_afterwards_stay_and_are_counted(google: Google, room: Room) -> None:
    trashed, deleted, starred, quiet = (added(google, n, "INBOX") for n in range(1, 5))
    room.plan()
    assert room.copy()
    room.relabel(trashed, add=("TRASH",), remove=("INBOX",))
    google.control(f"messages/{deleted}", verb="DELETE")
    room.relabel(starred, add=("STARRED",))
    room.finish()
    assert len(room.folders()["INBOX"]) == 4
    assert counted(room.ledger.remarks()) == {"deleted-later": 1, "trashed-later": 1, "changed-meanwhile": 1}
    assert {room.marks()[i] for i in (trashed, deleted, starred, quiet)} == {Mark.COPIED}


def test_a_draft_that_is_saved_again_before_it_is_read_arrives_once(google: Google, room: Room) -> None:
    old = added(google, 1, "DRAFT")
    room.plan()
    google.control(f"messages/{old}", verb="DELETE")
    new = added(google, 2, "DRAFT")
    room.finish()
    assert room.subjects() == [b"letter 2"]
    assert room.marks() == {old: Mark.SKIPPED_GONE, new: Mark.COPIED}


def test_a_draft_that_is_sent_after_it_was_copied_has_a_true_reason(google: Google, room: Room) -> None:
    old = added(google, 1, "DRAFT")
    room.plan()
    assert room.copy()
    google.control(f"messages/{old}", verb="DELETE")
    added(google, 2, "SENT")
    room.finish()
    assert room.subjects() == [b"letter 1", b"letter 2"]
    assert counted(room.ledger.remarks()) == {"deleted-later": 1}


def test_skipped_mail_that_is_deleted_is_gone(google: Google, room: Room) -> None:
    spam = added(google, 1, "SPAM")
    room.plan()
    google.control(f"messages/{spam}", verb="DELETE")
    room.finish()
    assert room.marks() == {spam: Mark.SKIPPED_GONE}


@pytest.mark.parametrize("known", [True, False], ids=["planned", "arrives later"])
def test_a_label_that_is_made_meanwhile_gets_its_folder(google: Google, room: Room, *, known: bool) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    planned_before = added(google, 1, "Label_1")
    plain = added(google, 2, "INBOX")
    room.plan()
    google.control("labels", {"id": "Label_2", "name": "Work/New"})
    if known:
        room.relabel(plain, add=("Label_2",))
    else:
        added(google, 3, "Label_2")
    room.finish()
    arrived = {"Work/New": [b"letter 2"]} if known else {"Work/New": [b"letter 3"], "INBOX": [b"letter 2"]}
    assert room.folders() == {"Work": [b"letter 1"], **arrived}
    assert room.marks()[planned_before] is Mark.COPIED


def test_a_new_label_never_takes_a_folder_that_is_another_ones(google: Google, room: Room) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    added(google, 1, "Label_1")
    room.plan()
    assert room.copy()
    google.control("labels/Label_1", {"name": "Office"})
    google.control("labels", {"id": "Label_2", "name": "Work"})
    added(google, 2, "Label_2")
    added(google, 3, "Label_1")
    room.finish()
    assert room.folders() == {"Work": [b"letter 1", b"letter 3"], "Work (label)": [b"letter 2"]}
    assert room.ledger.count_of_renamed() == 1


def test_a_label_that_is_renamed_before_its_folder_is_made_has_the_new_name(google: Google, room: Room) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    added(google, 1, "INBOX")
    room.plan()
    google.control("labels/Label_1", {"name": "Office"})
    added(google, 2, "Label_1")
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"], "Office": [b"letter 2"]}
    assert room.ledger.count_of_renamed() == 0


def test_mail_of_a_label_that_is_deleted_lies_where_its_other_labels_say(google: Google, room: Room) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    added(google, 1, "Label_1", "INBOX")
    room.plan()
    google.control("labels/Label_1", {}, verb="DELETE")
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"]}


def test_a_label_that_gmail_does_not_list_is_counted_and_asked_about_once(google: Google, room: Room) -> None:
    for number in range(5):
        added(google, number, "INBOX", "Label_ghost")
    room.plan()
    asked = google.ledger()["calls"]["labels.list"]
    assert room.copy()
    assert google.ledger()["calls"]["labels.list"] == asked + 1
    assert counted(room.ledger.remarks()) == {"unknown-label": 5}


def test_a_busy_account_does_not_keep_an_import_from_ending(google: Google, room: Room) -> None:
    room.plan()
    for number in range(3 * MOST_PASSES):
        added(google, number, "INBOX")
        if room.copy() and not room.catch_up():
            break
    assert number == MOST_PASSES
    assert room.copy()


def test_what_changed_while_everything_was_verified_is_taken_up_once(google: Google, room: Room) -> None:
    room.plan()
    room.finish()
    look = partial(look_once_more, room.gmail, room.connect, room.ledger, room.choices, AT_ONCE)
    added(google, 1, "INBOX")
    assert look()
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"]}
    added(google, 2, "INBOX")
    assert not look(), "once is enough"


def test_an_import_that_is_done_does_not_wait_for_google_to_look_once_more(google: Google, room: Room) -> None:
    room.plan()
    room.finish()
    google.control("grants", {}, verb="DELETE")
    assert not look_once_more(room.gmail, room.connect, room.ledger, room.choices, AT_ONCE)


def test_where_the_history_is_not_answered_everything_is_listed_instead(google: Google, room: Room) -> None:
    added(google, 1, "INBOX")
    room.plan()
    google.fault("backendError", method="history.list", times=0)
    added(google, 2, "INBOX")
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1", b"letter 2"]}


def test_a_message_google_refuses_alone_is_asked_for_once_more_and_holds_nothing_up(
    google: Google, redis: Redis, dovecot_server: Server
) -> None:
    ids = [added(google, number, "INBOX") for number in range(6)]
    google.fault("delegationDenied", method="messages.get", message=ids[2], times=0)
    with gmail_door(google, redis) as gmail:
        room = Room(google, gmail, new_ledger(redis), dovecot_server)
        room.plan()
        with pytest.raises(MessagesDeferred):
            room.copy()
        assert len(room.folders()["INBOX"]) == 5
        assert room.marks()[ids[2]].is_open
        ((number, deferred),) = room.ledger.deferred().items()
        assert deferred.due == pytest.approx(time.time() + 30, abs=10)
        room.ledger.write(room.ledger.defer(number, replace(deferred, due=0.0)))
        assert room.copy()
    assert room.marks()[ids[2]] is Mark.FAILED_GOOGLE
    assert list(room.ledger.reasons().values()) == ["unreadable"]
    assert room.ledger.deferred() == {}


def test_a_history_whose_pages_repeat_does_not_hang(google: Google, gmail: Gmail) -> None:
    since = gmail.account().history_id
    added(google, 1, "INBOX")
    google.fault("samePage", method="history.list", times=0)
    changes = gmail.changes_since(since)
    assert (len(changes.added), changes.complete) == (1, False)
    with pytest.raises(HistoryTooOld):
        gmail.changes_since(changes.history_id)


def test_a_listing_whose_pages_repeat_waits_and_begins_again_later(google: Google, room: Room) -> None:
    added(google, 1, "INBOX")
    google.fault("emptyPage", times=0)
    with room.connect() as mailbox:
        for _ in range(2):
            with pytest.raises(GoogleDown, match="endless"):
                plan_slice(room.gmail, mailbox, room.ledger, room.choices, "newest-first", AT_ONCE)
    assert google.ledger()["calls"]["messages.list"] < 20
    google.control("faults", {}, verb="DELETE")
    room.plan()
    room.finish()
    assert room.folders() == {"INBOX": [b"letter 1"]}
