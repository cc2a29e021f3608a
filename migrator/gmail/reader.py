"""Gmail as the migration reads it: who it is, its labels, its message ids, its messages.

Every call reserves its units first (`migrator.quota`), asks google-api-python-client, and asserts that the answer is
the one asked for: one `httplib2.Http` per thread, because one shared by threads hands out other requests' answers.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from requests import RequestException

from migrator.errors import AnswerDamaged, GoogleUnavailable, MessageGone, ReconnectNeeded
from migrator.gmail import decode
from migrator.gmail.answers import HistoryTooOld, from_answer
from migrator.labels import Label
from migrator.message import GmailMessage
from migrator.quota import Meter
from migrator.retry import Patience

T = TypeVar("T")

_TIMEOUT = 60.0
_PAGE = 500
_MESSAGE_FIELDS = "id,labelIds,internalDate,raw"
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """The account's own word about itself (`users.getProfile`); the address has no `repr`."""

    address: str
    messages: int
    history_id: str

    def __repr__(self) -> str:
        return f"Account(messages={self.messages})"


@dataclass(frozen=True, slots=True)
class Listing:
    """Which messages to list: labels that must all be present, a Gmail search, and whether spam and trash count."""

    label_ids: tuple[str, ...] = ()
    query: str = ""
    spam_and_trash: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Message ids of one page, and the token of the next (None: this was the last)."""

    ids: tuple[str, ...]
    next_token: str | None


class Gmail:
    """One account, read by any number of threads, each with a connection of its own.

    Args:
        credentials: an access token that may be read with `gmail.readonly`; refreshed by google-auth.
        endpoint: base URL of the API, such as `https://gmail.googleapis.com`.
        meter: the account's units per minute.
        patience: where waiting happens.
    """

    def __init__(self, credentials: Credentials, endpoint: str, meter: Meter, patience: Patience) -> None:
        self._credentials = credentials
        self._endpoint = endpoint
        self._meter = meter
        self._patience = patience
        self._local = threading.local()

    def account(self) -> Account:
        """Return address, number of messages and the history id of now."""
        answer = self._ask(self._meter.profile.other, lambda users: users.getProfile(userId="me"))
        return Account(answer["emailAddress"], int(answer["messagesTotal"]), str(answer["historyId"]))

    def labels(self) -> tuple[Label, ...]:
        """Return all labels, system and user."""
        answer = self._ask(self._meter.profile.other, lambda users: users.labels().list(userId="me"))
        return tuple(
            Label(row["id"], row["name"], "user" if row.get("type") == "user" else "system", _is_hidden(row))
            for row in answer.get("labels", ())
        )

    def page(self, listing: Listing, token: str | None) -> Page:
        """Return one page of ids; Gmail gives no order that may be relied on, and pages may be empty."""
        answer = self._ask(
            self._meter.profile.list,
            lambda users: users.messages().list(
                userId="me",
                labelIds=list(listing.label_ids) or None,
                q=listing.query or None,
                includeSpamTrash=listing.spam_and_trash,
                maxResults=_PAGE,
                pageToken=token,
                fields="messages/id,nextPageToken",
            ),
        )
        return Page(tuple(row["id"] for row in answer.get("messages", ())), answer.get("nextPageToken"))

    def ids(self, listing: Listing) -> Iterator[str]:
        """Yield every id of a listing, page after page."""
        page = self.page(listing, None)
        yield from page.ids
        while page.next_token:
            page = self.page(listing, page.next_token)
            yield from page.ids

    def added_since(self, history_id: str) -> tuple[set[str], str]:
        """Return ids of messages added since `history_id`, and the history id of now.

        Raises:
            HistoryTooOld: Google keeps history for a week or so; list everything again.
        """
        added: set[str] = set()
        token: str | None = None
        while True:
            answer = self._history_page(history_id, token)
            added.update(row["message"]["id"] for h in answer.get("history", ()) for row in h.get("messagesAdded", ()))
            token = answer.get("nextPageToken")
            if token is None:
                return added, str(answer.get("historyId", history_id))

    def message(self, message_id: str, *, large: bool = False) -> GmailMessage:
        """Return one message with its bytes; a large one is streamed, so that it is held once."""
        self._pace(self._meter.profile.get)
        if large:
            return self._translated(lambda: self._stream(message_id))
        request = self._messages.get(userId="me", id=message_id, format="raw", fields=_MESSAGE_FIELDS)
        return decode.whole(self._translated(request.execute), message_id)

    def _history_page(self, history_id: str, token: str | None) -> dict[str, Any]:
        try:
            return self._ask(
                self._meter.profile.history,
                lambda users: users.history().list(
                    userId="me", startHistoryId=history_id, historyTypes=["messageAdded"], pageToken=token
                ),
            )
        except MessageGone:
            raise HistoryTooOld from None

    def _ask(self, units: int, request: Callable[[Any], Any]) -> dict[str, Any]:
        self._pace(units)
        answer: dict[str, Any] = self._translated(request(self._users).execute)
        return answer

    def _pace(self, units: int) -> None:
        delay = self._meter.reserve(units)
        if delay > 0:
            self._patience.wait(delay)

    @property
    def _users(self) -> Any:
        if not hasattr(self._local, "users"):
            http = google_auth_httplib2.AuthorizedHttp(self._credentials, http=httplib2.Http(timeout=_TIMEOUT))
            service = build(
                "gmail", "v1", http=http, static_discovery=True, client_options={"api_endpoint": self._endpoint}
            )
            self._local.users = service.users()
            self._local.messages = self._local.users.messages()
        return self._local.users

    @property
    def _messages(self) -> Any:
        return self._users and self._local.messages

    def _stream(self, message_id: str) -> GmailMessage:
        if not hasattr(self._local, "session"):
            self._local.session = AuthorizedSession(self._credentials)
        uri = self._messages.get(userId="me", id=message_id, format="raw", fields=_MESSAGE_FIELDS).uri
        headers = {"Accept-Encoding": "gzip", "User-Agent": "migrator (gzip)"}
        with self._local.session.get(uri, stream=True, timeout=_TIMEOUT, headers=headers) as answer:
            if answer.status_code >= http.client.BAD_REQUEST:
                raise from_answer(answer.status_code, answer.content)
            return decode.streamed(answer.iter_content(_CHUNK), message_id)

    @staticmethod
    def _translated(action: Callable[[], T]) -> T:
        """Call `action`; turn what the Google libraries raise into our errors, without their texts."""
        try:
            return action()
        except HttpError as error:
            raise from_answer(error.resp.status, error.content) from None
        except RefreshError as error:
            raise (GoogleUnavailable("token") if error.retryable else ReconnectNeeded("invalid_grant")) from None
        except (TransportError, httplib2.HttpLib2Error, RequestException, http.client.HTTPException, OSError) as error:
            raise GoogleUnavailable(type(error).__name__) from None
        except GoogleAuthError as error:
            raise ReconnectNeeded(type(error).__name__) from None
        except ValueError:
            raise AnswerDamaged("not-json") from None


def _is_hidden(row: dict[str, Any]) -> bool:
    return bool(row.get("labelListVisibility") == "labelHide")
