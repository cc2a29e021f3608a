from collections import Counter

import pytest

from migrator.foldermap import map_folders
from migrator.folders import MailboxShape
from migrator.labels import Choices, Label, catalogue_of
from migrator.preview import StorageEffect, effect_of
from migrator.survey import Group, Survey

LABELS = [Label("Label_1", "Work", "user"), Label("Label_2", "Work/Projects", "user")]
DAYS = ("2025-11-22", "2023-11-22", "2016-11-22")
MAIL = {
    frozenset({"INBOX"}): 3,
    frozenset({"INBOX", "Label_1", "Label_2"}): 2,
    frozenset({"SENT", "Label_1"}): 4,
    frozenset({"SPAM"}): 1,
    frozenset({"CHAT"}): 1,
    frozenset({"DRAFT", "Label_1"}): 1,
}
AGES = [Group(frozenset({"INBOX"}), 100, age=age, likely=10_000) for age in range(4)]


def effect(choices: Choices, octets: int = 100) -> StorageEffect:
    return of([Group(labels, count, likely=count * octets) for labels, count in MAIL.items()], choices)


def of(groups: list[Group], choices: Choices) -> StorageEffect:
    survey = Survey(tuple(groups), {}, DAYS, "2026-11-22")
    folder_map = map_folders(LABELS, MailboxShape(".", "INBOX.", ()), choices)
    return effect_of(survey, catalogue_of(LABELS), folder_map, choices)


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
    one, many = effect(Choices()), effect(Choices(policy="copy-per-label"))
    assert (one.one_copy_messages, one.copy_per_label_messages) == (10, 18)
    assert (many.one_copy_messages, many.copy_per_label_messages) == (10, 18)
    assert (one.one_copy_bytes, one.copy_per_label_bytes) == (1000, 1800)


def test_the_bytes_are_those_of_the_messages_that_come_along() -> None:
    groups = [Group(frozenset({"INBOX"}), 10, likely=1_000), Group(frozenset({"Label_1"}), 10, likely=9_000_000)]
    assert of(groups, Choices(skip_labels=frozenset({"Label_1"}))).one_copy_bytes == 1_000


def test_skipped_messages_are_counted_by_reason_and_the_sum_is_right() -> None:
    shown = effect(Choices(skip_labels=frozenset({"Label_1"})))
    assert shown.skipped == {"spam": 1, "chat": 1}
    assert sum(shown.skipped.values()) + shown.one_copy_messages == sum(MAIL.values())


def test_an_empty_account_costs_nothing() -> None:
    assert of([], Choices(since="2020-01-01")) == StorageEffect({}, {}, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("since", "kept", "exact"),
    [
        ("", 400, True),
        ("2025-11-22", 100, True),
        ("2023-11-22", 200, True),
        ("2016-11-22", 300, True),
        ("2004-04-01", 400, True),
        ("1999-12-31", 400, True),
        ("2024-11-21", 150, False),  # half of the span between two days of the survey
        ("2010-07-29", 350, False),  # half of all that was before Gmail's first day and the last of them
    ],
)
def test_a_period_leaves_out_what_is_older(since: str, kept: int, *, exact: bool) -> None:
    shown = of(AGES, Choices(since=since))
    assert (shown.one_copy_messages, shown.exact) == (kept, exact)
    assert shown.skipped == ({"period": 400 - kept} if kept < 400 else {})
    assert shown.one_copy_bytes == kept * 100


def test_a_part_of_a_span_never_loses_or_makes_a_message() -> None:
    groups = [Group(frozenset({"INBOX"}), count, age=1, likely=count * 7) for count in range(1, 40)]
    for month in range(1, 13):
        shown = of(groups, Choices(since=f"2024-{month:02}-15"))
        parts = Counter(shown.skipped) + Counter({"kept": shown.one_copy_messages})
        assert parts.total() == sum(range(1, 40))


def test_chat_trash_and_spam_keep_their_own_reason() -> None:
    groups = [Group(frozenset({place}), 1, age=3) for place in ("CHAT", "SPAM", "TRASH", "INBOX")]
    assert of(groups, Choices(since="2025-11-22")).skipped == {"chat": 1, "spam": 1, "trash": 1, "period": 1}
    ticked = of(groups, Choices(since="2025-11-22", spam=True, trash=True))
    assert ticked.skipped == {"chat": 1, "period": 3}
