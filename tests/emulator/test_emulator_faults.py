import http.client
import time
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from small_mailbox import ADDRESS, message_id
from stand_in import Google

WORK = message_id("work")


@pytest.fixture
def token(google: Google) -> str:
    return google.token()


def reason(body: Any) -> str:
    return str(body["error"]["errors"][0]["reason"])


@pytest.mark.parametrize(
    ("kind", "more", "status", "word", "text"),
    [
        ("rateLimitExceeded", {}, 403, "rateLimitExceeded", "Rate Limit Exceeded"),
        ("rateLimitExceeded", {"status": 429}, 429, "rateLimitExceeded", "Rate Limit Exceeded"),
        ("userRateLimitExceeded", {}, 403, "userRateLimitExceeded", "User Rate Limit Exceeded"),
        ("userRateLimitExceeded", {"status": 429}, 429, "userRateLimitExceeded", "User Rate Limit Exceeded"),
        ("tooManyConcurrent", {}, 429, "rateLimitExceeded", "Too many concurrent requests for user"),
        ("quotaMetric", {}, 429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries'"),
        ("quotaMetric", {"status": 403}, 403, "rateLimitExceeded", "Queries per minute per user"),
        ("retryAfter", {"seconds": 90}, 429, "userRateLimitExceeded", "User-rate limit exceeded.  Retry after 2"),
        ("dailyLimitExceeded", {}, 403, "dailyLimitExceeded", ""),
        ("quotaExceeded", {}, 403, "quotaExceeded", ""),
        ("domainPolicy", {}, 403, "domainPolicy", ""),
        ("insufficientPermissions", {}, 403, "insufficientPermissions", ""),
        ("accessNotConfigured", {}, 403, "accessNotConfigured", ""),
        ("authError", {}, 401, "authError", "Invalid Credentials"),
        ("notFound", {}, 404, "notFound", ""),
        ("failedPrecondition", {}, 400, "failedPrecondition", "Precondition check failed."),
        ("backendError", {}, 503, "backendError", ""),
        ("backendError", {"status": 500, "text": "Unknown"}, 500, "backendError", "Unknown"),
    ],
)
def test_every_refusal_of_google_can_be_asked_for(
    google: Google, token: str, kind: str, more: dict[str, object], status: int, word: str, text: str
) -> None:
    google.fault(kind, **more)
    reply = google.gmail(f"messages/{WORK}", token)
    assert (reply.status, reply.json()["error"]["code"], reason(reply.json())) == (status, status, word)
    assert text in reply.json()["error"]["message"]
    assert google.gmail(f"messages/{WORK}", token).status == 200
    ledger = google.ledger()
    assert (ledger["reasons"], ledger["statuses"]) == ({word: 1}, {str(status): 1, "200": 1})


@pytest.mark.parametrize("form", ["html", "empty"])
def test_a_server_error_may_come_without_json(google: Google, token: str, form: str) -> None:
    google.fault("backendError", status=502, body=form)
    reply = google.gmail("profile", token)
    assert (reply.status, reply.headers["content-type"]) == (502, "text/html; charset=UTF-8")
    assert (b"<html" in reply.body) is (form == "html")


def test_a_fault_strikes_one_message_a_number_of_times(google: Google, token: str) -> None:
    google.fault("backendError", message=WORK, times=2)
    other = message_id("sent")
    assert [google.gmail(f"messages/{number}", token).status for number in (other, WORK, other, WORK, WORK)] == [
        *(200, 503, 200, 503, 200)
    ]


def test_a_fault_strikes_the_nth_call_of_a_method(google: Google, token: str) -> None:
    google.fault("notFound", method="messages.get", nth=3)
    google.gmail("profile", token)
    assert [google.gmail(f"messages/{WORK}", token).status for _ in range(4)] == [200, 200, 404, 200]


def test_a_fault_strikes_one_account_without_end_until_cleared(google: Google, token: str) -> None:
    google.control("accounts", {"address": "second@gmail.example"})
    second = google.token(account="second@gmail.example")
    google.fault("backendError", account="second@gmail.example", times=0)
    assert [google.gmail("profile", one).status for one in (token, second, second, second)] == [200, 503, 503, 503]
    [pending] = google.control("faults")["faults"]
    assert (pending["fault"]["kind"], pending["struck"]) == ("backendError", 3)
    google.control("faults", verb="DELETE")
    assert google.gmail("profile", second).status == 200


def test_a_hang_delays_the_answer(google: Google, token: str) -> None:
    google.fault("hang", method="messages.get", seconds=0.3)
    began = time.monotonic()
    assert google.gmail(f"messages/{WORK}", token).status == 200
    assert time.monotonic() - began >= 0.3


def test_a_truncated_answer_ends_before_its_length(google: Google, token: str) -> None:
    google.fault("truncated", message=WORK)
    with pytest.raises(http.client.IncompleteRead) as cut:
        google.gmail(f"messages/{WORK}", token, format="raw")
    assert cut.value.partial
    assert google.gmail(f"messages/{WORK}", token).status == 200


def test_a_wrong_id_answers_another_message(google: Google, token: str) -> None:
    google.fault("wrongId", message=WORK)
    answer = google.gmail(f"messages/{WORK}", token, format="raw").json()
    assert answer["id"] != WORK
    assert urlsafe_b64decode(answer["raw"]) == google.served(answer["id"])


def test_bad_base64_cannot_be_decoded_strictly(google: Google, token: str) -> None:
    google.fault("badBase64")
    text = google.gmail(f"messages/{WORK}", token, format="raw").json()["raw"]
    assert set(text) & set("*!")
    assert urlsafe_b64decode(text) == google.served(WORK)


def test_an_empty_page_goes_on_at_the_same_place(google: Google, token: str) -> None:
    first = google.gmail("messages", token, maxResults=5).json()
    google.fault("emptyPage", times=2)
    empty = google.gmail("messages", token, maxResults=5).json()
    assert "messages" not in empty
    again = google.gmail("messages", token, maxResults=5, pageToken=empty["nextPageToken"]).json()
    assert "messages" not in again
    full = google.gmail("messages", token, maxResults=5, pageToken=again["nextPageToken"]).json()
    assert full == first


def test_a_grant_can_die_in_the_middle_of_a_run(google: Google) -> None:
    grant = google.grant()
    google.fault("invalidGrant", method="messages.get", nth=2)
    statuses = [google.gmail(f"messages/{WORK}", grant["access_token"]).status for _ in range(3)]
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"], "client_id": "demo-client"}
    reply = google.request("POST", "/token", form | {"client_secret": "demo-secret"})
    assert (statuses, reply.status, reply.json()["error"]) == ([200, 401, 401], 400, "invalid_grant")


def test_the_oauth_endpoints_have_faults_too(google: Google) -> None:
    grant = google.grant()
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"], "client_id": "demo-client"}
    google.fault("backendError", method="oauth.token", body="empty")
    google.fault("invalidGrant", method="oauth.token", account=ADDRESS)
    google.fault("backendError", method="oauth.revoke")
    statuses = [google.request("POST", "/token", form | {"client_secret": "demo-secret"}).status for _ in range(2)]
    assert statuses == [503, 400]
    assert google.request("POST", "/revoke", {"token": "x"}).status == 503


@pytest.mark.parametrize("wish", [{"kind": "none"}, {"kind": "hang", "wrong": 1}, {"kind": "hang", "body": "xml"}, {}])
def test_an_unknown_fault_is_refused(google: Google, wish: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="400"):
        google.control("faults", wish)


def test_only_whole_and_right_answers_count_as_fetched(google: Google, token: str) -> None:
    for kind in ("wrongId", "badBase64", "backendError"):
        google.fault(kind, message=WORK)
        google.gmail(f"messages/{WORK}", token, format="raw")
    assert google.ledger()["messages_fetched"] == 0
    google.gmail(f"messages/{WORK}", token, format="raw")
    google.gmail(f"messages/{WORK}", token, format="raw")
    ledger = google.ledger(messages=True)
    assert ledger["accounts"][ADDRESS]["fetched"] == {WORK: 2}
    assert (ledger["messages_fetched"], ledger["fetched_again"]) == (1, [WORK])
