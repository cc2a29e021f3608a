"""The end of a grant: revoked at Google, and asked whether it is really dead.

Revoking a refresh token kills every grant of that account for the whole Google project
(Google, "Using OAuth 2.0 for Web Server Applications", "Revoking a token").
"""

import http.client

import requests
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from oauth.grant import Client, Grant
from oauth.token_errors import Kind, Refusal, json_object
from oauth.trying import posted, tried

_TRIES = 3
_PAUSE = 0.5


def revoke(client: Client, token: str) -> bool:
    """Revoke a token, sent in the body; True when Google took it back or no longer knows it."""
    try:
        answer = posted(client.revoke_uri, {"token": token})
    except requests.RequestException:
        return False
    return answer.status_code == http.client.OK or _is_unknown(answer)


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
    return _says_dead(tried(client, grant.refresh_token))


def is_gone(client: Client, grant: Grant) -> bool:
    """Tell whether a grant that was revoked just now is dead.

    While Google does not accept our client, no refresh says so. Revoking needs no client (RFC 7009 §2.1, as Google has
    it), so the token is revoked once more: `invalid_token` says that Google no longer knows it.
    """
    said = tried(client, grant.refresh_token)
    if said is None or said.kind is not Kind.CLIENT:
        return _says_dead(said)
    try:
        return _is_unknown(posted(client.revoke_uri, {"token": grant.refresh_token}))
    except requests.RequestException:
        return False


def _says_dead(said: Refusal | None) -> bool:
    return said is not None and said.word == "invalid_grant" and said.kind in {Kind.GRANT, Kind.ACCOUNT}


def _is_unknown(answer: requests.Response) -> bool:
    return json_object(answer.content).get("error") == "invalid_token"
