"""The part of Gmail's search language (`q`) the stand-in understands.

Terms stand side by side and must all hold; `-` before a term negates it; a value may stand in double quotes.

    in:X            inbox, sent, draft(s), spam, trash, chat(s), starred, important, unread, archive, anywhere
    label:X         a label by id or by name; case does not matter, `-` may stand for a blank or a `/` of the name
    is:X            unread, read, starred, important
    has:X           userlabels, nouserlabels
    larger:N        more than N bytes of the message; smaller:N fewer; N may end in K (1,024) or M (1,048,576)
    after:D         internalDate at or after D; before:D earlier. D is yyyy/mm/dd (midnight of UTC-8, as Gmail's
                    page on filtering says: "PST") or seconds since the epoch
    newer_than:P    within the period P, a number with d, m (30 days) or y (365 days); older_than:P not within it
    rfc822msgid:X   the Message-ID, with or without angle brackets

Positive in:spam, in:trash and in:anywhere bring Spam and Trash into the result without `includeSpamTrash`.
Anything else (free words, OR, braces, other operators) is refused with 400 invalidArgument, so that a test notices.
Source: support.google.com/mail/answer/7190, developers.google.com/workspace/gmail/api/guides/filtering.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from emulator.account import Account, Message
from emulator.errors import refusal
from emulator.mail import message_id

Test = Callable[[Message], bool]
_TERM = re.compile(r'\s*(-?)([a-z0-9_]+):("[^"]*"|[^\s"(){}]+)(?=\s|$)')
_SIZE = re.compile(r"(\d+)([KkMm]?)")
_PERIOD = re.compile(r"(\d+)([dmy])")
_DAYS = {"d": 1, "m": 30, "y": 365}
_PST_HOURS = 8
_PLACES = {
    **{word: word.upper() for word in ("inbox", "sent", "draft", "spam", "trash", "chat", "starred")},
    "drafts": "DRAFT",
    "chats": "CHAT",
    "important": "IMPORTANT",
    "unread": "UNREAD",
}
_NOT_ARCHIVED = ("INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "CHAT")


@dataclass(frozen=True, slots=True)
class Search:
    """A search made ready: the test a message must pass, and whether Spam and Trash were asked for."""

    wanted: Test
    spam_and_trash: bool = False


def search(text: str, account: Account, now: float) -> Search:
    """Return the search for a `q` value; `now` is in seconds since the epoch.

    Raises:
        Refused: 400 invalidArgument for anything outside the subset above.
    """
    tests: list[Test] = []
    deep = False
    at = 0
    text = text.rstrip()
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise _refused()
        sign, name, value = term.groups()
        test = _test(name, value.strip('"'), account, now)
        tests.append(_negated(test) if sign else test)
        deep = deep or (not sign and name == "in" and value.strip('"').lower() in {"spam", "trash", "anywhere"})
        at = term.end()
    return Search(lambda message: all(test(message) for test in tests), deep)


def _test(name: str, value: str, account: Account, now: float) -> Test:
    make = _OPERATORS.get(name)
    if make is None:
        raise _refused()
    return make(value, account, now)


def _negated(test: Test) -> Test:
    return lambda message: not test(message)


def _refused() -> Exception:
    return refusal("invalidArgument", "Invalid query: outside of what the stand-in understands")


def _has(label: str) -> Test:
    return lambda message: label in message.labels


def _in(value: str, _account: Account, _now: float) -> Test:
    word = value.lower()
    if word == "anywhere":
        return lambda _message: True
    if word == "archive":
        return lambda message: not any(label in message.labels for label in _NOT_ARCHIVED)
    if word not in _PLACES:
        raise _refused()
    return _has(_PLACES[word])


def _is(value: str, _account: Account, _now: float) -> Test:
    word = value.lower()
    if word == "read":
        return _negated(_has("UNREAD"))
    if word not in {"unread", "starred", "important"}:
        raise _refused()
    return _has(word.upper())


def _label(value: str, account: Account, _now: float) -> Test:
    asked = _folded(value)
    ids = {one.id for one in account.labels.values() if one.id == value or _folded(one.name) == asked}
    return lambda message: any(label in ids for label in message.labels)


def _folded(name: str) -> str:
    return re.sub(r"[\s/]", "-", name).casefold()


def _user_labels(value: str, account: Account, _now: float) -> Test:
    if value not in {"userlabels", "nouserlabels"}:
        raise _refused()
    user = {one.id for one in account.labels.values() if one.type == "user"}
    return lambda message: any(label in user for label in message.labels) is (value == "userlabels")


def _bytes(value: str) -> int:
    size = _SIZE.fullmatch(value)
    if size is None:
        raise _refused()
    return int(size.group(1)) * {"": 1, "k": 1024, "m": 1024 * 1024}[size.group(2).lower()]


def _larger(value: str, _account: Account, _now: float) -> Test:
    limit = _bytes(value)
    return lambda message: message.size > limit


def _smaller(value: str, _account: Account, _now: float) -> Test:
    limit = _bytes(value)
    return lambda message: message.size < limit


def _moment(value: str) -> float:
    """Return a date of a search in ms since the epoch."""
    if value.isdecimal():
        return int(value) * 1000
    try:
        day = datetime.strptime(value.replace("-", "/"), "%Y/%m/%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused() from error
    return (day + timedelta(hours=_PST_HOURS)).timestamp() * 1000


def _after(value: str, _account: Account, _now: float) -> Test:
    start = _moment(value)
    return lambda message: message.date >= start


def _before(value: str, _account: Account, _now: float) -> Test:
    end = _moment(value)
    return lambda message: message.date < end


def _newer(value: str, _account: Account, now: float) -> Test:
    period = _PERIOD.fullmatch(value)
    if period is None:
        raise _refused()
    start = (now - int(period.group(1)) * _DAYS[period.group(2)] * 86_400) * 1000
    return lambda message: message.date >= start


def _older(value: str, account: Account, now: float) -> Test:
    return _negated(_newer(value, account, now))


def _rfc822msgid(value: str, _account: Account, _now: float) -> Test:
    wanted = value.strip("<>")
    return lambda message: message_id(message.source.read(message.id)).strip("<>") == wanted


_OPERATORS: Mapping[str, Callable[[str, Account, float], Test]] = {
    "in": _in,
    "is": _is,
    "label": _label,
    "has": _user_labels,
    "larger": _larger,
    "smaller": _smaller,
    "after": _after,
    "before": _before,
    "newer_than": _newer,
    "older_than": _older,
    "rfc822msgid": _rfc822msgid,
}
