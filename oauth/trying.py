"""One refresh, to learn what Google says: of a grant, or of our client alone."""

import http.client
from collections.abc import Mapping

import requests

from oauth.bounded import post
from oauth.grant import Client
from oauth.token_errors import Kind, Refusal, refusal

TIMEOUT = 30
"""Seconds that an answer of Google's may take."""

_NOBODYS = "1//0nobody"
"""A refresh token that Google never gave to anybody."""


def tried(client: Client, refresh_token: str, timeout: float | None = None) -> Refusal | None:
    """Try one refresh (RFC 6749 §6) and return what it is refused with; None where it works."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    try:
        answer = posted(client.token_uri, form, timeout)
    except requests.RequestException:
        return Refusal(Kind.LATER)
    return None if answer.status_code == http.client.OK else refusal(answer.status_code, answer.content)


def asked_about_client(client: Client, timeout: float | None = None) -> Refusal:
    """Return what Google says of our client.

    It is authenticated before anything else is looked at (RFC 6749 §3.2.1), so a refresh token of nobody's tells:
    `Kind.CLIENT` where the client is refused, `Kind.GRANT` where it is accepted.
    """
    return tried(client, _NOBODYS, timeout) or Refusal(Kind.UNKNOWN)


def posted(uri: str, form: Mapping[str, str], timeout: float | None = None) -> requests.Response:
    """POST a form, and have its answer within so many seconds; raises `requests.RequestException`."""
    return post(uri, form, TIMEOUT if timeout is None else timeout)
