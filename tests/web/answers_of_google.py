"""Every answer of Google's to a consent that is known from documents and reports, and what is to become of each.

Sources by name: RFC 6749 (OAuth 2.0), RFC 7009 (revocation), RFC 9110 (HTTP); "web-server" is Google, "Using OAuth 2.0
for Web Server Applications"; "errors" is Gmail API, "Resolve errors"; "reports" are public threads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from front import Answer, Forward, Rule, altered, page, raw, said

from oauth.grant import SCOPE

TOKEN, PROFILE, REVOKE, CALLBACK = "/token", "/gmail/v1/users/me/profile", "/revoke", "callback"


@dataclass(frozen=True)
class Row:
    """One answer.

    Attributes:
        source: where it is documented or reported.
        place: the endpoint that gives it.
        code: what the log and the metric say where nobody imports the account; with Google's word behind a colon.
        rule: how the endpoint answers; at the callback, the answer's parameters take its place.
        busy: the same where an import of the account is under way; empty where it is the same.
        left: whether a grant is left at Google in the end, that only the customer can remove.
    """

    source: str
    place: str
    code: str
    rule: Rule | None = None
    busy: str = ""
    parameters: str = ""
    left: bool = False


def _always(answer: Answer | None) -> Rule:
    """Return a rule for the exchange of a code, or for any other call."""

    def rule(form: dict[str, str], forward: Forward) -> Answer | None:
        return forward() if form.get("grant_type") == "refresh_token" else answer

    return rule


def _changed(drop: tuple[str, ...] = (), **changes: object) -> Rule:
    return _exchanged(lambda forward: altered(forward(), drop, **changes))


def _exchanged(change: Callable[[Forward], Answer | None]) -> Rule:
    return lambda form, forward: change(forward) if form.get("grant_type") == "authorization_code" else forward()


def _granted_but(answer: Answer | None) -> Rule:
    """Return a rule by which Google grants, and something else arrives."""
    return _exchanged(lambda forward: answer if forward() else None)


def _once(rule: Rule) -> Rule:
    """Return a rule for the first time that a code is sent."""
    seen: set[str] = set()

    def first(form: dict[str, str], forward: Forward) -> Answer | None:
        known = form.get("code", "") in seen
        seen.add(form.get("code", ""))
        return forward() if known else rule(form, forward)

    return first


def _refused(status: int, word: str, code: str, source: str, **more: str) -> Row:
    told = f"{code}:{word.replace('-', '_')}"
    return Row(source, TOKEN, told, _always(said(status, error=word, **more)))


def _profile(source: str, code: str, answer: Answer | None) -> Row:
    return Row(source, PROFILE, code, _always(answer), busy="give-back-pending")


def _gmail(status: int, reason: str, message: str = "") -> Answer:
    return said(status, error={"code": status, "message": message, "errors": [{"reason": reason}]})


def _revoked(source: str, code: str, answer: Answer | None) -> Row:
    return Row(source, REVOKE, code, _always(answer), busy="account-busy")


_OTHER_SCOPE = "openid https://www.googleapis.com/auth/userinfo.email"

ROWS: dict[str, Row] = {
    # The token endpoint refuses.
    "invalid_client": _refused(401, "invalid_client", "google-client-refused", "RFC 6749 §5.2"),
    "invalid_client as 400": _refused(400, "invalid_client", "google-client-refused", "RFC 6749 §5.2"),
    "deleted_client": _refused(401, "deleted_client", "google-client-refused", "web-server"),
    "disabled_client": _refused(401, "disabled_client", "google-client-refused", "reports"),
    "unauthorized_client": _refused(401, "unauthorized_client", "google-client-refused", "RFC 6749 §5.2"),
    "redirect_uri_mismatch": _refused(400, "redirect_uri_mismatch", "google-client-refused", "web-server"),
    "invalid_request": _refused(400, "invalid_request", "google-client-refused", "RFC 6749 §5.2"),
    "unsupported_grant_type": _refused(400, "unsupported_grant_type", "google-client-refused", "RFC 6749 §5.2"),
    "invalid_scope": _refused(400, "invalid_scope", "google-client-refused", "RFC 6749 §5.2"),
    "401 without a word": Row("RFC 9110 §15.5.2", TOKEN, "google-client-refused", _always(raw(401))),
    "invalid_grant": _refused(400, "invalid_grant", "code-refused", "RFC 6749 §5.2"),
    "a word nobody knows": _refused(400, "something_new", "code-refused", "RFC 6749 §8.5"),
    "admin_policy_enforced": _refused(400, "admin_policy_enforced", "google-refused", "web-server"),
    "org_internal": _refused(403, "org_internal", "google-refused", "web-server"),
    "access_denied": _refused(403, "access_denied", "google-refused", "reports"),
    "disallowed_useragent": _refused(403, "disallowed_useragent", "google-refused", "web-server"),
    "account disabled": _refused(
        400, "invalid_grant", "google-refused", "reports", error_description="Account has been disabled"
    ),
    "rate_limit_exceeded": _refused(429, "rate_limit_exceeded", "google-silent", "reports"),
    "429 as a page": Row("RFC 6585 §4", TOKEN, "google-silent", _always(page(429))),
    "internal_failure": _refused(500, "internal_failure", "google-silent", "reports"),
    "backend_error": _refused(503, "backend_error", "google-silent", "reports"),
    "temporarily_unavailable": _refused(503, "temporarily_unavailable", "google-silent", "RFC 6749 §4.1.2.1"),
    "an API's error": Row("reports", TOKEN, "google-silent", _always(_gmail(503, "backendError"))),
    "an error in a success": _refused(200, "invalid_grant", "google-silent", "reports"),
    "404 as a page": Row("reports", TOKEN, "google-silent", _always(page(404))),
    # It answers nothing that can be understood; the code may still be good.
    "502 as a page": Row("reports", TOKEN, "answer-pending", _always(page(502))),
    "503 and empty": Row("reports", TOKEN, "answer-pending", _always(raw(503))),
    "504 as a page": Row("reports", TOKEN, "answer-pending", _always(page(504))),
    "a sign-in page of the network": Row("reports", TOKEN, "answer-pending", _always(page(200))),
    "elsewhere": Row(
        "RFC 9110 §15.4", TOKEN, "answer-pending", _always((302, {"location": "https://x.example/"}, b""))
    ),
    "a list": Row("reports", TOKEN, "answer-pending", _always(raw(200, b"[]"))),
    "a string": Row("reports", TOKEN, "answer-pending", _always(raw(200, b'"ok"'))),
    "null": Row("reports", TOKEN, "answer-pending", _always(raw(200, b"null"))),
    "an object without tokens": Row("reports", TOKEN, "answer-pending", _always(raw(200, b"{}"))),
    "half an object": Row("reports", TOKEN, "answer-pending", _always(raw(200, b'{"access_token": "ya29'))),
    "broken off before": Row("reports", TOKEN, "answer-pending", _always(None)),
    # It grants, and the answer does not arrive, or in an odd form.
    "granted, and broken off twice": Row("reports", TOKEN, "answer-pending", _granted_but(None), left=True),
    "granted, and 502 twice": Row("reports", TOKEN, "answer-pending", _granted_but(page(502)), left=True),
    "granted, and half of it twice": Row(
        "reports", TOKEN, "answer-pending", _granted_but(raw(200, b'{"access_token": "ya29')), left=True
    ),
    "granted, and broken off once": Row("RFC 6749 §4.1.2", TOKEN, "answer-lost", _once(_granted_but(None)), left=True),
    "granted, and 502 once": Row("RFC 6749 §4.1.2", TOKEN, "answer-lost", _once(_granted_but(page(502))), left=True),
    "broken off once": Row("reports", TOKEN, "", _once(_always(None)), busy="account-busy"),
    "503 once": Row("reports", TOKEN, "", _once(_always(raw(503))), busy="account-busy"),
    "429 once": Row("reports", TOKEN, "", _once(_always(page(429))), busy="account-busy"),
    "no scope named": Row("RFC 6749 §5.1", TOKEN, "", _changed(("scope",)), busy="account-busy"),
    "the scope twice": Row("RFC 6749 §3.3", TOKEN, "", _changed(scope=f"{SCOPE} {SCOPE}"), busy="account-busy"),
    "no life named": Row("RFC 6749 §5.1", TOKEN, "", _changed(("expires_in",)), busy="account-busy"),
    "an odd life": Row("reports", TOKEN, "", _changed(expires_in="soon"), busy="account-busy"),
    "no kind named": Row("reports", TOKEN, "", _changed(("token_type",)), busy="account-busy"),
    "no access token": Row("reports", TOKEN, "", _changed(("access_token",)), busy="account-busy"),
    "unticked": Row("web-server", TOKEN, "scope-mismatch", _changed(scope=_OTHER_SCOPE), busy="account-busy"),
    "one scope more": Row(
        "web-server", TOKEN, "scope-mismatch", _changed(scope=f"{SCOPE} openid"), busy="account-busy"
    ),
    "a scope that is no text": Row("reports", TOKEN, "scope-mismatch", _changed(scope=[SCOPE]), busy="account-busy"),
    "no refresh token": Row("web-server", TOKEN, "no-refresh-token", _changed(("refresh_token",)), busy="account-busy"),
    # The callback.
    "declined": Row("RFC 6749 §4.1.2.1", CALLBACK, "consent-denied:access_denied", parameters="error=access_denied"),
    "policy at the callback": Row(
        "web-server", CALLBACK, "google-refused:admin_policy_enforced", parameters="error=admin_policy_enforced"
    ),
    "denied by a policy": Row(
        "reports",
        CALLBACK,
        "google-refused:access_denied",
        parameters="error=access_denied&error_subtype=admin_policy_enforced",
    ),
    "internal at the callback": Row(
        "web-server", CALLBACK, "google-refused:org_internal", parameters="error=org_internal"
    ),
    "client at the callback": Row(
        "web-server", CALLBACK, "google-client-refused:deleted_client", parameters="error=deleted_client"
    ),
    "scope at the callback": Row(
        "RFC 6749 §4.1.2.1", CALLBACK, "google-client-refused:invalid_scope", parameters="error=invalid_scope"
    ),
    "fault at the callback": Row(
        "RFC 6749 §4.1.2.1", CALLBACK, "google-silent:server_error", parameters="error=server_error"
    ),
    "word nobody knows at the callback": Row(
        "RFC 6749 §8.5", CALLBACK, "google-silent:something_new", parameters="error=something_new"
    ),
    "later at the callback": Row(
        "RFC 6749 §4.1.2.1",
        CALLBACK,
        "google-silent:temporarily_unavailable",
        parameters="error=temporarily_unavailable",
    ),
    "nothing at the callback": Row("reports", CALLBACK, "google-silent", parameters="scope=x"),
    "text at the callback": Row("reports", CALLBACK, "google-silent", parameters="error=%3Cscript%3E"),
    # getProfile does not say whose account it is.
    "profile: no Gmail": _profile("errors", "no-gmail", _gmail(400, "failedPrecondition", "Mail service not enabled")),
    "profile: API off": _profile("errors", "google-client-refused", _gmail(403, "accessNotConfigured")),
    "profile: policy": _profile("errors", "google-refused", _gmail(403, "domainPolicy")),
    "profile: limit": _profile("errors", "google-quota", _gmail(429, "rateLimitExceeded")),
    "profile: 503": _profile("errors", "google-down", _gmail(503, "backendError")),
    "profile: 401": _profile("errors", "reconnect-needed", _gmail(401, "authError")),
    "profile: a page": _profile("reports", "google-down", page(502)),
    "profile: no object": _profile("reports", "answer-damaged", raw(200, b"[]")),
    "profile: broken off": _profile("reports", "google-down", None),
    # The revocation of what must not be kept.
    "revocation: done": Row(
        "RFC 7009 §2.2", REVOKE, "scope-mismatch", lambda _, forward: forward(), busy="account-busy"
    ),
    "revocation: gone already": Row(
        "web-server",
        REVOKE,
        "scope-mismatch",
        lambda _, forward: said(400, error="invalid_token") if forward() else None,
        busy="account-busy",
    ),
    "revocation: 503": _revoked("RFC 7009 §2.2.1", "not-given-back", raw(503)),
    "revocation: refused": _revoked("RFC 7009 §2.2.1", "not-given-back", said(400, error="unsupported_token_type")),
    "revocation: limit": _revoked("reports", "not-given-back", page(429)),
    "revocation: broken off": _revoked("reports", "not-given-back", None),
}
