from typing import Any

import pytest
from small_mailbox import message_id
from stand_in import Google


def history(google: Google, start: str, **query: object) -> list[dict[str, Any]]:
    """Return all records after `start`, over all pages."""
    token = google.token()
    answer = google.gmail("history", token, startHistoryId=start, **query).json()
    records = list(answer.get("history", ()))
    while "nextPageToken" in answer:
        more = {**query, "pageToken": answer["nextPageToken"]}
        answer = google.gmail("history", token, startHistoryId=start, **more).json()
        records += answer.get("history", ())
    return records


@pytest.fixture
def start(google: Google) -> str:
    return str(google.gmail("profile", google.token()).json()["historyId"])


def test_without_changes_there_is_no_history_key(google: Google, start: str) -> None:
    answer = google.gmail("history", google.token(), startHistoryId=start).json()
    assert answer == {"historyId": start}


def test_an_arrival_is_recorded_with_its_labels(google: Google, start: str) -> None:
    made = google.add(b"\r\n", labelIds=["INBOX", "Label_1"])
    [record] = history(google, start)
    want = {"id": made["id"], "threadId": made["threadId"]}
    assert record == {
        "id": made["historyId"],
        "messages": [want],
        "messagesAdded": [{"message": want | {"labelIds": ["INBOX", "Label_1"]}}],
    }


def test_trashing_appears_as_a_label(google: Google, start: str) -> None:
    google.control(f"messages/{message_id('work')}/labels", {"add": ["TRASH"]})
    [record] = history(google, start)
    [added] = record["labelsAdded"]
    assert (added["labelIds"], added["message"]["labelIds"]) == (["TRASH"], ["Label_1", "TRASH"])


def test_a_message_changed_carries_the_new_labels_and_history_id(google: Google, start: str) -> None:
    number = message_id("inbox")
    assert google.gmail("labels/INBOX", google.token()).json()["messagesUnread"] == 1
    google.control(f"messages/{number}/labels", {"add": ["Label_2"], "remove": ["UNREAD", "INBOX"]})
    answer = google.gmail(f"messages/{number}", google.token(), format="minimal").json()
    assert answer["labelIds"] == ["CATEGORY_UPDATES", "Label_2"]
    assert int(answer["historyId"]) > int(start)
    listed = google.gmail("messages", google.token(), labelIds="Label_2").json()["messages"]
    assert number in {message["id"] for message in listed}
    total = google.gmail("labels/INBOX", google.token()).json()
    assert total["messagesUnread"] == 0


def test_types_and_label_choose_records(google: Google, start: str) -> None:
    google.add(b"\r\n", labelIds=["INBOX"])
    google.control(f"messages/{message_id('work')}/labels", {"add": ["STARRED"]})
    google.control(f"messages/{message_id('sent')}", verb="DELETE")
    assert len(history(google, start)) == 3
    assert [set(record) for record in history(google, start, historyTypes=["messageDeleted"])] == [
        {"id", "messages", "messagesDeleted"}
    ]
    assert len(history(google, start, historyTypes=["messageAdded", "labelAdded"])) == 2
    assert len(history(google, start, labelId="INBOX")) == 1


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_give_every_record_once_in_order(google: Google, start: str, size: int) -> None:
    made = [google.add(b"\r\n")["historyId"] for _ in range(7)]
    assert [record["id"] for record in history(google, start, maxResults=size)] == made


def test_a_later_start_leaves_out_what_is_known(google: Google, start: str) -> None:
    first, second = google.add(b"\r\n"), google.add(b"\r\n")
    assert int(start) < int(first["historyId"])
    assert [record["id"] for record in history(google, first["historyId"])] == [second["historyId"]]


def test_a_history_id_that_is_too_old_is_not_found(google: Google, start: str) -> None:
    google.control("history/expire", {})
    reply = google.gmail("history", google.token(), startHistoryId=start)
    assert (reply.status, reply.json()["error"]["errors"][0]["reason"]) == (404, "notFound")
    fresh = google.gmail("profile", google.token()).json()["historyId"]
    assert google.gmail("history", google.token(), startHistoryId=fresh).status == 200
