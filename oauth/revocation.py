"""The end of a grant: revoked at Google, and asked whether it is really dead.

Revoking a refresh token kills every grant of that account for the whole Google project
(Google, "Using OAuth 2.0 for Web Server Applications", "Revoking a token").
"""

import http.client
from collections.abc import Mapping

import requests
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from oauth.grant import Client, Grant
from oauth.token_errors import Kind, refusal

_TIMEOUT = 30
_TRIES = 3
_PAUSE = 0.5


def revoke(client: Client, token: str) -> bool:
    """Revoke a token, sent in the body; True when Google took it back or no longer knows it."""
    try:
        answer = _posted(client.revoke_uri, {"token": token})
    except requests.RequestException:
        return False
    return answer.status_code == http.client.OK or _error(answer) == "invalid_token"


def give_back(client: Client, token: str) -> bool:
    """Revoke a token that must not be kept, with a little patience, for nobody comes back to it later."""
    tries = Retrying(
        retry=retry_if_result(lambda taken: not taken),
        stop=stop_after_attempt(_TRIES),
        wait=wait_fixed(_PAUSE),
        retry_error_callback=lambda _: False,
    )
    return bool(tries(revoke, client, token))


def is_dead(client: Client, grant: Grant) -> bool:
    """Try one refresh: a revoked grant answers `invalid_grant`.

    So does a living one whose organisation asks for a new sign-in, with a subtype that says so.
    """
    form = {
        "grant_type": "refresh_token",
        "refresh_token": grant.refresh_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    try:
        answer = _posted(client.token_uri, form)
    except requests.RequestException:
        return False
    said = refusal(answer.status_code, answer.content)
    return said.word == "invalid_grant" and said.kind in {Kind.GRANT, Kind.ACCOUNT}


def _posted(uri: str, form: Mapping[str, str]) -> requests.Response:
    # A redirect would carry the token on to another place (RFC 9110 §15.4.8: 307 repeats the body).
    return requests.post(uri, data=form, timeout=_TIMEOUT, allow_redirects=False)


def _error(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("error", ""))
    except (ValueError, AttributeError):  # no JSON, or JSON that is no object
        return ""
