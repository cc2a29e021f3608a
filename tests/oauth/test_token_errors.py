import json

import pytest

from oauth.token_errors import Kind, declined, refusal


def said(error: object, description: str = "", subtype: str = "") -> bytes:
    return json.dumps({"error": error, "error_description": description, "error_subtype": subtype}).encode()


CLIENT = [
    *("invalid_client", "unauthorized_client", "deleted_client", "disabled_client", "redirect_uri_mismatch"),
    *("unsupported_grant_type", "invalid_request", "invalid_scope", "restricted_client", "INVALID_CLIENT"),
]
ACCOUNT = ["admin_policy_enforced", "org_internal", "access_denied", "account_disabled", "policy_enforced"]
LATER = ["server_error", "temporarily_unavailable", "rate_limit_exceeded", "internal_failure", "quota_exceeded"]
KINDS = [
    *((word, Kind.CLIENT) for word in CLIENT),
    *((word, Kind.ACCOUNT) for word in ACCOUNT),
    *((word, Kind.LATER) for word in LATER),
    *(("invalid_grant", Kind.GRANT), ("unheard_of", Kind.UNKNOWN)),
]


@pytest.mark.parametrize(("word", "kind"), KINDS)
@pytest.mark.parametrize("status", [400, 403])
def test_a_word_says_whose_affair_a_refusal_is(word: str, kind: Kind, status: int) -> None:
    found = refusal(status, said(word))
    assert (found.kind, found.word) == (kind, word)


@pytest.mark.parametrize(("word", "kind"), KINDS)
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 200, 302])
def test_an_outage_is_an_outage_whatever_it_says(word: str, kind: Kind, status: int) -> None:
    assert refusal(status, said(word)).kind is Kind.LATER, kind


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<!DOCTYPE html><title>Error</title>", b"null", b"[]", b'["invalid_grant"]', b'"ok"', b"{}", b"\xff"),
        *(b'{"error": null}', b'{"error": 7}', b'{"error": []}', b'{"error": "ann@example.com"}', b"[" * 100_000),
        *(b'{"error": {}}', b'{"error": {"code": 403, "status": "PERMISSION_DENIED"}}', b"error=invalid_client"),
    ],
    ids=range(16),
)
@pytest.mark.parametrize(
    ("status", "kind"), [(400, Kind.LATER), (403, Kind.LATER), (404, Kind.LATER), (500, Kind.LATER), (401, Kind.CLIENT)]
)
def test_without_a_word_a_401_alone_is_the_clients_for_nothing_else_is_authenticated_there(
    status: int, kind: Kind, body: bytes
) -> None:
    found = refusal(status, body)
    assert (found.kind, found.word) == (kind, "")


def test_a_401_with_an_unknown_word_is_the_clients() -> None:
    assert refusal(401, said("unheard_of")).kind is Kind.CLIENT
    assert refusal(401, said("invalid_grant")).kind is Kind.GRANT


@pytest.mark.parametrize(
    ("description", "subtype", "kind"),
    [
        ("Token has been expired or revoked.", "", Kind.GRANT),
        ("Malformed auth code.", "", Kind.GRANT),
        ("", "invalid_rapt", Kind.SIGN_IN),
        ("", "rapt_required", Kind.SIGN_IN),
        ("reauth related error (invalid_rapt)", "", Kind.SIGN_IN),
        ("", "admin_policy_enforced", Kind.ACCOUNT),
        ("", "unheard_of", Kind.GRANT),
        ("Account has been deleted", "", Kind.ACCOUNT),
        ("The account was disabled.", "", Kind.ACCOUNT),
        ("Account restricted", "", Kind.ACCOUNT),
    ],
)
def test_of_a_refused_grant_the_rest_of_the_answer_says_why(description: str, subtype: str, kind: Kind) -> None:
    assert refusal(400, said("invalid_grant", description, subtype)).kind is kind


@pytest.mark.parametrize(
    ("word", "subtype", "kind"),
    [
        ("access_denied", "", Kind.DECLINED),
        ("access_denied", "unheard_of", Kind.DECLINED),
        ("access_denied", "admin_policy_enforced", Kind.ACCOUNT),
        ("admin_policy_enforced", "", Kind.ACCOUNT),
        ("org_internal", "", Kind.ACCOUNT),
        ("unauthorized_client", "", Kind.CLIENT),
        ("invalid_request", "", Kind.CLIENT),
        ("unsupported_response_type", "", Kind.CLIENT),
        ("invalid_scope", "", Kind.CLIENT),
        ("server_error", "", Kind.LATER),
        ("temporarily_unavailable", "", Kind.LATER),
        ("unheard_of", "", Kind.UNKNOWN),
        ("", "", Kind.UNKNOWN),
        ("<script>", "", Kind.UNKNOWN),
    ],
)
def test_what_a_browser_comes_back_with_is_sorted_by_the_same_table(word: str, subtype: str, kind: Kind) -> None:
    assert declined(word, subtype).kind is kind


def test_no_text_of_an_answer_is_shown() -> None:
    for body in (said("ann@example.com", "hello ann"), said({"message": "hello ann@example.com"})):
        assert "ann" not in repr(refusal(400, body))
