from typing import Any

import pytest
from small_mailbox import ROWS, date_ms, message_id
from stand_in import Google

VISIBLE = {row.name for row in ROWS if not {"SPAM", "TRASH"} & set(row.labels)}
NAMES = {message_id(row.name): row.name for row in ROWS}


def pages(google: Google, token: str, **query: object) -> list[dict[str, Any]]:
    """Return all pages of a listing."""
    found = [google.gmail("messages", token, **query).json()]
    while "nextPageToken" in found[-1]:
        found.append(google.gmail("messages", token, **query, pageToken=found[-1]["nextPageToken"]).json())
    return found


def listed(google: Google, **query: object) -> list[str]:
    answers = pages(google, google.token(), **query)
    return [NAMES.get(message["id"], message["id"]) for page in answers for message in page.get("messages", ())]


def test_spam_and_trash_are_listed_only_when_asked_for(google: Google) -> None:
    assert set(listed(google)) == VISIBLE
    assert set(listed(google, includeSpamTrash="true")) == {row.name for row in ROWS}
    assert listed(google, labelIds="TRASH") == []
    assert listed(google, labelIds="TRASH", includeSpamTrash="true") == ["trash"]


def test_labels_repeated_must_all_be_there(google: Google) -> None:
    assert listed(google, labelIds="Label_1") == ["work", "starred"]
    assert listed(google, labelIds=["Label_1", "INBOX"]) == ["starred"]
    assert listed(google, labelIds=["Label_1", "none"]) == []


@pytest.mark.parametrize("size", [1, 2, 7, 500, 9999])
def test_pages_give_every_message_once_newest_first(google: Google, size: int) -> None:
    found = listed(google, maxResults=size)
    assert found == [row.name for row in reversed(ROWS) if row.name in VISIBLE]


def test_a_page_holds_a_hundred_by_default_and_five_hundred_at_most(google: Google) -> None:
    google.control("accounts", {"address": "many@gmail.example", "synthetic": 1200})
    token = google.token(account="many@gmail.example")
    assert [len(page["messages"]) for page in pages(google, token)] == [100] * 12
    assert [len(page["messages"]) for page in pages(google, token, maxResults=1000)] == [500, 500, 200]


def test_deletes_and_arrivals_between_two_pages_neither_hide_nor_repeat_a_message(google: Google) -> None:
    token = google.token()
    first = google.gmail("messages", token, maxResults=4).json()
    for message in first["messages"]:
        google.control(f"messages/{message['id']}", verb="DELETE")
    google.add(b"Subject: late\r\n\r\n")
    rest = pages(google, token, pageToken=first["nextPageToken"])
    found = [message["id"] for page in [first, *rest] for message in page.get("messages", ())]
    assert sorted(found) == sorted(message_id(name) for name in VISIBLE)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("in:inbox -is:starred is:unread", {"inbox"}),
        ("in:spam", {"spam"}),
        ("in:chats", {"chat"}),
        ("-in:chats -in:inbox", VISIBLE - {"chat"} - {row.name for row in ROWS if "INBOX" in row.labels}),
        ("in:archive", {"work", "sub", "archived", "ghost"}),
        ("in:anywhere label:work", {"work", "starred", "trash"}),
        ("label:Label_1", {"work", "starred"}),
        ("label:work-sub-projects", {"sub"}),
        ('label:"Work/Sub Projects"', {"sub"}),
        ("label:unknown", set()),
        ("is:important", {"starred"}),
        ("is:read in:inbox label:work", {"starred"}),
        ("has:userlabels", {"work", "starred", "sub"}),
        ("has:nouserlabels in:sent", {"sent"}),
        ("larger:10K", {"big"}),
        ("larger:1M", set()),
        ("smaller:1", {"empty"}),
        ("rfc822msgid:<work@example.com>", {"work"}),
        ("rfc822msgid:multi@example.com", {"multipart"}),
        (f"after:{date_ms('lf') // 1000}", {"lf", "odd", "header8bit", "empty"}),
        (f"before:{date_ms('work') // 1000}", {"inbox", "starred"}),
        ("after:2023/11/14 before:2023/11/15", VISIBLE),
        ("before:2023/11/14", set()),
        ("newer_than:1d", set()),
        ("older_than:1y -in:inbox -has:userlabels", {"sent", "draft", "chat", "archived", "ghost"}),
        ("", VISIBLE),
    ],
)
def test_a_search_finds(google: Google, query: str, names: set[str]) -> None:
    assert set(listed(google, q=query, maxResults=3)) == names


@pytest.mark.parametrize(
    "query",
    [
        "hello",
        "from:me",
        "in:inbox OR in:sent",
        "{in:inbox in:sent}",
        "in:nowhere",
        "is:new",
        "has:attachment",
        "larger:1G",
        "after:soon",
        "after:2023/13/40",
        "newer_than:3w",
        "-",
    ],
)
def test_a_search_outside_the_subset_is_refused(google: Google, query: str) -> None:
    reply = google.gmail("messages", google.token(), q=query)
    assert (reply.status, reply.json()["error"]["errors"][0]["reason"]) == (400, "invalidArgument")


def test_ids_have_no_leading_zeros_and_one_with_a_zero_is_another_id(google: Google) -> None:
    old = google.add(b"Subject: 2004\r\n\r\n", id="0ff00000000abcde", internalDate="1095811358720")
    assert (old["id"], old["threadId"]) == ("ff00000000abcde", "ff00000000abcde")
    token = google.token()
    assert old["id"] in listed(google)
    assert google.gmail(f"messages/{old['id']}", token).json()["id"] == old["id"]
    padded = google.gmail(f"messages/0{old['id']}", token)
    assert padded.status == 404
