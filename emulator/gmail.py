"""The read-only methods of the Gmail API on an account: each a function from a call to its JSON answer.

The answers hold only documented fields (discovery document gmail v1); an empty list or string is left out, as
Google's JSON does. A value of type bytes at the top level is base64url text to be spliced in as it is.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

from emulator import account as mailbox
from emulator.account import Account, Event, Kind, Label, Message
from emulator.calls import Call, flag, message_number, one, page_size
from emulator.errors import refusal
from emulator.fields import pruned, selection
from emulator.paging import history_page, message_page
from emulator.parts import full_payload, metadata_payload, snippet
from emulator.search import search

Json = dict[str, Any]
_HIDDEN = frozenset({"SPAM", "TRASH"})
_MESSAGE = "id threadId labelIds snippet historyId internalDate payload sizeEstimate raw classificationLabelValues"
_LABEL = (
    "id name type messageListVisibility labelListVisibility color "
    "messagesTotal messagesUnread threadsTotal threadsUnread"
)


def answer(account: Account, call: Call) -> bytes:
    """Return the JSON body of a call.

    Raises:
        Refused: 400 for bad parameters, 404 for what is not there.
    """
    method, known = _METHODS[call.method]
    found = method(account, call)
    if "fields" in call.query:
        found = pruned(found, selection(one(call.query, "fields"), known.split()))
    return _encoded(found)


def _encoded(found: Json) -> bytes:
    spliced = {name: value for name, value in found.items() if isinstance(value, bytes)}
    plain = {name: value for name, value in found.items() if name not in spliced}
    # Strings of many megabytes are put in as they are: a JSON encoder would look at every character.
    parts = [json.dumps(plain, separators=(",", ":")).encode()[1:-1]] if plain else []
    parts += [b'"%s":"%s"' % (name.encode(), value) for name, value in spliced.items()]
    return b"{" + b",".join(parts) + b"}"


def _get_profile(account: Account, _call: Call) -> Json:
    messages, _, threads = mailbox.totals(account, "")
    return {
        "emailAddress": account.address,
        "messagesTotal": messages,
        "threadsTotal": threads,
        "historyId": str(account.history_id),
    }


def _list_labels(account: Account, _call: Call) -> Json:
    return {"labels": [_label(label) for label in account.labels.values()]}


def _get_label(account: Account, call: Call) -> Json:
    label = account.labels.get(call.id)
    if label is None:
        raise refusal("notFound")
    total, unread, threads = mailbox.totals(account, label.id)
    return _label(label) | {
        "messagesTotal": total,
        "messagesUnread": unread,
        "threadsTotal": threads,
        "threadsUnread": mailbox.unread_threads(account, label.id),
    }


def _label(label: Label) -> Json:
    answer = {"id": label.id, "name": label.name, "type": label.type}
    visible = {
        "labelListVisibility": label.label_list_visibility,
        "messageListVisibility": label.message_list_visibility,
    }
    return answer | {name: value for name, value in visible.items() if value}


def _list_messages(account: Account, call: Call) -> Json:
    labels = call.query.get("labelIds", ())
    asked = search(one(call.query, "q"), account, time.time())
    deep = flag(call.query, "includeSpamTrash") or asked.spam_and_trash
    page = message_page(
        account,
        labels,
        lambda message: (deep or _HIDDEN.isdisjoint(message.labels)) and asked.wanted(message),
        one(call.query, "pageToken"),
        0 if call.damage == "emptyPage" else page_size(call.query),
    )
    # Google's estimate is no better than this one.
    answer: Json = {"resultSizeEstimate": 201 if page.next_token else len(page.messages)}
    if page.messages:
        answer["messages"] = [_reference(message) for message in page.messages]
    return answer | ({"nextPageToken": page.next_token} if page.next_token else {})


def _reference(message: Message) -> Json:
    return {"id": mailbox.id_text(message.id), "threadId": mailbox.id_text(message.thread)}


def _get_message(account: Account, call: Call) -> Json:
    message = account.messages.get(message_number(call.id))
    shown = _FORMATS.get(one(call.query, "format", "full").lower())
    if shown is None:
        raise refusal("invalidArgument", "Invalid format")
    if message is None:
        raise refusal("notFound")
    answer = _reference(message) | {
        "sizeEstimate": message.size,
        "historyId": str(message.history),
        "internalDate": str(message.date),
    }
    return answer | ({"labelIds": message.labels} if message.labels else {}) | shown(message, call)


def _raw(message: Message, call: Call) -> Json:
    text = urlsafe_b64encode(message.source.read(message.id))
    if call.damage == "badBase64":
        text = text[: len(text) // 2] + b"*!" + text[len(text) // 2 :]
    return {"raw": text}


def _minimal(message: Message, _call: Call) -> Json:
    return {"snippet": snippet(full_payload(message.source.read(message.id)))}


def _metadata(message: Message, call: Call) -> Json:
    wanted = call.query.get("metadataHeaders", ())
    return _minimal(message, call) | {"payload": metadata_payload(message.source.read(message.id), wanted)}


def _full(message: Message, _call: Call) -> Json:
    payload = full_payload(message.source.read(message.id))
    return {"snippet": snippet(payload), "payload": payload}


def _list_history(account: Account, call: Call) -> Json:
    start, kinds = one(call.query, "startHistoryId"), call.query.get("historyTypes", tuple(Kind.__members__))
    if not start.isdecimal() or not Kind.__members__.keys() >= set(kinds):
        raise refusal("invalidArgument", "Invalid startHistoryId or historyTypes")
    if int(start) <= account.forgotten:
        raise refusal("notFound")
    label = one(call.query, "labelId")
    page = history_page(
        account,
        int(start),
        lambda event: event.kind.name in kinds and (not label or label in (*event.message.labels, *event.labels)),
        one(call.query, "pageToken"),
        page_size(call.query),
    )
    answer: Json = {"historyId": str(account.history_id)}
    if page.events:
        answer["history"] = [_record(event) for event in page.events]
    token = "AAAAAAAAAAA" if call.damage == "samePage" else page.next_token
    return answer | ({"nextPageToken": token} if token else {})


def _record(event: Event) -> Json:
    message = _reference(event.message)
    labels = {"labelIds": event.message.labels} if event.message.labels else {}
    changed = {"labelIds": event.labels} if event.labels else {}
    return {
        "id": str(event.id),
        "messages": [message],
        event.kind.value: [{"message": message | labels} | changed],
    }


def _list_filters(account: Account, _call: Call) -> Json:
    return {"filter": account.filters} if account.filters else {}


_FORMATS: Mapping[str, Callable[[Message, Call], Json]] = {
    "raw": _raw,
    "minimal": _minimal,
    "metadata": _metadata,
    "full": _full,
}
_METHODS: Mapping[str, tuple[Callable[[Account, Call], Json], str]] = {
    "getProfile": (_get_profile, "emailAddress messagesTotal threadsTotal historyId"),
    "labels.list": (_list_labels, "labels"),
    "labels.get": (_get_label, _LABEL),
    "messages.list": (_list_messages, "messages nextPageToken resultSizeEstimate"),
    "messages.get": (_get_message, _MESSAGE),
    "history.list": (_list_history, "history nextPageToken historyId"),
    "settings.filters.list": (_list_filters, "filter"),
}
