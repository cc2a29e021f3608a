import gzip
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import gmail_schema
import jsonschema
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from small_mailbox import ADDRESS, MULTIPART, ROWS, message_id
from stand_in import Google

WRITES = sorted(name for name, method in gmail_schema.methods().items() if method["httpMethod"] != "GET")


@pytest.fixture
def users(google: Google) -> Iterator[Any]:
    """The real client library, pointed at the stand-in."""
    token = Credentials(token=google.token())  # type: ignore[no-untyped-call]
    with build(
        "gmail", "v1", static_discovery=True, client_options={"api_endpoint": google.url}, credentials=token
    ) as service:
        yield service.users()


def test_the_schema_check_refuses_an_undocumented_field_and_a_wrong_type() -> None:
    gmail_schema.check("Profile", {"emailAddress": "a", "historyId": "12"})
    for wrong in ({"size": 1}, {"historyId": 12}, {"historyId": "x"}, {"messagesTotal": 2**31}):
        with pytest.raises(jsonschema.ValidationError):
            gmail_schema.check("Profile", wrong)


def test_get_profile_is_as_documented(users: Any) -> None:
    answer = users.getProfile(userId="me").execute()
    gmail_schema.check("Profile", answer)
    assert answer["emailAddress"] == ADDRESS
    assert answer["messagesTotal"] == len(ROWS)
    assert answer["threadsTotal"] == len(ROWS) - 1


def test_the_address_may_stand_for_me(users: Any) -> None:
    assert users.getProfile(userId=ADDRESS).execute()["emailAddress"] == ADDRESS
    with pytest.raises(HttpError, match="Delegation denied"):
        users.getProfile(userId="other@gmail.example").execute()


def test_labels_list_is_as_documented(users: Any) -> None:
    answer = users.labels().list(userId="me").execute()
    gmail_schema.check("ListLabelsResponse", answer)
    labels = {label["id"]: label for label in answer["labels"]}
    assert labels["Label_2"] == {
        "id": "Label_2",
        "name": "Work/Sub Projects",
        "type": "user",
        "messageListVisibility": "hide",
    }
    assert labels["CATEGORY_FORUMS"]["type"] == "system"
    assert "Label_999" not in labels


def test_labels_get_counts_messages_and_threads(users: Any) -> None:
    answer = users.labels().get(userId="me", id="INBOX").execute()
    gmail_schema.check("Label", answer)
    assert answer["messagesTotal"] == sum("INBOX" in row.labels for row in ROWS)
    assert (answer["messagesUnread"], answer["threadsUnread"]) == (1, 1)
    with pytest.raises(HttpError) as missing:
        users.labels().get(userId="me", id="Label_999").execute()
    assert missing.value.resp.status == 404


def test_messages_list_is_as_documented(users: Any) -> None:
    answer = users.messages().list(userId="me", maxResults=3).execute()
    gmail_schema.check("ListMessagesResponse", answer)
    assert [message["id"] for message in answer["messages"]] == [message_id(row.name) for row in ROWS[:-4:-1]]
    assert answer["nextPageToken"]


def test_an_empty_list_has_no_messages_key(users: Any) -> None:
    answer = users.messages().list(userId="me", labelIds=["Label_3"]).execute()
    gmail_schema.check("ListMessagesResponse", answer)
    assert answer == {"resultSizeEstimate": 0}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("form", ["raw", "minimal", "metadata", "full"])
def test_messages_get_is_as_documented_in_every_format(users: Any, form: str, row: Any) -> None:
    answer = users.messages().get(userId="me", id=message_id(row.name), format=form).execute()
    gmail_schema.check("Message", answer)
    assert answer["id"] == message_id(row.name)
    assert tuple(answer.get("labelIds", ())) == row.labels
    assert ("raw" in answer, "payload" in answer) == (form == "raw", form in {"metadata", "full"})


def test_full_holds_the_parts_and_metadata_only_the_headers_asked_for(users: Any) -> None:
    number = message_id("multipart")
    full = users.messages().get(userId="me", id=number).execute()
    text, image = full["payload"]["parts"]
    assert full["snippet"] == "Grüße aus Berlin"
    assert (image["filename"], image["partId"], image["body"]["size"]) == ("p.png", "1", 8)
    want = message_from_bytes(MULTIPART).get_payload()[0].get_payload(decode=True)  # type: ignore[union-attr, index]
    assert urlsafe_b64decode(text["body"]["data"]) == want
    some = users.messages().get(userId="me", id=number, format="metadata", metadataHeaders=["subject", "To"]).execute()
    assert [header["name"] for header in some["payload"]["headers"]] == ["To", "Subject"]


def test_history_list_is_as_documented_for_all_four_events(users: Any, google: Google) -> None:
    start = users.getProfile(userId="me").execute()["historyId"]
    made = google.add(b"Subject: new\r\n\r\n")["id"]
    google.control(f"messages/{made}/labels", {"add": ["STARRED"], "remove": ["UNREAD"]})
    google.control(f"messages/{made}", verb="DELETE")
    answer = users.history().list(userId="me", startHistoryId=start).execute()
    gmail_schema.check("ListHistoryResponse", answer)
    arrays = [set(record) - {"id", "messages"} for record in answer["history"]]
    assert arrays == [{"messagesAdded"}, {"labelsRemoved"}, {"labelsAdded"}, {"messagesDeleted"}]


def test_filters_list_is_as_documented(users: Any, google: Google) -> None:
    made = google.control("filters", {"criteria": {"subject": "x", "size": 5}, "action": {"removeLabelIds": ["INBOX"]}})
    answer = users.settings().filters().list(userId="me").execute()
    gmail_schema.check("ListFiltersResponse", answer)
    assert [one["id"] for one in answer["filter"]] == ["F1", made["id"]]


def test_every_read_only_method_of_the_stand_in_is_in_the_discovery_document(users: Any, google: Google) -> None:
    users.getProfile(userId="me").execute()
    called = set(google.ledger()["calls"])
    assert {f"gmail.users.{name}" for name in called} <= set(gmail_schema.methods())


def test_fields_choose_what_is_answered(users: Any) -> None:
    number = message_id("work")
    chosen = users.messages().get(userId="me", id=number, format="raw", fields="id,labelIds,raw").execute()
    assert list(chosen) == ["id", "labelIds", "raw"]
    assert set(users.messages().get(userId="me", id=number, format="raw", fields="raw").execute()) == {"raw"}
    page = users.messages().list(userId="me", maxResults=2, fields="messages/id,nextPageToken").execute()
    assert [set(page), *map(set, page["messages"])] == [{"messages", "nextPageToken"}, {"id"}, {"id"}]
    labels = users.labels().list(userId="me", fields="labels(id,name)").execute()
    assert {frozenset(label) for label in labels["labels"]} == {frozenset({"id", "name"})}
    with pytest.raises(HttpError, match="Invalid field selection"):
        users.messages().list(userId="me", fields="messages(id").execute()
    with pytest.raises(HttpError, match="Invalid field selection"):
        users.messages().list(userId="me", fields="message").execute()


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("messages/xyz", {}, 400),
        ("messages/00000000000000aa", {}, 404),
        ("messages", {"maxResults": "many"}, 400),
        ("messages", {"pageToken": "!"}, 400),
        ("messages", {"includeSpamTrash": "maybe"}, 400),
        ("history", {}, 400),
        ("history", {"startHistoryId": "5", "historyTypes": "other"}, 400),
        ("drafts", {}, 501),
    ],
)
def test_wrong_requests_are_refused_in_googles_shape(google: Google, path: str, query: Any, status: int) -> None:
    reply = google.gmail(path, google.token(), **query)
    error = reply.json()["error"]
    assert (reply.status, error["code"]) == (status, status)
    assert error["errors"][0]["reason"] in {"invalidArgument", "notFound", "notImplemented"}


def test_no_token_or_a_dead_one_is_an_auth_error(google: Google) -> None:
    for token in ("", "ya29.unknown"):
        reply = google.gmail("profile", token)
        assert reply.status == 401
        assert reply.json()["error"]["errors"][0]["reason"] == "authError"


def test_a_token_without_the_scope_is_refused_and_one_with_metadata_too_gets_no_raw(google: Google) -> None:
    scope = "https://www.googleapis.com/auth/gmail."
    other = google.token(scopes=["openid"])
    both = google.token(scopes=[scope + "readonly", scope + "metadata"])
    number = message_id("work")
    refused = google.gmail("profile", other)
    assert (refused.status, refused.json()["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")
    assert google.gmail(f"messages/{number}", both, format="raw").status == 403
    assert google.gmail("messages", both, q="is:unread").status == 403
    assert google.gmail(f"messages/{number}", both, format="metadata").status == 200


@pytest.mark.parametrize("name", WRITES)
def test_every_call_that_changes_something_is_refused_and_recorded(google: Google, name: str) -> None:
    method = gmail_schema.methods()[name]
    path = "/" + "/".join("x" if part.startswith("{") else part for part in method["path"].split("/"))
    reply = google.request(method["httpMethod"], path, b"{}", token=google.token())
    assert (reply.status, google.ledger()["violations"]) == (403, [f"{method['httpMethod']} {path}"])


@pytest.mark.parametrize("path", ["/batch/gmail/v1", "/upload/gmail/v1/users/me/messages", "/batch"])
def test_batches_and_uploads_are_refused_and_recorded(google: Google, path: str) -> None:
    assert google.request("POST", path, b"--x", token=google.token()).status == 403
    assert google.ledger()["violations"] == [f"POST {path}"]


def test_reading_leaves_no_violation(users: Any, google: Google) -> None:
    users.messages().list(userId="me").execute()
    assert google.ledger()["violations"] == []


def test_gzip_needs_the_word_in_both_headers(google: Google) -> None:
    token, path = google.token(), "/gmail/v1/users/me/profile"
    accept = {"Accept-Encoding": "gzip"}
    plain = google.request("GET", path, token=token, headers=accept)
    packed = google.request("GET", path, token=token, headers=accept | {"User-Agent": "demo (gzip)"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == plain.json()
