import time

import pytest
from engine import gmail_door, letter
from redis import Redis
from stand_in import Google

from migrator.errors import (
    BandwidthExhausted,
    GoogleUnavailable,
    MessageGone,
    MigrationError,
    QuotaExhausted,
)
from migrator.gmail import Gmail, TooManyAtOnce

MINUTE, HOUR = 60, 3600


def refused(gmail: Gmail, message_id: str, *, large: bool = False) -> MigrationError:
    with pytest.raises(MigrationError) as caught:
        gmail.message(message_id, large=large)
    return caught.value


@pytest.mark.parametrize("large", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("kind", "error", "detail", "seconds"),
    [
        ("rateLimitExceeded", QuotaExhausted, "rateLimitExceeded", MINUTE),
        ("userRateLimitExceeded", QuotaExhausted, "userRateLimitExceeded", MINUTE),
        ("quotaMetric", QuotaExhausted, "rateLimitExceeded", MINUTE),
        ("projectQuotaMetric", QuotaExhausted, "rateLimitExceeded", MINUTE),
        ("tooManyConcurrent", TooManyAtOnce, "rateLimitExceeded", 2),
        ("dailyLimitExceeded", BandwidthExhausted, "dailyLimitExceeded", HOUR),
        ("quotaExceeded", BandwidthExhausted, "quotaExceeded", HOUR),
        ("domainPolicy", GoogleUnavailable, "domainPolicy", None),
        ("insufficientPermissions", GoogleUnavailable, "insufficientPermissions", None),
        ("accessNotConfigured", GoogleUnavailable, "accessNotConfigured", None),
        ("delegationDenied", GoogleUnavailable, "forbidden", None),
        ("authError", GoogleUnavailable, "authError", None),
        ("notFound", MessageGone, "notFound", None),
        ("invalidArgument", GoogleUnavailable, "invalidArgument", None),
        ("failedPrecondition", GoogleUnavailable, "failedPrecondition", None),
        ("backendError", GoogleUnavailable, "backendError", None),
        ("notImplemented", GoogleUnavailable, "notImplemented", None),
    ],
)
def test_every_refusal_of_googles_is_told_apart(
    google: Google,
    gmail: Gmail,
    kind: str,
    error: type[MigrationError],
    detail: str,
    seconds: float | None,
    *,
    large: bool,
) -> None:
    message = google.add(letter(1))
    google.fault(kind, method="messages.get", times=0)
    found = refused(gmail, message["id"], large=large)
    assert type(found) is error
    assert found.detail == detail
    until = getattr(found, "until", None)
    assert until is None if seconds is None else until == pytest.approx(time.time() + seconds, abs=5)


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("kind", ["rateLimitExceeded", "quotaMetric", "tooManyConcurrent", "userRateLimitExceeded"])
def test_quota_is_quota_whichever_status_google_gives_it(google: Google, gmail: Gmail, kind: str, status: int) -> None:
    message = google.add(letter(1))
    google.fault(kind, method="messages.get", status=status)
    assert isinstance(refused(gmail, message["id"]), QuotaExhausted)


@pytest.mark.parametrize("large", [False, True], ids=["whole", "streamed"])
def test_retry_after_is_waited_for_until_the_moment_google_names(google: Google, gmail: Gmail, *, large: bool) -> None:
    message = google.add(letter(1))
    google.fault("retryAfter", method="messages.get", seconds=5000)
    found = refused(gmail, message["id"], large=large)
    assert type(found) is BandwidthExhausted
    assert found.until == pytest.approx(time.time() + 5000, abs=5)


def test_a_retry_after_that_is_over_already_is_not_tried_again_at_once(google: Google, gmail: Gmail) -> None:
    message = google.add(letter(1))
    google.fault("retryAfter", method="messages.get", seconds=-30)
    found = refused(gmail, message["id"])
    assert isinstance(found, BandwidthExhausted)
    assert found.until == pytest.approx(time.time() + MINUTE, abs=5)


@pytest.mark.parametrize("body", ["html", "empty"])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, QuotaExhausted),
        (500, GoogleUnavailable),
        (502, GoogleUnavailable),
        (503, GoogleUnavailable),
        (404, GoogleUnavailable),
        (403, GoogleUnavailable),
        (401, GoogleUnavailable),
    ],
)
def test_an_answer_without_googles_document_is_told_by_its_status(
    google: Google, gmail: Gmail, status: int, error: type[MigrationError], body: str
) -> None:
    message = google.add(letter(1))
    google.fault("backendError", method="messages.get", status=status, body=body, times=0)
    assert type(refused(gmail, message["id"])) is error


def test_a_deleted_message_is_gone_and_not_an_error_of_googles(google: Google, gmail: Gmail) -> None:
    message = google.add(letter(1))
    google.control(f"messages/{message['id']}", verb="DELETE")
    assert type(refused(gmail, message["id"])) is MessageGone


def test_no_error_quotes_the_address_the_url_or_googles_text(google: Google, gmail: Gmail) -> None:
    message = google.add(letter(1))
    for kind in ("quotaMetric", "backendError", "domainPolicy", "invalidArgument", "retryAfter"):
        google.fault(kind, method="messages.get", text="canary customer@gmail.example")
        found = refused(gmail, message["id"])
        said = f"{found} {found!r} {found.__cause__}"
        assert "canary" not in said
        assert google.url not in said
        assert message["id"] not in said
        assert found.__suppress_context__


@pytest.mark.parametrize("large", [False, True], ids=["whole", "streamed"])
def test_a_google_that_is_not_there_is_unavailable(redis: Redis, *, large: bool) -> None:
    with Google() as other, gmail_door(other, redis) as gmail:
        message = other.add(letter(1))
        assert gmail.message(message["id"]).raw == letter(1)
        other.stop()
        assert type(refused(gmail, message["id"], large=large)) is GoogleUnavailable
