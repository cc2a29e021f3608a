"""Pages of messages and of history. A page token names the last thing shown, so changes in between do no harm."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from emulator.account import Account, Event, Message
from emulator.errors import refusal

_END = 2**64 - 1
_MARK = 0x5DEECE66D1CE4E5B  # makes tokens opaque to the eye, nothing more
_TOKEN_BYTES = 8


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, newest id first, and the token of the next page; empty when this was the last."""

    messages: Sequence[Message]
    next_token: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some history events, oldest first, and the token of the next page; empty when this was the last."""

    events: Sequence[Event]
    next_token: str


def message_page(
    account: Account, labels: Collection[str], wanted: Callable[[Message], bool], token: str, size: int
) -> MessagePage:
    """Return the next at most `size` messages that carry all `labels` and are `wanted`.

    The walk starts below the id in `token` in the shortest index, so paging through all costs one walk in total.
    With `size` 0 the page is empty and the next one starts at the same place.
    """
    indexes = [account.by_label.get(label, account.order[:0]) for label in labels] or [account.order]
    ids = min(indexes, key=len)
    at = bisect_left(ids, _place(token) if token else _END)
    found: list[Message] = []
    while at and len(found) < size:
        at -= 1
        message = account.messages[ids[at]]
        if wanted(message) and all(label in message.labels for label in labels):
            found.append(message)
    if not size:
        return MessagePage((), token or _token(_END))
    return MessagePage(found, _token(found[-1].id) if at and found else "")


def history_page(account: Account, start: int, wanted: Callable[[Event], bool], token: str, size: int) -> HistoryPage:
    """Return the next at most `size` wanted events after history id `start`, or after the one in `token`."""
    events = account.events
    at = bisect_right(events, _place(token) if token else start, key=lambda event: event.id)
    found: list[Event] = []
    while at < len(events) and len(found) < size:
        if wanted(events[at]):
            found.append(events[at])
        at += 1
    return HistoryPage(found, _token(events[at - 1].id) if at < len(events) else "")


def _token(place: int) -> str:
    return urlsafe_b64encode((place ^ _MARK).to_bytes(_TOKEN_BYTES, "big")).decode().rstrip("=")


def _place(token: str) -> int:
    try:
        raw = urlsafe_b64decode(token + "=")
    except ValueError as error:
        raise refusal("invalidArgument", "Invalid pageToken") from error
    if len(raw) != _TOKEN_BYTES:
        raise refusal("invalidArgument", "Invalid pageToken")
    return int.from_bytes(raw, "big") ^ _MARK
