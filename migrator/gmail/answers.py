"""Google's error answers, read as ours. Classified by reason word and message, never by the status alone.

Source: Gmail API, "Resolve errors"; Google answers quota as 403 or 429, and names the end of a bandwidth
wait only in the message text ("Retry after 2026-03-07T18:03:15.961Z").
"""

import json
import re
import time
from datetime import datetime
from typing import Any

from google.auth.exceptions import RefreshError

from migrator.errors import (
    BandwidthExhausted,
    GoogleRefused,
    GoogleUnavailable,
    MessageGone,
    MigrationError,
    QuotaExhausted,
    ReconnectNeeded,
)

_RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)")
_BY_THE_MINUTE = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_BY_THE_DAY = {"dailyLimitExceeded", "quotaExceeded"}
_METRIC = "Quota exceeded for quota metric"
_WORD = re.compile(r"[A-Za-z_-]{1,64}")
_MINUTE, _HOUR = 60.0, 3600.0


class TooManyAtOnce(QuotaExhausted):
    """Google counts too many concurrent requests for the user: use fewer fetchers."""

    code = "google-concurrency"


class RequestRefused(GoogleRefused):
    """Google does not take this one request (400), whatever it thinks of others; the same again is refused again."""

    code = "google-request-refused"


class HistoryTooOld(MigrationError):
    """The history id is no longer known to Google: list everything again."""

    code = "history-too-old"


def from_answer(status: int, body: bytes) -> MigrationError:
    """Return the error that an answer of Google's with `status` >= 400 and this JSON (or other) body means."""
    reason, message = _reason_and_message(body)
    now = time.time()
    named = _moment(message)
    if named is not None:
        return BandwidthExhausted(named if named > now else now + _MINUTE, reason)
    if "concurrent requests" in message:
        return TooManyAtOnce(now + 2, reason)
    if reason in _BY_THE_DAY:
        return BandwidthExhausted(now + _HOUR, reason)
    if status == 429 or reason in _BY_THE_MINUTE or message.startswith(_METRIC):  # noqa: PLR2004 - HTTP statuses speak for themselves
        return QuotaExhausted(now + _MINUTE, reason)
    return _by_status(status, reason)


def _by_status(status: int, reason: str) -> MigrationError:
    match status:
        case 401:
            return ReconnectNeeded(reason)
        case 404:
            return MessageGone(reason)
        case 400 if reason in {"failedPrecondition", "FAILED_PRECONDITION"}:
            return GoogleUnavailable(reason)
        case 400:
            return RequestRefused(reason or "400")
        case _ if status >= 500:  # noqa: PLR2004
            return GoogleUnavailable(reason or str(status))
        case _:
            return GoogleRefused(reason or str(status))


def from_refused_refresh(error: RefreshError) -> MigrationError:
    """Return what a refused refresh means by its `error` word (RFC 6749 §5.2); only `invalid_grant` is a dead grant."""
    answer = error.args[1] if len(error.args) > 1 else None
    word = _word(answer.get("error")) if isinstance(answer, dict) else ""
    if word == "invalid_grant":
        return ReconnectNeeded(word)
    return GoogleUnavailable("token") if error.retryable or not word else GoogleRefused(word)


def _moment(message: str) -> float | None:
    named = _RETRY_AFTER.search(message)
    try:
        return datetime.fromisoformat(named[1]).timestamp() if named else None
    except ValueError:
        return None


def _reason_and_message(body: bytes) -> tuple[str, str]:
    try:
        error: Any = json.loads(body)["error"]
        first = (error.get("errors") or [{}])[0]
        return _word(first.get("reason")) or _word(error.get("status")), str(
            first.get("message") or error.get("message")
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""


def _word(value: object) -> str:
    """Return one of Google's words; anything else may be content, and stands nowhere."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
