import re
import time
from base64 import b64encode
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from small_mailbox import ADDRESS
from stand_in import Google, Reply

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
REDIRECT = "http://127.0.0.1:9/back"


@pytest.fixture(autouse=True)
def _http_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def flow(google: Google, redirect: str = REDIRECT, secret: str = "demo-secret") -> Flow:
    web = {
        "client_id": "demo-client",
        "client_secret": secret,
        "auth_uri": f"{google.url}/o/oauth2/v2/auth",
        "token_uri": f"{google.url}/token",
    }
    return Flow.from_client_config({"web": web}, [READONLY], redirect_uri=redirect, autogenerate_code_verifier=True)


def asked(one: Flow, **more: str) -> str:
    url, _state = one.authorization_url(**{"access_type": "offline", "prompt": "consent", "state": "s t&", **more})
    return str(url)


def page(google: Google, url: str) -> Reply:
    return google.request("GET", url.removeprefix(google.url))


def press(google: Google, url: str, decision: str, account: str = ADDRESS) -> Reply:
    """Send the consent page's form as a browser does."""
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page(google, url).body.decode())
    form = {unescape(name): unescape(value) for name, value in fields}
    return google.request("POST", "/o/oauth2/v2/auth", form | {"account": account, "decision": decision})


def returned(reply: Reply) -> dict[str, str]:
    assert reply.status == 303
    assert reply.headers["location"].startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


def consented(google: Google, **more: str) -> tuple[Flow, str]:
    one = flow(google)
    return one, returned(press(google, asked(one, **more), "allow"))["code"]


def exchange(google: Google, code: str, **changes: str) -> Reply:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": "demo-client"}
    return google.request("POST", "/token", form | {"client_secret": "demo-secret"} | changes)


def refresh(google: Google, token: str, **changes: str) -> Reply:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "demo-client"}
    return google.request("POST", "/token", form | {"client_secret": "demo-secret"} | changes)


def test_the_consent_page_names_client_account_and_scopes(google: Google) -> None:
    shown = page(google, asked(flow(google))).body.decode()
    assert all(word in shown for word in ("demo-client", ADDRESS, READONLY, "View your email", "Allow", "Deny"))
    assert "<script" not in shown


def test_the_consent_page_escapes_what_it_is_given(google: Google) -> None:
    shown = page(google, asked(flow(google), state='"><script>x')).body.decode()
    assert "<script" not in shown


def test_the_real_flow_gets_tokens_that_open_the_mailbox(google: Google) -> None:
    one, code = consented(google)
    answer = one.fetch_token(code=code)
    assert answer["scope"] == [READONLY]
    assert answer["refresh_token"]
    assert google.gmail("profile", answer["access_token"]).json()["emailAddress"] == ADDRESS


def test_state_comes_back_with_the_code_and_deny_gives_none(google: Google) -> None:
    assert returned(press(google, asked(flow(google)), "allow"))["state"] == "s t&"
    assert returned(press(google, asked(flow(google)), "deny")) == {"error": "access_denied", "state": "s t&"}


def test_several_accounts_are_offered_and_the_hint_is_selected(google: Google) -> None:
    google.control("accounts", {"address": "second@gmail.example"})
    shown = page(google, asked(flow(google), login_hint="second@gmail.example")).body.decode()
    assert re.findall(r'value="([^"]*@[^"]*)" checked', shown) == ["second@gmail.example"]
    one = flow(google)
    code = returned(press(google, asked(one), "allow", "second@gmail.example"))["code"]
    token = one.fetch_token(code=code)["access_token"]
    assert google.gmail("profile", token).json()["emailAddress"] == "second@gmail.example"


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": "https://attacker.example/"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"scope": ""}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_for_consent_shows_an_error_and_never_redirects(
    google: Google, change: dict[str, str], status: int, word: str
) -> None:
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked(flow(google))).query).items()} | change
    for reply in (
        google.request("GET", f"/o/oauth2/v2/auth?{urlencode(query)}"),
        google.request("POST", "/o/oauth2/v2/auth", query | {"account": ADDRESS, "decision": "allow"}),
    ):
        assert (reply.status, "location" in reply.headers) == (status, False)
        assert word in reply.body.decode()


def test_a_code_works_once(google: Google) -> None:
    one, code = consented(google)
    assert exchange(google, code, code_verifier=str(one.code_verifier)).status == 200
    again = exchange(google, code, code_verifier=str(one.code_verifier))
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("verifier", "text"), [("", "Missing code verifier."), ("wrong" * 10, "Invalid code verifier.")]
)
def test_a_missing_or_wrong_verifier_is_refused_and_uses_the_code_up(google: Google, verifier: str, text: str) -> None:
    one, code = consented(google)
    refused = exchange(google, code, code_verifier=verifier)
    assert (refused.status, refused.json()) == (400, {"error": "invalid_grant", "error_description": text})
    assert exchange(google, code, code_verifier=str(one.code_verifier)).status == 400


def test_a_code_is_bound_to_its_redirect_uri_and_grows_old(google: Google) -> None:
    one, code = consented(google)
    verifier = str(one.code_verifier)
    other = exchange(google, code, code_verifier=verifier, redirect_uri="http://127.0.0.1:9/other")
    assert (other.status, other.json()["error"]) == (400, "redirect_uri_mismatch")
    google.control("settings", {"code_seconds": 0.0})
    one, code = consented(google)
    assert exchange(google, code, code_verifier=str(one.code_verifier)).json()["error"] == "invalid_grant"


def test_a_wrong_client_secret_is_refused_in_the_body_and_in_the_header(google: Google) -> None:
    grant = google.grant()
    refused = refresh(google, grant["refresh_token"], client_secret="no")
    assert (refused.status, refused.json()["error"]) == (401, "invalid_client")
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    for secret, status in (("no", 401), ("demo-secret", 200)):
        basic = {"Authorization": "Basic " + b64encode(f"demo-client:{secret}".encode()).decode()}
        assert google.request("POST", "/token", form, headers=basic).status == status
    assert refresh(google, grant["refresh_token"], grant_type="password").json()["error"] == "unsupported_grant_type"


def test_a_refresh_token_comes_with_consent_or_the_first_time_only(google: Google) -> None:
    def got(**more: str) -> bool:
        one, code = consented(google, **more)
        return "refresh_token" in exchange(google, code, code_verifier=str(one.code_verifier)).json()

    assert not got(access_type="online")
    assert got(prompt="select_account")
    assert not got(prompt="select_account")
    assert got(prompt="consent")


@pytest.mark.parametrize("scopes", [["openid"], [READONLY, "openid"]])
def test_the_scopes_granted_can_differ_from_those_asked_for(google: Google, scopes: list[str]) -> None:
    google.control("settings", {"granted_scopes": scopes})
    one, code = consented(google)
    assert exchange(google, code, code_verifier=str(one.code_verifier)).json()["scope"] == " ".join(scopes)
    one, code = consented(google)
    with pytest.raises(Warning, match="Scope has changed"):
        one.fetch_token(code=code)


def test_an_access_token_grows_old_and_a_refresh_brings_another(google: Google) -> None:
    grant = google.grant(expires_in=0.2)
    assert google.gmail("profile", grant["access_token"]).status == 200
    time.sleep(0.25)
    assert google.gmail("profile", grant["access_token"]).status == 401
    fresh = refresh(google, grant["refresh_token"]).json()
    assert fresh["expires_in"] == 3600
    assert google.gmail("profile", fresh["access_token"]).status == 200


def credentials(google: Google) -> Any:
    grant = google.grant()
    parts = {name: grant[name] for name in ("refresh_token", "token_uri", "client_id", "client_secret")}
    return Credentials(None, **parts)  # type: ignore[no-untyped-call]


def test_revoking_either_token_kills_the_whole_grant(google: Google) -> None:
    for which in ("refresh_token", "access_token"):
        first, second = google.grant(), google.grant()
        assert google.request("POST", "/revoke", {"token": first[which]}).status == 200
        for grant in (first, second):
            assert google.gmail("profile", grant["access_token"]).status == 401
            dead = refresh(google, grant["refresh_token"]).json()
            want = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            assert dead == want
        again = google.request("POST", "/revoke", {"token": first[which]})
        assert (again.status, again.json()["error"]) == (400, "invalid_token")


def test_the_real_credentials_refresh_until_the_grant_is_revoked(google: Google) -> None:
    creds = credentials(google)
    creds.refresh(Request())
    assert google.gmail("profile", creds.token).status == 200
    google.request("POST", "/revoke", {"token": creds.refresh_token})
    with pytest.raises(RefreshError, match="invalid_grant") as dead:
        creds.refresh(Request())
    assert dead.value.retryable is False


def test_a_token_in_the_url_is_not_revoked(google: Google) -> None:
    grant = google.grant()
    assert google.request("POST", f"/revoke?token={grant['refresh_token']}").status == 400
    assert google.gmail("profile", grant["access_token"]).status == 200


def test_the_control_plane_lists_grants_without_tokens_and_kills_them(google: Google) -> None:
    grant = google.grant()
    assert google.control("grants") == {
        "grants": [{"client_id": "demo-client", "account": ADDRESS, "scopes": [READONLY]}]
    }
    google.control("grants", {"account": ADDRESS}, verb="DELETE")
    assert refresh(google, grant["refresh_token"]).json()["error"] == "invalid_grant"
