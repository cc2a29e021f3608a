from concurrent.futures import ThreadPoolExecutor

import pytest
from engine import ADDRESS, calls, gmail_door, invent, letter
from redis import Redis
from stand_in import Google

from migrator.gmail import Changes, Gmail, HistoryTooOld, Listing
from migrator.labels import Label


def test_the_account_says_who_it_is_and_how_much_it_holds(google: Google, gmail: Gmail) -> None:
    invent(google, 3)
    account = gmail.account()
    assert (account.address, account.messages) == (ADDRESS, 3)
    assert account.history_id.isdecimal()


def test_labels_come_with_their_kind_and_whether_they_are_hidden(google: Google, gmail: Gmail) -> None:
    google.control("labels", {"id": "Label_7", "name": "Tax/2023", "labelListVisibility": "labelHide"})
    google.control("labels", {"id": "Label_8", "name": "Café", "labelListVisibility": "labelShow"})
    found = {label.id: label for label in gmail.labels()}
    assert found["Label_7"] == Label("Label_7", "Tax/2023", "user", hidden=True)
    assert found["Label_8"] == Label("Label_8", "Café", "user")
    assert found["INBOX"].type == "system"


def test_every_id_is_listed_once_however_many_pages_there_are(google: Google, gmail: Gmail) -> None:
    invent(google, 1203)
    ids = list(gmail.ids(Listing()))
    assert len(ids) == len(set(ids)) == 1203
    assert calls(google)["messages.list"] == 3


def test_an_empty_page_in_the_middle_is_not_the_end(google: Google, gmail: Gmail) -> None:
    invent(google, 1203)
    google.fault("emptyPage", nth=2)
    assert len(set(gmail.ids(Listing()))) == 1203


def test_an_empty_account_lists_nothing(gmail: Gmail) -> None:
    assert list(gmail.ids(Listing())) == []


def test_spam_and_trash_are_listed_where_they_are_asked_for(google: Google, gmail: Gmail) -> None:
    spam = google.add(letter(1), labelIds=["SPAM"])["id"]
    inbox = google.add(letter(2))["id"]
    assert set(gmail.ids(Listing())) == {spam, inbox}
    assert set(gmail.ids(Listing(spam_and_trash=False))) == {inbox}
    assert set(gmail.ids(Listing(label_ids=("SPAM",)))) == {spam}


def test_large_messages_are_found_by_a_search(google: Google, gmail: Gmail) -> None:
    large = google.add(letter(1, b"x" * 2_500_000))["id"]
    google.add(letter(2))
    assert list(gmail.ids(Listing(query="larger:2M"))) == [large]


def test_history_tells_what_was_added_over_all_its_pages(google: Google, gmail: Gmail) -> None:
    since = gmail.account().history_id
    added = {google.add(letter(n))["id"] for n in range(130)}
    found = gmail.changes_since(since)
    assert found.complete
    assert found.added == added
    assert gmail.changes_since(found.history_id) == Changes(frozenset(), frozenset(), {}, found.history_id)


def test_a_history_id_google_has_forgotten_is_too_old(google: Google, gmail: Gmail) -> None:
    since = gmail.account().history_id
    google.control("history/expire", {})
    with pytest.raises(HistoryTooOld):
        gmail.changes_since(since)


def test_threads_at_once_never_get_each_others_messages(google: Google, redis: Redis) -> None:
    invent(google, 120)
    with gmail_door(google, redis) as gmail, ThreadPoolExecutor(8) as pool:
        ids = list(gmail.ids(Listing()))
        for message_id, message in zip(ids, pool.map(gmail.message, ids), strict=True):
            assert message.raw == google.served(message_id)


def test_the_door_only_reads(google: Google, gmail: Gmail) -> None:
    message = google.add(letter(1))
    gmail.account()
    gmail.labels()
    list(gmail.ids(Listing(label_ids=("INBOX",), query="larger:2M")))
    gmail.changes_since(gmail.account().history_id)
    gmail.message(message["id"])
    gmail.message(message["id"], large=True)
    assert google.ledger()["violations"] == []
    assert set(calls(google)) <= {
        *("getProfile", "labels.list", "messages.list", "messages.get", "history.list", "oauth.token")
    }
