from migrator.foldermap import map_folders
from migrator.folders import MailboxShape
from migrator.labels import Choices, Label, catalogue_of
from migrator.preview import StorageEffect, storage_effect

LABELS = [Label("Label_1", "Work", "user"), Label("Label_2", "Work/Projects", "user")]
MAIL = [
    *[frozenset({"INBOX"})] * 3,
    *[frozenset({"INBOX", "Label_1", "Label_2"})] * 2,
    *[frozenset({"SENT", "Label_1"})] * 4,
    frozenset({"SPAM"}),
    frozenset({"CHAT"}),
    frozenset({"DRAFT", "Label_1"}),
]


def effect(choices: Choices, total_bytes: int = 0) -> StorageEffect:
    folder_map = map_folders(LABELS, MailboxShape(".", "INBOX.", ()), choices)
    return storage_effect(MAIL, catalogue_of(LABELS), folder_map, choices, total_bytes)


def test_one_copy_counts_every_message_once_in_its_folder() -> None:
    shown = effect(Choices())
    assert shown.folders == {"INBOX": 3, "INBOX.Work.Projects": 2, "INBOX.Work": 4, "INBOX.Drafts": 1}
    assert sum(shown.folders.values()) == shown.one_copy_messages == 10


def test_copy_per_label_counts_every_copy() -> None:
    shown = effect(Choices(policy="copy-per-label"))
    assert shown.folders == {
        "INBOX": 5,
        "INBOX.Work.Projects": 2,
        "INBOX.Work": 6,
        "INBOX.Sent": 4,
        "INBOX.Drafts": 1,
    }
    assert sum(shown.folders.values()) == shown.copy_per_label_messages == 18


def test_both_policies_are_told_whichever_is_chosen() -> None:
    one, many = effect(Choices(), 1200), effect(Choices(policy="copy-per-label"), 1200)
    assert (one.one_copy_messages, one.copy_per_label_messages) == (10, 18)
    assert (many.one_copy_messages, many.copy_per_label_messages) == (10, 18)
    assert (one.one_copy_bytes, one.copy_per_label_bytes) == (1000, 1800)


def test_skipped_messages_are_counted_by_reason_and_the_sum_is_right() -> None:
    shown = effect(Choices(skip_labels=frozenset({"Label_1"})))
    assert shown.skipped == {"spam": 1, "chat": 1}
    assert sum(shown.skipped.values()) + shown.one_copy_messages == len(MAIL)


def test_an_empty_account_costs_nothing() -> None:
    shown = storage_effect([], catalogue_of([]), map_folders([], MailboxShape("/", "", ()), Choices()), Choices(), 99)
    assert shown == StorageEffect({}, {}, 0, 0, 0, 0)
