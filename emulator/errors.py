"""Google's refusals: every shape a client has to tell apart, by name.

The JSON is that of the Gmail API's error page (developers.google.com/workspace/gmail/api/guides/handle-errors):
`error.code`, `error.message`, `error.errors[].reason`; quota refusals carry `error.details` too, as newer Google
front ends do, so that a client which reads only one of the two places is found out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Shape:
    """One refusal as it goes over the wire; `info` is the reason of `error.details[0]`, if there is one."""

    status: int
    reason: str
    message: str
    domain: str = "global"
    info: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request is answered with a refusal; `shape` says which."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape.status, shape.reason)
        self.shape = shape


_USAGE = "usageLimits"
_METRIC = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
    "'gmail.googleapis.com' for consumer 'project_number:123456789012'."
)
_PROJECT_METRIC = _METRIC.replace("per minute per user", "per minute")
_DISABLED = (
    "Gmail API has not been used in project 123456789012 before or it is disabled. "
    "Enable it, then retry. If you enabled this API recently, wait a few minutes."
)

SHAPES: Mapping[str, Shape] = {
    "rateLimitExceeded": Shape(403, "rateLimitExceeded", "Rate Limit Exceeded", _USAGE),
    "userRateLimitExceeded": Shape(403, "userRateLimitExceeded", "User Rate Limit Exceeded", _USAGE),
    "tooManyConcurrent": Shape(429, "rateLimitExceeded", "Too many concurrent requests for user", _USAGE),
    "quotaMetric": Shape(429, "rateLimitExceeded", _METRIC, _USAGE, "RATE_LIMIT_EXCEEDED"),
    "projectQuotaMetric": Shape(429, "rateLimitExceeded", _PROJECT_METRIC, _USAGE, "RATE_LIMIT_EXCEEDED"),
    "retryAfter": Shape(429, "userRateLimitExceeded", "User-rate limit exceeded.  Retry after ", _USAGE),
    "dailyLimitExceeded": Shape(403, "dailyLimitExceeded", "Daily Limit Exceeded", _USAGE),
    "quotaExceeded": Shape(403, "quotaExceeded", "Quota Exceeded", _USAGE),
    "domainPolicy": Shape(403, "domainPolicy", "The domain administrators have disabled Gmail apps."),
    "insufficientPermissions": Shape(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        info="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    ),
    "accessNotConfigured": Shape(403, "accessNotConfigured", _DISABLED, _USAGE, "SERVICE_DISABLED"),
    "delegationDenied": Shape(403, "forbidden", "Delegation denied for the user"),
    "authError": Shape(401, "authError", "Invalid Credentials", headers={"www-authenticate": 'Bearer realm="Google"'}),
    "notFound": Shape(404, "notFound", "Requested entity was not found."),
    "invalidArgument": Shape(400, "invalidArgument", "Invalid argument"),
    "failedPrecondition": Shape(400, "failedPrecondition", "Precondition check failed."),
    "mailNotEnabled": Shape(400, "failedPrecondition", "Mail service not enabled"),
    "accountDisabled": Shape(403, "accountDisabled", "The account has been disabled."),
    "backendError": Shape(503, "backendError", "Backend Error"),
    "notImplemented": Shape(501, "notImplemented", "The stand-in does not offer this method."),
}

_STATUS_WORD = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


def refusal(name: str, message: str = "") -> Refused:
    """Return the refusal of that name, with another message text if one is given."""
    shape = SHAPES[name]
    return Refused(replace(shape, message=message) if message else shape)


def retry_after(until: float) -> Refused:
    """Return the bandwidth refusal; its message names `until` (seconds since the epoch) in RFC 3339, as Google does."""
    moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return refusal("retryAfter", SHAPES["retryAfter"].message + moment)


def error_body(shape: Shape) -> bytes:
    """Return the JSON document of a refusal."""
    single = {"message": shape.message, "domain": shape.domain, "reason": shape.reason}
    if shape.status == 401:  # noqa: PLR2004
        single |= {"location": "Authorization", "locationType": "header"}
    word = "FAILED_PRECONDITION" if shape.reason == "failedPrecondition" else _STATUS_WORD.get(shape.status, "UNKNOWN")
    error: dict[str, object] = {"code": shape.status, "message": shape.message, "errors": [single], "status": word}
    if shape.info:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": shape.info, "domain": "googleapis.com"}]
    return json.dumps({"error": error}, indent=2).encode()
