"""Gmail as the migration reads it: who it is, its labels, its message ids, its messages.

Every call reserves its units first (`migrator.quota`), asks google-api-python-client, and asserts that the answer is
the one asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from google.auth.credentials import Credentials

from migrator.errors import MessageGone
from migrator.gmail import decode
from migrator.gmail.answers import HistoryTooOld
from migrator.gmail.connections import Connections, translated
from migrator.labels import Label
from migrator.message import GmailMessage
from migrator.quota import Meter, Method
from migrator.retry import Patience

_PAGE = 500
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
        timeout: seconds Google may be silent before a request counts as failed.
    """

    def __init__(
        self, credentials: Credentials, endpoint: str, meter: Meter, patience: Patience, *, timeout: float = 60
    ) -> None:
        self._connections = Connections(credentials, endpoint, timeout)
        self._meter = meter
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all threads' connections; none may be in use."""
        self._connections.close()

    def account(self) -> Account:
        """Return address, number of messages and the history id of now."""
        answer = self._ask("users.getProfile", lambda users: users.getProfile(userId="me"))
        return Account(answer["emailAddress"], int(answer["messagesTotal"]), str(answer["historyId"]))

    def labels(self) -> tuple[Label, ...]:
        """Return all labels, system and user."""
        answer = self._ask("users.labels.list", lambda users: users.labels().list(userId="me"))
        return tuple(
            Label(row["id"], row["name"], "user" if row.get("type") == "user" else "system", _is_hidden(row))
            for row in answer.get("labels", ())
        )

    def page(self, listing: Listing, token: str | None) -> Page:
        """Return one page of ids; Gmail gives no order that may be relied on, and pages may be empty."""
        answer = self._ask(
            "users.messages.list",
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
        self._pace("users.messages.get")
        if large:
            return translated(lambda: self._stream(message_id))
        return decode.parsed(translated(self._connections.raw(message_id).execute), message_id)

    def _history_page(self, history_id: str, token: str | None) -> dict[str, Any]:
        try:
            return self._ask(
                "users.history.list",
                lambda users: users.history().list(
                    userId="me", startHistoryId=history_id, historyTypes=["messageAdded"], pageToken=token
                ),
            )
        except MessageGone:
            raise HistoryTooOld from None

    def _ask(self, method: Method, request: Callable[[Any], Any]) -> dict[str, Any]:
        self._pace(method)
        answer: dict[str, Any] = translated(request(self._connections.users).execute)
        return answer

    def _pace(self, method: Method) -> None:
        delay = self._meter.reserve(self._meter.profile.units(method), method)
        if delay > 0:
            self._patience.wait(delay)

    def _stream(self, message_id: str) -> GmailMessage:
        with self._connections.streamed(self._connections.raw(message_id).uri) as answer:
            return decode.streamed(answer.iter_content(_CHUNK), message_id)


def _is_hidden(row: dict[str, Any]) -> bool:
    return bool(row.get("labelListVisibility") == "labelHide")
