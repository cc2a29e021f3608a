"""Google's error answers, read as ours. Classified by reason word and message, never by the status alone.

Source: Gmail API, "Resolve errors"; Google answers quota as 403 or 429, and names the end of a bandwidth
wait only in the message text ("Retry after 2026-03-07T18:03:15.961Z").
"""

import json
import re
import time
from datetime import datetime
from typing import Any

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
_MINUTE, _HOUR = 60.0, 3600.0


class TooManyAtOnce(QuotaExhausted):
    """Google counts too many concurrent requests for the user: use fewer fetchers."""

    code = "google-concurrency"


class HistoryTooOld(MigrationError):
    """The history id is no longer known to Google: list everything again."""

    code = "history-too-old"


def from_answer(status: int, body: bytes) -> MigrationError:
    """Return the error that an answer of Google's with `status` >= 400 and this JSON (or other) body means."""
    reason, message = _reason_and_message(body)
    now = time.time()
    named = _RETRY_AFTER.search(message)
    if named:
        return BandwidthExhausted(datetime.fromisoformat(named[1]).timestamp(), reason)
    if "concurrent requests" in message:
        return TooManyAtOnce(now + 2, reason)
    if reason in _BY_THE_DAY:
        return BandwidthExhausted(now + _HOUR, reason)
    if status == 429 or reason in _BY_THE_MINUTE:  # noqa: PLR2004 - HTTP statuses speak for themselves
        return QuotaExhausted(now + _MINUTE, reason)
    return _by_status(status, reason)


def _by_status(status: int, reason: str) -> MigrationError:
    match status:
        case 401:
            return ReconnectNeeded(reason)
        case 404:
            return MessageGone(reason)
        case 400 if reason == "failedPrecondition":
            return GoogleUnavailable(reason)
        case _ if status >= 500:  # noqa: PLR2004
            return GoogleUnavailable(reason or str(status))
        case _:
            return GoogleRefused(reason or str(status))


def _reason_and_message(body: bytes) -> tuple[str, str]:
    try:
        error: Any = json.loads(body)["error"]
        first = (error.get("errors") or [{}])[0]
        return str(first.get("reason") or error.get("status") or ""), str(first.get("message") or error.get("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
