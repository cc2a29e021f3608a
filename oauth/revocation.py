"""The end of a grant: revoked at Google, and asked whether it is really dead.

Revoking a refresh token kills every grant of that account for the whole Google project
(Google, "Using OAuth 2.0 for Web Server Applications", "Revoking a token").
"""

import http.client

import requests

from oauth.grant import Client, Grant

_TIMEOUT = 30


def revoke(client: Client, token: str) -> bool:
    """Revoke a token, sent in the body; True when Google took it back or no longer knows it."""
    try:
        answer = requests.post(client.revoke_uri, data={"token": token}, timeout=_TIMEOUT)
    except requests.RequestException:
        return False
    return answer.status_code == http.client.OK or _error(answer) == "invalid_token"


def is_dead(client: Client, grant: Grant) -> bool:
    """Try one refresh: a revoked grant answers `invalid_grant`."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": grant.refresh_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    try:
        return _error(requests.post(client.token_uri, data=form, timeout=_TIMEOUT)) == "invalid_grant"
    except requests.RequestException:
        return False


def _error(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("error", ""))
    except ValueError:
        return ""
