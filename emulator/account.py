"""One Google account's mailbox: messages, labels and history as values, and the four things that happen to it.

A message id is Gmail's hexadecimal number, kept as an integer; every index is a sorted array of ids, so a million
messages stay small and a page is a slice. Each change makes history events (users.history).
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from emulator.mail import Source

SYSTEM_LABELS = (
    *("INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "CHAT", "STARRED", "UNREAD", "IMPORTANT"),
    *("CATEGORY_PERSONAL", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES", "CATEGORY_FORUMS"),
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label as `users.labels` has it; `type` is "system" or "user"."""

    id: str
    name: str
    type: str = "user"
    label_list_visibility: str = ""
    message_list_visibility: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message without its bytes: `date` is internalDate in ms, `size` the served bytes, `history` the last change."""

    id: int
    thread: int
    date: int
    labels: tuple[str, ...]
    size: int
    source: Source
    history: int


class Kind(Enum):
    """What a history event says; the value is the name of its array in a history record."""

    messageAdded = "messagesAdded"  # noqa: N815
    messageDeleted = "messagesDeleted"  # noqa: N815
    labelAdded = "labelsAdded"  # noqa: N815
    labelRemoved = "labelsRemoved"  # noqa: N815


@dataclass(frozen=True, slots=True)
class Event:
    """One history record: what happened to `message` (as it was after it), and the `labels` added or removed."""

    id: int
    kind: Kind
    message: Message
    labels: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """The mailbox of one address. `forgotten` is the newest history id that can no longer be asked for."""

    address: str
    labels: dict[str, Label] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    order: "array[int]" = field(default_factory=lambda: array("Q"))
    by_label: dict[str, "array[int]"] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    filters: list[dict[str, object]] = field(default_factory=list)
    history_id: int = 100_000
    forgotten: int = 0
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def id_text(number: int) -> str:
    """Return an id as Gmail writes it: hexadecimal without leading zeros (15 digits before 4 November 2004)."""
    return f"{number:x}"


def new_account(address: str) -> Account:
    """Return an empty mailbox with Gmail's system labels."""
    return Account(address, {name: Label(name, name, "system") for name in SYSTEM_LABELS})


def load(account: Account, messages: Iterable[Message]) -> None:
    """Fill the mailbox at start: as `add`, but without history, and fast for a great many."""
    for message in sorted(messages, key=lambda one: one.id):
        if message.id in account.messages:
            raise ValueError(f"message id {id_text(message.id)} occurs twice")
        account.messages[message.id] = message
    account.order = array("Q", sorted(account.messages))
    account.by_label.clear()
    for number in account.order:
        for label in account.messages[number].labels:
            _ids(account, label).append(number)
    account.counts.clear()


def add(account: Account, message: Message) -> Message:
    """Put a new message into the mailbox; its `history` is set.

    Raises:
        ValueError: the id is taken.
    """
    if message.id in account.messages:
        raise ValueError("this message id is taken")
    message = replace(message, history=_next_history(account))
    account.messages[message.id] = message
    for ids in (account.order, *(_ids(account, label) for label in message.labels)):
        ids.insert(bisect_left(ids, message.id), message.id)
    account.events.append(Event(message.history, Kind.messageAdded, message))
    return message


def delete(account: Account, number: int) -> None:
    """Delete a message for good (not to Trash). Raises KeyError when there is none."""
    message = replace(account.messages.pop(number), history=_next_history(account))
    for ids in (account.order, *(_ids(account, label) for label in message.labels)):
        del ids[bisect_left(ids, number)]
    account.events.append(Event(message.history, Kind.messageDeleted, message))


def relabel(account: Account, number: int, added: Sequence[str], removed: Sequence[str]) -> Message:
    """Add and remove labels, one history record for each of the two. Raises KeyError when there is no message."""
    message = account.messages[number]
    gone = tuple(label for label in message.labels if label in removed)
    kept = tuple(label for label in message.labels if label not in removed)
    fresh = tuple(label for label in dict.fromkeys(added) if label not in kept)
    if gone:
        message = _record(account, replace(message, labels=kept), Kind.labelRemoved, gone)
    if fresh:
        message = _record(account, replace(message, labels=kept + fresh), Kind.labelAdded, fresh)
    return message


def forget_history(account: Account) -> None:
    """Make every history id up to now too old: `history.list` answers 404 for them."""
    account.forgotten = account.history_id
    _next_history(account)
    account.events.clear()


def totals(account: Account, label: str) -> tuple[int, int, int]:
    """Return messages, unread messages and threads of a label (empty string: of the whole mailbox)."""
    if label not in account.counts:
        ids = account.by_label.get(label, array("Q")) if label else account.order
        chosen = [account.messages[number] for number in ids]
        unread = sum("UNREAD" in one.labels for one in chosen)
        account.counts[label] = (len(chosen), unread, len({one.thread for one in chosen}))
    return account.counts[label]


def unread_threads(account: Account, label: str) -> int:
    """Return the number of threads with an unread message under the label."""
    messages = (account.messages[number] for number in account.by_label.get(label, ()))
    return len({one.thread for one in messages if "UNREAD" in one.labels})


def _record(account: Account, message: Message, kind: Kind, labels: tuple[str, ...]) -> Message:
    message = replace(message, history=_next_history(account))
    account.messages[message.id] = message
    for label in labels:
        ids = _ids(account, label)
        at = bisect_left(ids, message.id)
        if kind is Kind.labelAdded:
            ids.insert(at, message.id)
        else:
            del ids[at]
    account.events.append(Event(message.history, kind, message, labels))
    return message


def _ids(account: Account, label: str) -> "array[int]":
    return account.by_label.setdefault(label, array("Q"))


def _next_history(account: Account) -> int:
    account.history_id += 7  # Gmail's history ids have gaps
    account.counts.clear()
    return account.history_id
