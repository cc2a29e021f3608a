import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from engine import calls, pressed
from oauthlib.oauth2 import InsecureTransportError
from stand_in import Google

from oauth.consent import Consent, Tokens, begin, code_of, exchange
from oauth.errors import (
    AccessForbidden,
    AnswerPending,
    ClientUnusable,
    CodeRefused,
    ConsentDenied,
    ConsentNotOurs,
    GoogleSilent,
    GrantError,
)
from oauth.grant import SCOPE, Client
from oauth.revocation import give_back, is_dead

REDIRECT = "http://127.0.0.1:1/back"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"
FULL = "https://mail.google.com/"


def grants(google: Google) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = google.control("grants")["grants"]
    return rows


def asked(consent: Consent) -> dict[str, list[str]]:
    return parse_qs(urlsplit(consent.url).query)


def finish(client: Client, consent: Consent, answer: str) -> Tokens:
    return exchange(client, consent, code_of(consent, answer))


def test_the_customer_is_asked_for_one_read_only_scope_and_nothing_else(client: Client) -> None:
    query = asked(begin(client, REDIRECT))
    assert query["scope"] == ["https://www.googleapis.com/auth/gmail.readonly"]
    assert query["access_type"] == ["offline"]
    assert query["prompt"] == ["consent"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [REDIRECT]
    assert not query.keys() & {"include_granted_scopes", "login_hint", "code_verifier", "client_secret"}


def test_every_consent_has_a_state_and_a_verifier_of_its_own(client: Client) -> None:
    consents = [begin(client, REDIRECT) for _ in range(50)]
    assert len({consent.state for consent in consents}) == 50
    assert len({consent.verifier for consent in consents}) == 50
    assert all(len(consent.state) >= 43 and 43 <= len(consent.verifier) <= 128 for consent in consents)


def test_what_must_come_back_is_not_shown(client: Client) -> None:
    consent = begin(client, REDIRECT)
    assert consent.state not in repr(consent)
    assert consent.verifier not in repr(consent)


def test_a_customer_who_allows_gives_a_grant_that_reads(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    grant = finish(client, consent, pressed(google, consent.url)).grant
    assert [row["scopes"] for row in grants(google)] == [[SCOPE]]
    assert not is_dead(client, grant)
    assert "oauth.revoke" not in calls(google)


def test_a_customer_who_denies_grants_nothing(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    with pytest.raises(ConsentDenied):
        finish(client, consent, pressed(google, consent.url, "deny"))
    assert grants(google) == []
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize(
    ("word", "error"),
    [("admin_policy_enforced", AccessForbidden), ("org_internal", AccessForbidden), ("deleted_client", ClientUnusable)],
)
def test_a_consent_that_is_not_the_customers_to_give_says_so(
    google: Google, client: Client, word: str, error: type[GrantError]
) -> None:
    consent = begin(client, REDIRECT)
    with pytest.raises(error):
        finish(client, consent, pressed(google, consent.url, word))


def test_a_google_that_fails_once_to_exchange_a_code_is_asked_again(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    google.fault("backendError", method="oauth.token", body="html", status=502)
    assert not finish(client, consent, answer).fault


def test_a_google_that_fails_to_exchange_a_code_may_do_so_later(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    google.fault("backendError", method="oauth.token", body="html", status=502, times=2)
    with pytest.raises(AnswerPending):
        finish(client, consent, answer)


def test_plain_http_is_spoken_with_this_machine_alone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    far = replace(client, auth_uri="http://google.example/auth", token_uri="http://google.example/token")
    with pytest.raises(InsecureTransportError):
        begin(far, REDIRECT)
    assert begin(client, REDIRECT).url.startswith("http://127.0.0.1")


@pytest.mark.parametrize("state", ["", "guessed", "å", "\N{PILE OF POO}", "a" * 100_000])
def test_an_answer_with_another_state_is_not_exchanged(google: Google, client: Client, state: str) -> None:
    consent = begin(client, REDIRECT)
    other = pressed(google, consent.url).replace(consent.state, state)
    with pytest.raises(ConsentNotOurs):
        finish(client, consent, other)
    assert "oauth.token" not in calls(google)


@pytest.mark.parametrize("answer", ["", "/", "?", "?code=x", "http://[", "?state=%ff%fe", "?%00"])
def test_an_answer_that_is_none_is_not_ours(google: Google, client: Client, answer: str) -> None:
    with pytest.raises(ConsentNotOurs):
        finish(client, begin(client, REDIRECT), answer)
    assert "oauth.token" not in calls(google)


def test_the_answer_to_another_customers_consent_is_not_ours(google: Google, client: Client) -> None:
    mine, theirs = begin(client, REDIRECT), begin(client, REDIRECT)
    with pytest.raises(ConsentNotOurs):
        finish(client, mine, pressed(google, theirs.url))
    assert "oauth.token" not in calls(google)


def test_a_code_is_good_once(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    finish(client, consent, answer)
    with pytest.raises(CodeRefused):
        finish(client, consent, answer)
    assert len(grants(google)) == 1


def test_a_stolen_code_is_worth_nothing_without_its_verifier(google: Google, client: Client) -> None:
    consent, thief = begin(client, REDIRECT), begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    with pytest.raises(CodeRefused):
        finish(client, Consent(consent.url, REDIRECT, consent.state, thief.verifier), answer)
    assert grants(google) == []


def test_a_code_that_has_run_out_is_refused(google: Google, client: Client) -> None:
    google.control("settings", {"code_seconds": 0.0})
    consent = begin(client, REDIRECT)
    with pytest.raises(CodeRefused):
        finish(client, consent, pressed(google, consent.url))


@pytest.mark.parametrize(
    "scopes",
    [[SCOPE, METADATA], [SCOPE, "openid"], [METADATA], [FULL], ["openid"], [SCOPE, FULL, METADATA]],
    ids=["more", "sign-in too", "less", "everything", "nothing of use", "much more"],
)
def test_anything_but_the_one_scope_is_told_with_what_is_to_be_given_back(
    google: Google, client: Client, scopes: list[str]
) -> None:
    google.control("settings", {"granted_scopes": scopes})
    consent = begin(client, REDIRECT)
    tokens = finish(client, consent, pressed(google, consent.url))
    assert tokens.fault == "scope-mismatch"
    assert give_back(client, tokens.grant.refresh_token)
    assert grants(google) == []


def test_access_without_a_refresh_token_is_told_too(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url.replace("access_type=offline", "access_type=online"))
    tokens = finish(client, consent, answer)
    assert (tokens.fault, tokens.refresh_token) == ("no-refresh-token", "")
    assert give_back(client, tokens.grant.refresh_token)


def test_giving_back_is_tried_again_and_not_for_ever(google: Google, client: Client) -> None:
    token = google.grant()["refresh_token"]
    google.fault("backendError", method="oauth.revoke", times=4, status=503)
    assert not give_back(client, token)
    assert calls(google)["oauth.revoke"] == 3
    assert give_back(client, token)
    assert grants(google) == []


def test_the_one_scope_said_twice_is_still_the_one_scope(google: Google, client: Client) -> None:
    google.control("settings", {"granted_scopes": [SCOPE, SCOPE]})
    consent = begin(client, REDIRECT)
    assert not finish(client, consent, pressed(google, consent.url)).fault
    assert len(grants(google)) == 1


@pytest.mark.parametrize("body", ["json", "html", "empty"])
@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_token_endpoint_that_fails_is_an_error_of_ours(
    google: Google, client: Client, status: int, body: str
) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    google.fault("backendError", method="oauth.token", status=status, body=body, times=2)
    with pytest.raises(GrantError):
        finish(client, consent, answer)


def test_a_google_that_cannot_be_reached_is_an_error_of_ours_without_its_url(google: Google, client: Client) -> None:
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    with Google() as other:
        gone = Client("demo-client", "demo-secret", client.auth_uri, f"{other.url}/token", client.revoke_uri)
    with pytest.raises(GoogleSilent) as caught:
        finish(gone, consent, answer)
    assert str(caught.value) == "google-silent"
    assert caught.value.__context__ is None


def test_nothing_secret_is_logged_however_much_is_logged(
    google: Google, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    consent = begin(client, REDIRECT)
    answer = pressed(google, consent.url)
    grant = finish(client, consent, answer).grant
    assert is_dead(client, grant) is False
    code = parse_qs(urlsplit(answer).query)["code"][0]
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    assert "urllib3" in logged, "the log is on"
    for secret in (grant.refresh_token, consent.state, consent.verifier, code, "demo-secret"):
        assert secret not in logged
