"""The grant: what the customer's consent yields, and the credentials the Gmail door reads with."""

import http.client
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials

from oauth.token_errors import json_object, refusal

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
"""The one scope: read-only by construction."""

_LONGEST = 86_400
"""Seconds; no access token of Google's lives longer."""


@dataclass(frozen=True, slots=True)
class Client:
    """The host's OAuth client at Google, and Google's addresses."""

    client_id: str
    client_secret: str = field(repr=False)
    auth_uri: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"


def is_plain_loopback(address: str) -> bool:
    """True for an http address on this machine, which a stand-in for Google has; nobody else can listen there."""
    where = urlsplit(address)
    if where.scheme != "http":
        return False
    try:
        return where.hostname == "localhost" or ip_address(where.hostname or "").is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens; neither has a `repr`. The refresh token alone is kept, sealed."""

    refresh_token: str = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the form that is sealed."""
        return json.dumps({"refresh_token": self.refresh_token}).encode()

    @classmethod
    def from_bytes(cls, blob: bytes) -> "Grant":
        """Read the sealed form, or a grant file: JSON with `refresh_token`.

        Raises:
            ValueError: there is no refresh token in it.
        """
        try:
            token = json.loads(blob)["refresh_token"]
        except (ValueError, LookupError, TypeError):  # a decoding error carries the whole file
            token = None
        if not isinstance(token, str) or not token:
            raise ValueError("no refresh_token in it")
        return cls(token)


class SingleFlightCredentials(Credentials):
    """Credentials that several threads share: one refresh at a time, and none when another thread just did it."""

    def __init__(self, grant: Grant, client: Client) -> None:
        super().__init__(
            token=None,
            refresh_token=grant.refresh_token,
            token_uri=client.token_uri,
            client_id=client.client_id,
            client_secret=client.client_secret,
            scopes=[SCOPE],
        )
        self._flight = threading.Lock()

    def refresh(self, request: Any) -> None:
        """Ask Google for a fresh access token, unless another thread has it already (RFC 6749 §6).

        google-auth's own refresh keeps Google's answer to itself where a new sign-in is needed (`invalid_rapt`).

        Raises:
            RefreshError: refused; its second argument is the `Refusal`.
        """
        seen = self.token
        with self._flight:
            if self.token == seen:
                self._renew(request)

    def _renew(self, request: Any) -> None:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = request(url=self.token_uri, method="POST", headers=sent, body=urlencode(form).encode())
        said = json_object(answer.data)
        token = said.get("access_token")
        if answer.status != http.client.OK or not isinstance(token, str) or not token:
            raise RefreshError("refused", refusal(answer.status, answer.data))
        self.token = token
        self.expiry = _expiry(said.get("expires_in"))


def _expiry(seconds: object) -> datetime | None:
    """Return when a token ends, in UTC without a zone as google-auth has it; None where Google does not say."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LONGEST:
        return None
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds)
