import json
import time

import pytest
from google.auth.exceptions import RefreshError

from migrator.errors import (
    BandwidthExhausted,
    GoogleRefused,
    GoogleUnavailable,
    MigrationError,
    QuotaExhausted,
    ReconnectNeeded,
)
from migrator.gmail.answers import TooManyAtOnce, from_answer, from_refused_refresh


def document(**error: object) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, document(message="User-rate limit exceeded.  Retry after 2099-01-02T03:04:05Z"), BandwidthExhausted),
        (403, document(message="Too many concurrent requests for user"), TooManyAtOnce),
        (403, document(message="Quota exceeded for quota metric 'Queries' and limit 'x'"), QuotaExhausted),
        (403, document(status="RESOURCE_EXHAUSTED", message="Quota exceeded for quota metric 'Q'"), QuotaExhausted),
        (403, document(errors=[{"reason": "userRateLimitExceeded"}], message=None), QuotaExhausted),
        (429, document(errors=[], status="RESOURCE_EXHAUSTED", message="Too Many Requests"), QuotaExhausted),
        (400, document(status="FAILED_PRECONDITION", message="Precondition check failed."), GoogleUnavailable),
        (403, document(status="PERMISSION_DENIED", message="The caller does not have permission"), GoogleRefused),
    ],
)
def test_a_refusal_is_understood_without_its_list_of_reasons(
    status: int, body: bytes, error: type[MigrationError]
) -> None:
    assert type(from_answer(status, body)) is error


def test_the_moment_in_a_retry_after_is_read_as_utc() -> None:
    found = from_answer(429, document(message="User-rate limit exceeded.  Retry after 2099-01-02T03:04:05.678Z"))
    assert isinstance(found, BandwidthExhausted)
    assert found.until == pytest.approx(4071006245.678, abs=0.001)


@pytest.mark.parametrize("moment", ["2026-02-30T00:00:00Z", "9999-99-99T99:99:99Z", "tomorrow", ""])
def test_a_moment_that_does_not_exist_is_an_ordinary_quota(moment: str) -> None:
    found = from_answer(429, document(message=f"User-rate limit exceeded.  Retry after {moment}"))
    assert type(found) is QuotaExhausted
    assert found.until == pytest.approx(time.time() + 60, abs=5)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"{}", b'{"error": null}', b'{"error": "invalid_grant"}', b'{"error": []}', b"\xff"),
        *(b'{"error": {"errors": {}}}', b'{"error": {"errors": ["x"]}}', b'{"error": {"errors": 1}}', b"[" * 100_000),
        *(b'{"error": {"errors": [{"reason": 5}]}}', b'{"error": {"errors": [{"reason": {"a": 1}}]}}'),
    ],
    ids=range(14),
)
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_no_body_whatever_it_holds_is_more_than_one_of_our_errors(status: int, body: bytes) -> None:
    assert isinstance(from_answer(status, body), MigrationError)


def test_what_is_not_one_of_googles_words_is_not_repeated() -> None:
    found = from_answer(403, document(errors=[{"reason": "ann@example.com wrote: hello"}]))
    assert found.detail == "403"


@pytest.mark.parametrize(
    ("answer", "retryable", "error"),
    [
        (
            ({"error": "invalid_grant", "error_description": "Token has been expired or revoked."},),
            False,
            ReconnectNeeded,
        ),
        (({"error": "invalid_client"},), False, GoogleRefused),
        (({"error": "unauthorized_client"},), False, GoogleRefused),
        (({"error": "server_error"},), True, GoogleUnavailable),
        (({"error": {"code": 403}},), False, GoogleUnavailable),
        ((), False, GoogleUnavailable),
        (("<html>",), False, GoogleUnavailable),
    ],
)
def test_only_invalid_grant_asks_the_customer_to_connect_again(
    answer: tuple[object, ...], error: type[MigrationError], *, retryable: bool
) -> None:
    assert type(from_refused_refresh(RefreshError("text", *answer, retryable=retryable))) is error
