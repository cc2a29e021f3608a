import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oauth.errors import GrantError, SealBroken
from oauth.grant import SCOPE, Client, Grant, SingleFlightCredentials


@given(st.text(min_size=1))
def test_a_grant_comes_back_as_it_was_sealed(token: str) -> None:
    assert Grant.from_bytes(Grant(token).to_bytes()) == Grant(token)


def test_a_grant_file_may_hold_more_than_the_refresh_token() -> None:
    blob = json.dumps({"refresh_token": "1//0abc", "access_token": "ya29", "scope": SCOPE}).encode()
    assert Grant.from_bytes(blob).refresh_token == "1//0abc"


@pytest.mark.parametrize(
    "blob",
    [b"", b"{", b"{}", b"[]", b"5", b'"x"', b"null", b'{"refresh_token": ""}', b'{"refresh_token": 5}', b"\xff\xfe"],
)
def test_what_is_no_grant_is_a_value_error_that_does_not_quote_it(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no refresh_token in it$"):
        Grant.from_bytes(blob)


def test_nothing_shows_a_secret() -> None:
    grant, client = Grant("1//0canary"), Client("id", "canary-secret")
    shown = f"{grant!r} {client!r} {SingleFlightCredentials(grant, client)!r}"
    assert "canary" not in shown


def test_the_one_scope_is_read_only() -> None:
    assert SCOPE == "https://www.googleapis.com/auth/gmail.readonly"
    assert SingleFlightCredentials(Grant("x"), Client("id", "s")).scopes == [SCOPE]


def test_an_error_of_a_grant_says_its_code_and_no_more() -> None:
    assert str(SealBroken("canary")) == "seal-broken"
    assert {kind.code for kind in GrantError.__subclasses__()} == {
        *("consent-denied", "consent-not-ours", "scope-mismatch", "no-refresh-token", "wrong-account"),
        *("not-given-back", "code-refused", "google-silent", "not-connected", "grant-unreadable", "key-lost"),
        *("give-back-pending", "answer-lost", "answer-pending"),
        *("master-key-unusable", "workers-key-unusable", "seal-broken", "google-refused", "google-client-refused"),
    }
