"""Google's error answers, read as ours. Classified by reason word and message, never by the status alone.

Source: Gmail API, "Resolve errors"; Google answers quota as 403 or 429, and names the end of a bandwidth
wait only in the message text ("Retry after 2026-03-07T18:03:15.961Z").

A refusal of one request is never more than `GoogleUnavailable`: any status has been seen for a single message, or once.
What it means if it lasts stands beside it; `migrator.asking` finds out whether it does.
"""

import json
import re
import time
from datetime import datetime
from typing import Any

from google.auth.exceptions import RefreshError

from migrator.errors import (
    BandwidthExhausted,
    ClientRefused,
    GoogleRefused,
    GoogleUnavailable,
    MessageGone,
    MigrationError,
    NoGmail,
    QuotaExhausted,
    ReconnectNeeded,
    Waiting,
)
from oauth.token_errors import Kind, Refusal

_RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)")
_BY_THE_MINUTE = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_BY_THE_DAY = {"dailyLimitExceeded", "quotaExceeded"}
_METRIC = "Quota exceeded for quota metric"
_WORD = re.compile(r"[A-Za-z_-]{1,64}")
_MINUTE, _HOUR = 60.0, 3600.0
_LONGEST_WAIT = 25 * _HOUR
"""Google's limits are those of a day at most: a later time is a mistake, and it is asked again then."""

_NO_GMAIL = "Mail service not enabled"
_PRECONDITION = {"failedPrecondition", "FAILED_PRECONDITION"}
_SCOPE = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientScopes"}
_PROJECT = {
    *("accessNotConfigured", "SERVICE_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "USER_PROJECT_DENIED"),
    *("BILLING_DISABLED", "API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "keyInvalid", "insufficientAudience"),
}
_ACCOUNT = {
    *("domainPolicy", "accountDeleted", "accountDisabled", "accountUnverified", "accountSuspended", "userSuspended"),
    *("lockedDomainForbidden", "lockedDomainExpired", "ORG_RESTRICTION_VIOLATION", "admin_policy_enforced"),
}
_FORBIDDEN = {"forbidden", "PERMISSION_DENIED"}
_REFRESHING = {Kind.CLIENT: ClientRefused, Kind.ACCOUNT: GoogleRefused}


class TooManyAtOnce(QuotaExhausted):
    """Google counts too many concurrent requests for the user: use fewer fetchers."""

    code = "google-concurrency"


class HistoryTooOld(MigrationError):
    """The history id is no longer known to Google: list everything again."""

    code = "history-too-old"


def from_answer(status: int, body: bytes) -> MigrationError:
    """Return the error that an answer of Google's with `status` >= 400 and this JSON (or other) body means."""
    reasons, message = _reasons_and_message(body)
    reason = next(iter(reasons), "")
    now = time.time()
    named = _moment(message)
    if named is not None:
        return BandwidthExhausted(min(named, now + _LONGEST_WAIT) if named > now else now + _MINUTE, reason)
    if "concurrent requests" in message:
        return TooManyAtOnce(now + 2, reason)
    if reason in _BY_THE_DAY:
        return BandwidthExhausted(now + _HOUR, reason)
    if status == 429 or reason in _BY_THE_MINUTE or message.startswith(_METRIC):  # noqa: PLR2004 - HTTP statuses speak for themselves
        return QuotaExhausted(now + _MINUTE, reason)
    if status == 404 and reason in {"notFound", "NOT_FOUND"}:  # noqa: PLR2004
        return MessageGone(reason)
    certain = _certain(frozenset(reasons), message)
    if certain:
        return GoogleUnavailable(reason or str(status), certain, sure=True)
    return GoogleUnavailable(reason or str(status), _if_it_lasts(status, reason))


def _certain(reasons: frozenset[str], message: str) -> MigrationError | None:
    """Return what Google says about the account, its grant or the project in so many words."""
    if reasons & _PRECONDITION and _NO_GMAIL in message:
        return NoGmail()
    for words, error in ((_PROJECT, ClientRefused), (_SCOPE, ReconnectNeeded), (_ACCOUNT, GoogleRefused)):
        if found := sorted(reasons & words):
            return error(found[0])
    return None


def _if_it_lasts(status: int, reason: str) -> MigrationError | None:
    """Return what a refusal that has been seen for single messages means where Google refuses everything so."""
    if status == 401:  # noqa: PLR2004
        return ReconnectNeeded(reason)
    if reason in _FORBIDDEN:
        return GoogleRefused(reason)
    return NoGmail(reason) if reason in _PRECONDITION else None


def from_refused_refresh(error: RefreshError) -> MigrationError:
    """Return what a refused refresh means; a dead grant is certain at once, the other refusals when they last."""
    said = error.args[1] if len(error.args) > 1 else None
    if not isinstance(said, Refusal):
        return GoogleUnavailable("token")
    if said.kind in {Kind.GRANT, Kind.SIGN_IN}:
        return ReconnectNeeded(said.word)
    if lasting := _REFRESHING.get(said.kind):
        return GoogleUnavailable(said.word or "token", lasting(said.word), sure=True)
    found = from_answer(_status(said.document), said.document) if said.document else None
    return found if isinstance(found, GoogleUnavailable | Waiting) else GoogleUnavailable(said.word or "token")


def _status(document: bytes) -> int:
    code = json.loads(document)["error"].get("code")
    return code if isinstance(code, int) else 400


def _moment(message: str) -> float | None:
    named = _RETRY_AFTER.search(message)
    try:
        return datetime.fromisoformat(named[1]).timestamp() if named else None
    except ValueError:
        return None


def _reasons_and_message(body: bytes) -> tuple[tuple[str, ...], str]:
    """Return Google's reason words, those of `errors` first, then of `details`, then the status word; and its text."""
    try:
        error: Any = json.loads(body)["error"]
        first = (error.get("errors") or [{}])[0]
        details = [row.get("reason") for row in error.get("details") or ()]
        words = (_word(word) for word in (first.get("reason"), *details, error.get("status")))
        return tuple(word for word in words if word), str(first.get("message") or error.get("message"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return (), ""


def _word(value: object) -> str:
    """Return one of Google's words; anything else may be content, and stands nowhere."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
