"""Faults asked for by address: which request goes wrong, and how.

A fault names any of account, message id and method; those left out match everything. It strikes from the `nth`
request that matches since the fault was set (1 = the next one), `times` times (0 = without end).

    kind                   what happens
    (a name in SHAPES)     that refusal of `emulator.errors`; `status` and `text` replace Google's usual ones
    retryAfter             429 with "Retry after T", T being `seconds` from now
    hang                   `seconds` without an answer, then the right answer
    truncated              an answer cut in the middle and the connection closed, Content-Length as if whole
    wrongId                messages.get answers another message of the account
    badBase64              the raw text holds characters outside base64url
    emptyPage              messages.list answers no message, but a nextPageToken
    samePage               history.list answers with its token once more, as if more were to come
    invalidGrant           the account's grants die: 401 now, invalid_grant at every refresh
    oauthError             the token endpoint answers `reason` (RFC 6749 §5.2 `error`), `subtype` and `text`

`reason` replaces the word that Google's document gives as the reason.

`body` is "json" (Google's error document), "html" (a front end's page) or "empty". The methods are those of the
discovery document ("messages.get"), and "oauth.token" and "oauth.revoke".
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.errors import SHAPES, Refused, Shape, retry_after

DAMAGES = frozenset(
    {"hang", "truncated", "wrongId", "badBase64", "emptyPage", "samePage", "invalidGrant", "oauthError"}
)
_METHOD_OF = {
    "oauthError": "oauth.token",
    "wrongId": "messages.get",
    "badBase64": "messages.get",
    "emptyPage": "messages.list",
    "samePage": "history.list",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was asked for; see the module's text. `seconds` serves hang and retryAfter."""

    kind: str
    account: str = ""
    message: str = ""
    method: str = ""
    nth: int = 1
    times: int = 1
    status: int = 0
    text: str = ""
    reason: str = ""
    subtype: str = ""
    body: str = "json"
    seconds: float = 60.0


@dataclass(slots=True)
class Pending:
    """A fault in force: how many requests matched it, and how often it struck."""

    fault: Fault
    matched: int = 0
    struck: int = 0


@dataclass(slots=True)
class Faults:
    """The faults in force, in the order they were asked for."""

    pending: list[Pending] = field(default_factory=list)


def fault_from(wish: Mapping[str, Any]) -> Fault:
    """Return the fault a JSON object asks for.

    Raises:
        ValueError: an unknown kind or field.
    """
    try:
        fault = Fault(**wish)
    except TypeError as error:
        raise ValueError("unknown field of a fault") from error
    if fault.kind not in SHAPES and fault.kind not in DAMAGES:
        raise ValueError(f"unknown kind of fault: {fault.kind}")
    if fault.body not in {"json", "html", "empty"}:
        raise ValueError("body is json, html or empty")
    return replace(fault, method=fault.method or _METHOD_OF.get(fault.kind, ""), message=fault.message.lstrip("0"))


def strike(faults: Faults, account: str, method: str, message: str) -> Fault | None:
    """Count one request against every fault that matches it; return the first that strikes."""
    struck: Fault | None = None
    for pending in faults.pending:
        if _matches(pending.fault, account, method, message):
            pending.matched += 1
            if struck is None and _due(pending):
                pending.struck += 1
                struck = pending.fault
    return struck


def refusal_of(fault: Fault) -> Refused:
    """Return the refusal a fault of a named shape makes."""
    shape: Shape = retry_after(time.time() + fault.seconds).shape if fault.kind == "retryAfter" else SHAPES[fault.kind]
    status, message, reason = fault.status or shape.status, fault.text or shape.message, fault.reason or shape.reason
    return Refused(replace(shape, status=status, message=message, reason=reason))


def _matches(fault: Fault, account: str, method: str, message: str) -> bool:
    asked = ((fault.account, account), (fault.method, method), (fault.message, message))
    return all(not want or want == have for want, have in asked)


def _due(pending: Pending) -> bool:
    fault = pending.fault
    return pending.matched >= fault.nth and (fault.times == 0 or pending.struck < fault.times)
