"""Gmail as the migration reads it: who it is, its labels, its message ids, its messages.

Every call reserves its units first (`migrator.quota`), asks google-api-python-client, and asserts that the answer is
the one asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

from google.auth.credentials import Credentials

from migrator.errors import AnswerDamaged, MessageGone
from migrator.gmail import decode, values
from migrator.gmail.answers import HistoryTooOld
from migrator.gmail.connections import Calls, Connections, translated
from migrator.gmail.paging import Turns
from migrator.gmail.values import Account, Changes, HistoryPage, Listing, Page, valued
from migrator.labels import Label
from migrator.message import GmailMessage
from migrator.quota import Meter, Method
from migrator.retry import Patience

T = TypeVar("T")

_PAGE = 500
_CHUNK = 256 * 1024
_HISTORY_PAGES = 100
"""Pages of history read in one go: fifty thousand changes."""

MOST_PAGES = 100_000
"""More pages of ids than any account has; a listing that gives more does not end."""

_MESSAGE = "message/id"
_HISTORY_FIELDS = (
    f"history(id,messagesAdded/{_MESSAGE},messagesDeleted/{_MESSAGE},labelsAdded({_MESSAGE},labelIds),"
    f"labelsRemoved({_MESSAGE},labelIds)),nextPageToken,historyId"
)
_CHANGES = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]


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
        return self._ask("users.getProfile", lambda calls: calls.users.getProfile(userId="me"), values.account)

    def labels(self) -> tuple[Label, ...]:
        """Return all labels, system and user."""
        return self._ask("users.labels.list", lambda calls: calls.labels.list(userId="me"), values.labels)

    def page(self, listing: Listing, token: str | None) -> Page:
        """Return one page of ids; Gmail gives no order that may be relied on, and pages may be empty."""
        return self._ask(
            "users.messages.list",
            lambda calls: calls.messages.list(
                userId="me",
                labelIds=list(listing.label_ids) or None,
                q=listing.query or None,
                includeSpamTrash=listing.spam_and_trash,
                maxResults=_PAGE,
                pageToken=token,
                fields="messages/id,nextPageToken",
            ),
            values.page,
        )

    def ids(self, listing: Listing) -> Iterator[str]:
        """Yield every id of a listing, page after page; `AnswerDamaged` where it does not end."""
        turns, token = Turns(MOST_PAGES), None
        while turns.may_ask(token):
            page = self.page(listing, token)
            yield from page.ids
            token = page.next_token
            if token is None:
                return
        raise AnswerDamaged("endless")

    def changes_since(self, history_id: str) -> Changes:
        """Return what happened to messages since `history_id`; of a very long history the beginning.

        Raises:
            HistoryTooOld: Google keeps history for a week or so; list everything again. Or there is no end to it.
        """
        records: list[Mapping[str, Any]] = []
        last, turns, token = history_id, Turns(_HISTORY_PAGES), None
        while turns.may_ask(token):
            page = self._history_page(history_id, token)
            records += page.records
            last, token = page.last or last, page.next_token
            if token is None:
                return values.changes(records, page.now or last, complete=True)
        if last == history_id:
            raise HistoryTooOld
        return values.changes(records, last, complete=False)

    def knows(self, message_id: str) -> bool:
        """Ask for a message's id alone; False where there is no such message any more.

        Raises:
            Transient, Waiting: as any question.
        """
        try:
            self._ask(
                "users.messages.get",
                lambda calls: calls.messages.get(userId="me", id=message_id, format="minimal", fields="id"),
                lambda answer: answer["id"],
            )
        except MessageGone:
            return False
        return True

    def message(self, message_id: str, *, large: bool = False) -> GmailMessage:
        """Return one message with its bytes; a large one is streamed, so that it is held once."""
        self._pace("users.messages.get")
        if large:
            return translated(lambda: self._stream(message_id))
        asked = self._connections.raw(message_id)
        return decode.parsed(translated(lambda: self._connections.ask(asked)), message_id)

    def _history_page(self, history_id: str, token: str | None) -> HistoryPage:
        try:
            return self._ask(
                "users.history.list",
                lambda calls: calls.history.list(
                    userId="me",
                    startHistoryId=history_id,
                    historyTypes=_CHANGES,
                    maxResults=_PAGE,
                    pageToken=token,
                    fields=_HISTORY_FIELDS,
                ),
                values.history_page,
            )
        except MessageGone:
            raise HistoryTooOld from None

    def _ask(self, method: Method, request: Callable[[Calls], Any], parse: Callable[[dict[str, Any]], T]) -> T:
        self._pace(method)
        asked = request(self._connections.calls)
        return valued(parse, translated(lambda: self._connections.ask(asked)))

    def _pace(self, method: Method) -> None:
        delay = self._meter.reserve(self._meter.profile.units(method), method)
        if delay > 0:
            self._patience.wait(delay)

    def _stream(self, message_id: str) -> GmailMessage:
        with self._connections.streamed(self._connections.raw(message_id).uri) as answer:
            return decode.streamed(answer.iter_content(_CHUNK), message_id)
