import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from engine import calls
from stand_in import Google

from oauth.grant import Client, Grant
from oauth.revocation import give_back, is_dead, revoke


def made(google: Google) -> Grant:
    return Grant(google.grant()["refresh_token"])


def test_a_revoked_grant_is_dead(google: Google, client: Client) -> None:
    grant = made(google)
    assert not is_dead(client, grant)
    assert revoke(client, grant.refresh_token)
    assert is_dead(client, grant)


def test_revoking_takes_every_token_of_the_grant_along(google: Google, client: Client) -> None:
    made_now = google.grant()
    revoke(client, made_now["refresh_token"])
    assert google.gmail("profile", made_now["access_token"]).status == 401


def test_revoking_again_is_fine(google: Google, client: Client) -> None:
    grant = made(google)
    assert revoke(client, grant.refresh_token)
    assert revoke(client, grant.refresh_token)
    assert calls(google)["oauth.revoke"] == 2


def test_what_google_never_knew_is_gone_too(client: Client) -> None:
    assert revoke(client, "1//0never")


@pytest.mark.parametrize("body", ["json", "html", "empty"])
@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_google_that_fails_has_revoked_nothing(google: Google, client: Client, status: int, body: str) -> None:
    grant = made(google)
    google.fault("backendError", method="oauth.revoke", status=status, body=body)
    assert not revoke(client, grant.refresh_token)
    assert not is_dead(client, grant)
    assert revoke(client, grant.refresh_token)


@pytest.mark.parametrize("status", [400, 401, 500])
def test_only_invalid_grant_proves_that_it_is_dead(google: Google, client: Client, status: int) -> None:
    grant = made(google)
    revoke(client, grant.refresh_token)
    google.fault("backendError", method="oauth.token", status=status)
    assert not is_dead(client, grant)
    assert is_dead(client, grant)


@pytest.mark.parametrize("subtype", ["invalid_rapt", "rapt_required"])
def test_a_grant_that_waits_for_a_new_sign_in_is_not_dead(google: Google, client: Client, subtype: str) -> None:
    grant = made(google)
    google.fault("oauthError", reason="invalid_grant", subtype=subtype)
    assert not is_dead(client, grant)
    revoke(client, grant.refresh_token)
    assert is_dead(client, grant)


def test_a_wrong_client_secret_proves_nothing(google: Google) -> None:
    wrong = Client("demo-client", "wrong", "", f"{google.url}/token", f"{google.url}/revoke")
    assert not is_dead(wrong, made(google))


def test_a_google_that_cannot_be_reached_has_revoked_nothing(google: Google) -> None:
    grant = made(google)
    with Google() as other:
        gone = Client("demo-client", "demo-secret", "", f"{other.url}/token", f"{other.url}/revoke")
    assert not revoke(gone, grant.refresh_token)
    assert not is_dead(gone, grant)


def test_giving_back_tries_a_little_and_tells_how_it_ended(google: Google, client: Client) -> None:
    grant = made(google)
    google.fault("backendError", method="oauth.revoke", times=3, status=503)
    assert not give_back(client, grant.refresh_token)
    assert give_back(client, grant.refresh_token)
    assert calls(google)["oauth.revoke"] == 4


@pytest.fixture
def elsewhere(google: Google) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends every request on to the stand-in, and one that says JSON which is no object."""
    heard: list[bytes] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(307 if self.path == "/revoke" else 400)
            self.send_header("Location", f"{google.url}{self.path}")
            body = b'["invalid_grant"]'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


def test_a_token_is_not_carried_on_to_where_a_redirect_points(
    google: Google, elsewhere: tuple[str, list[bytes]]
) -> None:
    place, heard = elsewhere
    moved = Client("demo-client", "demo-secret", "", f"{place}/token", f"{place}/revoke")
    assert not revoke(moved, made(google).refresh_token)
    assert len(heard) == 1
    assert "oauth.revoke" not in calls(google)


def test_an_answer_of_another_shape_proves_nothing(google: Google, elsewhere: tuple[str, list[bytes]]) -> None:
    odd = Client("demo-client", "demo-secret", "", f"{elsewhere[0]}/token", "")
    assert not is_dead(odd, made(google))


def test_the_token_goes_in_the_body_and_into_no_log(
    google: Google, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    grant = made(google)
    revoke(client, grant.refresh_token)
    assert "/revoke" in caplog.text, "the log is on, and shows the URL"
    assert grant.refresh_token not in caplog.text
