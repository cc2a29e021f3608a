from collections import Counter
from datetime import date

import pytest
from engine import calls, gmail_door, letter
from redis import Redis
from stand_in import Google

from migrator.errors import GoogleDown
from migrator.gmail import Gmail
from migrator.period import midnight
from migrator.retry import Patience, Stopped
from migrator.survey import Survey, survey

TODAY = date(2026, 11, 22)


def seen(gmail: Gmail, patience: Patience | None = None) -> Survey:
    return survey(gmail, gmail.labels(), patience or Patience(scale=0), TODAY)


def at(day: str) -> str:
    return str(midnight(day) * 1000)


def test_messages_are_grouped_by_the_labels_that_decide_where_they_go(google: Google, gmail: Gmail) -> None:
    google.control("labels", {"id": "Label_1", "name": "Work"})
    for labels in (["INBOX", "UNREAD"], ["INBOX", "STARRED", "IMPORTANT"], ["INBOX", "Label_1"], [], ["SPAM"]):
        google.add(letter(len(labels)), labelIds=labels)
    found = seen(gmail)
    assert Counter({group.label_ids: group.messages for group in found.groups}) == {
        frozenset({"INBOX"}): 2,
        frozenset({"INBOX", "Label_1"}): 1,
        frozenset(): 1,
        frozenset({"SPAM"}): 1,
    }
    assert found.by_label == {"INBOX": 3, "Label_1": 1, "SPAM": 1, "ARCHIVE": 1}
    assert found.messages == 5
    assert "messages.get" not in calls(google)


def test_messages_are_grouped_by_the_years_they_arrived_in(google: Google, gmail: Gmail) -> None:
    for day in ("2026-11-21", "2025-11-22", "2025-11-21", "2020-01-01", "1999-01-01"):
        google.add(letter(1), labelIds=["INBOX"], internalDate=at(day))
    found = seen(gmail)
    assert found.days == (
        "2025-11-22",
        "2024-11-22",
        "2023-11-22",
        "2022-11-22",
        "2021-11-22",
        "2019-11-22",
        *found.days[6:],
    )
    assert {group.age: group.messages for group in found.groups} == {0: 2, 1: 1, 5: 1, len(found.days): 1}


def test_the_range_of_all_sizes_holds_their_sum(google: Google, gmail: Gmail) -> None:
    sizes = [300, 9_000, 20_000, 400_000, 2_500_000]
    for number, size in enumerate(sizes):
        google.add(letter(number, b"x" * size), labelIds=["INBOX"])
    found = seen(gmail)
    assert found.at_least <= sum(sizes) <= found.at_most
    assert found.at_least <= found.likely <= found.at_most
    assert found.likely / 4 < sum(sizes) < found.likely * 4


def test_an_empty_account_is_an_empty_survey(gmail: Gmail) -> None:
    found = seen(gmail)
    assert (found.groups, found.by_label, found.messages, found.at_most) == ((), {}, 0, 0)


def test_a_failure_that_passes_changes_nothing(google: Google, gmail: Gmail) -> None:
    google.control("accounts", {"address": "customer@gmail.example", "synthetic": 1203})
    whole = seen(gmail)
    for nth, kind in enumerate(("backendError", "truncated", "failedPrecondition", "rateLimitExceeded"), 2):
        google.fault(kind, method="messages.list", nth=nth)
    assert seen(gmail) == whole
    assert whole.messages == 1203


def test_an_outage_ends_the_survey(google: Google, gmail: Gmail) -> None:
    google.add(letter(1))
    google.fault("backendError", method="messages.list", times=0)
    labels = gmail.labels()
    with pytest.raises(GoogleDown):
        survey(gmail, labels, Patience(scale=0), TODAY)


def test_a_survey_that_is_not_wanted_any_more_stops(google: Google, redis: Redis) -> None:
    google.control("accounts", {"address": "customer@gmail.example", "synthetic": 1203})
    patience = Patience(asked=lambda: calls(google).get("messages.list", 0) >= 2)
    with gmail_door(google, redis, patience=patience) as gmail, pytest.raises(Stopped):
        seen(gmail, patience)
    assert calls(google)["messages.list"] < 10


def test_what_arrives_meanwhile_is_left_to_the_import(google: Google, redis: Redis) -> None:
    """It would be in one listing and not in the others."""
    google.control("accounts", {"address": "customer@gmail.example", "synthetic": 1703})
    late: list[str] = []

    def arrives() -> bool:
        if not late and calls(google).get("messages.list", 0) >= 4:  # everything was listed, the labels are next
            late.append(google.add(letter(1, b"x" * 20_000), labelIds=["INBOX"])["id"])
        return False

    with gmail_door(google, redis) as gmail:
        found = survey(gmail, gmail.labels(), Patience(asked=arrives), TODAY, lanes=1)
    assert late
    assert found.messages == 1703
