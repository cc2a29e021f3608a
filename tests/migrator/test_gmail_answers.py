import json
import time
from datetime import UTC, datetime

import pytest
from google.auth.exceptions import RefreshError

from migrator.errors import (
    BandwidthExhausted,
    ClientRefused,
    GoogleRefused,
    GoogleUnavailable,
    MigrationError,
    NoGmail,
    QuotaExhausted,
    ReconnectNeeded,
)
from migrator.gmail.answers import TooManyAtOnce, from_answer, from_refused_refresh
from oauth.token_errors import refusal


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
        (403, document(status="PERMISSION_DENIED", message="The caller does not have permission"), GoogleUnavailable),
    ],
)
def test_a_refusal_is_understood_without_its_list_of_reasons(
    status: int, body: bytes, error: type[MigrationError]
) -> None:
    assert type(from_answer(status, body)) is error


def test_the_moment_in_a_retry_after_is_read_as_utc() -> None:
    at = datetime.fromtimestamp(int(time.time()) + 7200, UTC).replace(microsecond=678_000)
    named = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = from_answer(429, document(message=f"User-rate limit exceeded.  Retry after {named}"))
    assert isinstance(found, BandwidthExhausted)
    assert found.until == pytest.approx(at.timestamp(), abs=0.001)


def test_a_moment_far_in_the_future_is_not_waited_for() -> None:
    found = from_answer(429, document(message="User-rate limit exceeded.  Retry after 2099-01-02T03:04:05Z"))
    assert isinstance(found, BandwidthExhausted)
    assert found.until == pytest.approx(time.time() + 25 * 3600, abs=60)


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
    ("status", "reason", "message", "lasting"),
    [
        (403, "domainPolicy", "The domain administrators have disabled Gmail apps.", GoogleRefused),
        (403, "accountDisabled", "", GoogleRefused),
        (403, "accessNotConfigured", "", ClientRefused),
        (403, "SERVICE_DISABLED", "", ClientRefused),
        (403, "insufficientPermissions", "", ReconnectNeeded),
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", ReconnectNeeded),
        (400, "failedPrecondition", "Mail service not enabled", NoGmail),
    ],
)
def test_what_google_says_about_the_account_in_so_many_words_is_certain(
    status: int, reason: str, message: str, lasting: type[MigrationError]
) -> None:
    for place in ({"errors": [{"reason": reason}]}, {"details": [{"reason": reason}]}, {"status": reason}):
        found = from_answer(status, document(message=message, **place))
        assert isinstance(found, GoogleUnavailable)
        assert type(found.lasting) is lasting
        assert found.sure


@pytest.mark.parametrize(
    ("status", "reason", "lasting"),
    [
        (401, "authError", ReconnectNeeded),
        (403, "forbidden", GoogleRefused),
        (400, "failedPrecondition", NoGmail),
        (400, "invalidArgument", None),
        (403, "unheardOf", None),
        (410, "deleted", None),
        (451, "", None),
        (499, "backendError", None),
        (500, "backendError", None),
    ],
)
def test_what_has_been_seen_for_single_messages_says_nothing_for_certain(
    status: int, reason: str, lasting: type[MigrationError] | None
) -> None:
    found = from_answer(status, document(message="", errors=[{"reason": reason}]))
    assert type(found) is GoogleUnavailable
    assert (type(found.lasting) if found.lasting else None) is lasting
    assert not found.sure


def refused_refresh(word: str, description: str = "", subtype: str = "", *, status: int = 400) -> MigrationError:
    answer = {"error": word, "error_description": description, "error_subtype": subtype}
    return from_refused_refresh(RefreshError("text", refusal(status, json.dumps(answer).encode())))


@pytest.mark.parametrize("subtype", ["", "invalid_rapt", "rapt_required"])
def test_a_dead_grant_and_one_that_needs_a_new_sign_in_are_certain_at_once(subtype: str) -> None:
    assert type(refused_refresh("invalid_grant", "Token has been expired or revoked.", subtype)) is ReconnectNeeded


@pytest.mark.parametrize(
    ("word", "description", "lasting"),
    [
        ("invalid_grant", "Account has been deleted", GoogleRefused),
        ("admin_policy_enforced", "", GoogleRefused),
        ("access_denied", "Account restricted", GoogleRefused),
        ("org_internal", "", GoogleRefused),
        ("invalid_client", "Unauthorized", ClientRefused),
        ("unauthorized_client", "", ClientRefused),
        ("deleted_client", "The OAuth client was deleted.", ClientRefused),
    ],
)
def test_what_the_token_endpoint_says_in_so_many_words_is_told_apart(
    word: str, description: str, lasting: type[MigrationError]
) -> None:
    found = refused_refresh(word, description)
    assert isinstance(found, GoogleUnavailable)
    assert type(found.lasting) is lasting
    assert found.sure


def test_a_token_endpoint_may_answer_as_the_api_does() -> None:
    answer = document(code=400, message="Mail service not enabled", status="FAILED_PRECONDITION")
    found = from_refused_refresh(RefreshError("text", refusal(400, answer)))
    assert isinstance(found, GoogleUnavailable)
    assert isinstance(found.lasting, NoGmail)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((503, b'{"error": "server_error"}'), (400, b'{"error": {}}'), (400, b"<html>"), (200, b"{}")),
        *((403, b'{"error": "unheard_of"}'), (404, document(code=404, status="NOT_FOUND", message="Not Found"))),
    ],
)
def test_any_other_answer_of_the_token_endpoint_may_pass(status: int, body: bytes) -> None:
    for answer in ((refusal(status, body),), (), ("<html>",)):
        found = from_refused_refresh(RefreshError("text", *answer))
        assert type(found) is GoogleUnavailable
        assert found.lasting is None
