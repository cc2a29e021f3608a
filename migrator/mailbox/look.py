"""Looking at the selected folder: sizes, header fields, flags, dates and bodies by UID, the space left."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from imapclient.datetime_util import parse_to_datetime

from .connection import Connection
from .fetching import fetch
from .uids import sets
from .values import Attributes, Quota
from .wire import ALLOWANCE, Wire

_T = TypeVar("_T")
_LINE = 512  # bytes a server may need to speak of one message
_AT_ONCE = 8 * 1024 * 1024  # bytes of bodies in one answer
_ESTIMATE = 4  # a body is at most so many times its RFC822.SIZE
_FIELDS = b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"
_FIELDS_BYTES = 4096  # bytes that these usually have at most
_HEADS_AT_ONCE = 500
_UID = re.compile(rb"\* \d+ FETCH \(.*?\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,18})\b")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{26})"')
_STORAGE = re.compile(rb"\bSTORAGE (\d{1,18}) (\d{1,18})\b", re.IGNORECASE)


def sizes(wire: Wire, uids: Sequence[int], exists: int) -> dict[int, int]:
    """Return RFC822.SIZE, in octets, of those of `uids` that are there."""
    return dict(_attribute(wire, uids, exists, b"RFC822.SIZE", _SIZE, int))


def flags(wire: Wire, uids: Sequence[int], exists: int) -> dict[int, frozenset[str]]:
    r"""Return flags and keywords of those of `uids` that are there, without `\Recent`, which no client sets."""
    return dict(_attribute(wire, uids, exists, b"FLAGS", _FLAGS, _flag_set))


def dates(wire: Wire, uids: Sequence[int], exists: int) -> dict[int, datetime]:
    """Return INTERNALDATE, aware, of those of `uids` that are there."""
    told = _attribute(wire, uids, exists, b"INTERNALDATE", _DATE, _moment)
    return {uid: moment for uid, moment in told if moment}


def attributes(wire: Wire, uids: Sequence[int], exists: int) -> dict[int, Attributes]:
    """Return flags, keywords and INTERNALDATE of those of `uids` that are there, in one command for a short set."""
    found = dict[int, Attributes]()
    for some in sets(uids):
        for line in wire.stream(b"UID FETCH %b (FLAGS INTERNALDATE)" % some, ALLOWANCE + _LINE * exists):
            uid, flags, date = _UID.match(line), _FLAGS.search(line), _DATE.search(line)
            if uid and flags:
                found[int(uid[1])] = Attributes(_flag_set(flags[1]), _moment(date[1]) if date else None)
    return {uid: found[uid] for uid in uids if uid in found}


def _attribute(
    wire: Wire, uids: Sequence[int], exists: int, name: bytes, pattern: re.Pattern[bytes], value: Callable[[bytes], _T]
) -> Iterator[tuple[int, _T]]:
    """Give one attribute by UID. Lines are parsed as they come, so 100,000 messages cost no more than their result."""
    wanted = uids if isinstance(uids, range) else frozenset(uids)
    for some in sets(uids):
        for line in wire.stream(b"UID FETCH %b (%b)" % (some, name), ALLOWANCE + _LINE * exists):
            uid, found = _UID.match(line), pattern.search(line)
            if uid and found and int(uid[1]) in wanted:  # `n:m` beyond the last message answers with the last
                yield int(uid[1]), value(found[1])


def _flag_set(text: bytes) -> frozenset[str]:
    return frozenset(text.decode("ascii", "replace").split()) - {"\\Recent"}


def _moment(text: bytes) -> datetime | None:
    try:
        moment: datetime = parse_to_datetime(text, normalise=False)
    except (ValueError, OverflowError):  # no date of any calendar: as good as none
        return None
    return moment


def heads(wire: Wire, uids: Sequence[int], exists: int) -> Iterator[tuple[int, bytes]]:
    """Give (UID, header fields) of those of `uids` whose header can be read, ascending, some hundreds at a time.

    The fields are those of which `message.identity` is made.
    """
    there = sorted(sizes(wire, uids, exists)) if isinstance(uids, range) else sorted(set(uids))
    for start in range(0, len(there), _HEADS_AT_ONCE):
        some = there[start : start + _HEADS_AT_ONCE]
        told = fetch(wire, some, _FIELDS, lambda number: ALLOWANCE + _FIELDS_BYTES * number)
        yield from sorted((uid, fields) for uid, fields in told if fields is not None)


def bodies(wire: Wire, uids: Sequence[int], exists: int) -> Iterator[tuple[int, bytes]]:
    r"""Give (UID, octets) of those of `uids` that are there and can be read, ascending, without setting `\Seen`.

    Some 8 MiB are fetched at a time, or a single larger message. RFC822.SIZE is only believed to be some estimate.
    """
    for group, size in _groups(sizes(wire, uids, exists)):
        told = fetch(wire, group, b"BODY.PEEK[]", lambda _, size=size: ALLOWANCE + _ESTIMATE * size)  # type: ignore[misc]
        read = {uid: content for uid, content in told if content}
        for uid in sorted(read):
            yield uid, read.pop(uid)


def _groups(found: dict[int, int]) -> Iterator[tuple[list[int], int]]:
    group: list[int] = []
    total = 0
    for uid, size in sorted(found.items()):
        if group and total + size > _AT_ONCE:
            yield group, total
            group, total = [], 0
        group.append(uid)
        total += size
    if group:
        yield group, total


def quota(connection: Connection) -> Quota | None:
    """Return the storage quota over INBOX, the tightest of several (RFC 9208 §4.2); None where there is none."""
    if "QUOTA" not in connection.can():
        return None
    answer = connection.wire.run(b'GETQUOTAROOT "INBOX"')
    lines = connection.wire.untagged_responses.pop("QUOTA", [])
    if not answer.ok:
        return None
    found = [tuple(map(int, pair)) for pair in _storage(lines)]
    if not found:
        return Quota(None, None)
    used, limit = min(found, key=lambda pair: pair[1] - pair[0])
    return Quota(used * 1024, limit * 1024)


def _storage(lines: Iterable[bytes | tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        if isinstance(line, bytes):  # a root's name may be a literal, the figures never are
            yield from _STORAGE.findall(line)
