"""Google's answers as values. What an answer lacks, or holds in another shape, is a damaged answer."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from migrator.errors import AnswerDamaged
from migrator.labels import Label

T = TypeVar("T")

_ID = re.compile(r"[0-9a-f]{1,16}")


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


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the account's messages, by id (`users.history.list`).

    `relabelled` are the labels that were added to a message or taken off it; `history_id` is where to go on from, and
    `complete` whether that is now.
    """

    added: frozenset[str]
    deleted: frozenset[str]
    relabelled: Mapping[str, frozenset[str]]
    history_id: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The records of one page of history, the id of its last one (empty without any), the next page's token."""

    records: tuple[Mapping[str, Any], ...]
    last: str
    next_token: str | None
    now: str


def valued(parse: Callable[[Any], T], answer: Any) -> T:
    """Return what `parse` makes of an answer; raise `AnswerDamaged` where it is of another shape."""
    try:
        return parse(answer)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise AnswerDamaged("another-shape") from None


def account(answer: dict[str, Any]) -> Account:
    """Return the value of a `users.getProfile` answer."""
    return Account(str(answer["emailAddress"]), int(answer["messagesTotal"]), _number(answer["historyId"]))


def labels(answer: dict[str, Any]) -> tuple[Label, ...]:
    """Return the value of a `users.labels.list` answer."""
    return tuple(_label(row) for row in answer.get("labels", ()))


def page(answer: dict[str, Any]) -> Page:
    """Return the value of a `users.messages.list` answer."""
    return Page(tuple(_id(row) for row in answer.get("messages", ())), _token(answer))


def history_page(answer: dict[str, Any]) -> HistoryPage:
    """Return the value of a `users.history.list` answer."""
    records = tuple(answer.get("history", ()))
    return HistoryPage(
        records=records,
        last=_number(records[-1]["id"]) if records else "",
        next_token=_token(answer),
        now=_number(answer["historyId"]) if "historyId" in answer else "",
    )


def changes(records: list[Mapping[str, Any]], history_id: str, *, complete: bool) -> Changes:
    """Return what these records of history say."""
    return valued(lambda rows: _changes(rows, history_id, complete=complete), records)


def _changes(records: list[Mapping[str, Any]], history_id: str, *, complete: bool) -> Changes:
    relabelled: dict[str, set[str]] = {}
    for row in (*_rows(records, "labelsAdded"), *_rows(records, "labelsRemoved")):
        relabelled.setdefault(_id(row["message"]), set()).update(map(str, row["labelIds"]))
    return Changes(
        added=frozenset(_id(row["message"]) for row in _rows(records, "messagesAdded")),
        deleted=frozenset(_id(row["message"]) for row in _rows(records, "messagesDeleted")),
        relabelled={message: frozenset(changed) for message, changed in relabelled.items()},
        history_id=history_id,
        complete=complete,
    )


def _rows(records: list[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (row for record in records for row in record.get(kind, ()))


def _label(row: Mapping[str, Any]) -> Label:
    hidden = row.get("labelListVisibility") == "labelHide"
    return Label(str(row["id"]), str(row["name"]), "user" if row.get("type") == "user" else "system", hidden)


def _id(row: Mapping[str, Any]) -> str:
    if not _ID.fullmatch(row["id"]):
        raise ValueError("no message id")
    return str(row["id"])


def _number(text: object) -> str:
    return str(int(str(text)))


def _token(answer: Mapping[str, Any]) -> str | None:
    token = answer.get("nextPageToken")
    return str(token) if token else None
