"""Refusals of Google's OAuth endpoints, sorted by whose affair they are: ours, the account's, the grant's, or nobody's.

Source: RFC 6749 §5.2 (token endpoint) and §4.1.2.1 (callback); RFC 9110 §15 (statuses); Google, "Using OAuth 2.0 for
Web Server Applications", "Errors"; and words that people report. The one table for the exchange of a code, for every
refresh and for the answer that a browser brings back.
"""

import http.client
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Whose affair a refusal is."""

    CLIENT = "client"  # the host's OAuth client: it concerns everybody, until the host puts it right
    ACCOUNT = "account"  # a policy of the account's administrator, or of Google's for this account
    SIGN_IN = "sign-in"  # the grant lives, and its organisation asks for a new sign-in
    GRANT = "grant"  # the grant is dead, or the code is not taken
    DECLINED = "declined"  # the person said no; at the callback alone
    LATER = "later"  # an outage, a limit, or no answer of Google's at all: try again
    UNKNOWN = "unknown"  # a word nobody knows


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: its kind, Google's word where it is one (never other text), and Google's API document in its place."""

    kind: Kind
    word: str = ""
    document: bytes = field(default=b"", repr=False)


_KINDS = {
    Kind.CLIENT: (
        *("invalid_client", "unauthorized_client", "deleted_client", "disabled_client", "restricted_client"),
        *("client_disabled", "client_deleted", "redirect_uri_mismatch", "origin_mismatch", "invalid_request"),
        *("invalid_scope", "unsupported_grant_type", "unsupported_response_type", "unsupported_token_type"),
    ),
    Kind.ACCOUNT: (
        *("admin_policy_enforced", "policy_enforced", "org_internal", "access_denied", "disallowed_useragent"),
        *("account_disabled", "account_deleted", "account_suspended", "account_restricted", "user_suspended"),
    ),
    Kind.SIGN_IN: ("invalid_rapt", "rapt_required"),
    Kind.GRANT: ("invalid_grant",),
    Kind.LATER: (
        *("server_error", "temporarily_unavailable", "internal_failure", "internal_error", "backend_error"),
        *("rate_limit_exceeded", "user_rate_limit_exceeded", "quota_exceeded", "slow_down", "timeout"),
        *("deadline_exceeded", "unavailable", "service_unavailable"),
    ),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}

_WORD = re.compile(r"[A-Za-z_-]{1,64}")
_ACCOUNT_IS_OFF = re.compile(r"account\b.*\b(deleted|disabled|suspended|restricted)", re.IGNORECASE)
_NEW_SIGN_IN = re.compile(r"\b(invalid_rapt|rapt_required)\b")
_PASSING = frozenset(
    {
        *(http.client.REQUEST_TIMEOUT, http.client.TOO_EARLY, http.client.TOO_MANY_REQUESTS),
        http.client.PROXY_AUTHENTICATION_REQUIRED,
    }
)


def refusal(status: int, body: bytes) -> Refusal:
    """Return what an answer of the token endpoint that carries no usable token means."""
    said = json_object(body)
    word = _word(said.get("error"))
    if not http.client.BAD_REQUEST <= status < http.client.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Refusal(Kind.LATER, word)
    if isinstance(said.get("error"), dict):
        return Refusal(_by_status(status), document=json.dumps({"error": said["error"]}).encode())
    kind = _said(word, _word(said.get("error_subtype")), str(said.get("error_description") or ""))
    if kind is Kind.UNKNOWN and status == http.client.UNAUTHORIZED:
        kind = Kind.CLIENT
    return Refusal(kind, word) if word else Refusal(_by_status(status))


def declined(word: str, subtype: str = "", description: str = "") -> Refusal:
    """Return what the `error` parameter in the URL means with which a browser comes back (RFC 6749 §4.1.2.1)."""
    word, subtype = _word(word), _word(subtype)
    if word == "access_denied" and _KIND_OF.get(subtype) is None and not _ACCOUNT_IS_OFF.search(description):
        return Refusal(Kind.DECLINED, word)
    return Refusal(_said(word, subtype, description), word)


def is_clients(word: str) -> bool:
    """True if the token endpoint says this word of our client; empty where it said none."""
    return not word or _KIND_OF.get(word.lower()) is Kind.CLIENT


def _said(word: str, subtype: str, description: str) -> Kind:
    """Sort by words; the subtype says it more exactly, and of a refused grant only the text says why."""
    kind = _KIND_OF.get(subtype.lower()) or _KIND_OF.get(word.lower(), Kind.UNKNOWN)
    if kind is Kind.GRANT and _NEW_SIGN_IN.search(description):
        return Kind.SIGN_IN
    return Kind.ACCOUNT if kind is Kind.GRANT and _ACCOUNT_IS_OFF.search(description) else kind


def _by_status(status: int) -> Kind:
    """Sort what has no word: at this endpoint nothing is authenticated but the client (RFC 9110 §15.5.2)."""
    return Kind.CLIENT if status == http.client.UNAUTHORIZED else Kind.LATER


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that an answer is; an empty one where it is anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _word(value: object) -> str:
    """Return one of Google's words; anything else may be content, and stands nowhere."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
