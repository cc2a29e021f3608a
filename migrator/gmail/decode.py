"""A `messages.get(format=raw)` answer, turned into a message; whole, or as a stream for the large ones."""

import binascii
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pybase64

from migrator.errors import AnswerDamaged
from migrator.message import GmailMessage

_RAW_STARTS = re.compile(rb'"raw"\s*:\s*"')
_HEAD_AT_MOST = 1 << 20
"""Everything beside `raw` (labels, snippet, ids) is far smaller than this."""


def parsed(body: bytes, message_id: str) -> GmailMessage:
    """Return the message of a JSON answer in bytes; raise `AnswerDamaged` when it is not the one asked for.

    `raw`, nearly all of the answer, is cut out first: a JSON parser would look at each of its characters.
    """
    found = _RAW_STARTS.search(body)
    begin = found.end() if found else 0
    end = body.find(b'"', begin)
    cut = found is not None and end > 0 and b"\\" not in body[begin:end]
    try:
        answer = json.loads(body[:begin] + body[end:] if cut else body)
    except ValueError:
        raise AnswerDamaged("not-json") from None
    if not isinstance(answer, dict):
        raise AnswerDamaged("no-raw")
    if not cut or answer.get("raw") != "":
        return whole(answer, message_id)
    return _message(answer, message_id, _bytes(body[begin:end]))


def whole(answer: dict[str, Any], message_id: str) -> GmailMessage:
    """Return the message of a decoded JSON answer; raise `AnswerDamaged` when it is not the one asked for."""
    raw = answer.get("raw")
    if not isinstance(raw, str):
        raise AnswerDamaged("no-raw")
    return _message(answer, message_id, _bytes(raw.encode("ascii", "replace")))


def streamed(chunks: Iterable[bytes], message_id: str) -> GmailMessage:
    """Return the message of an answer that arrives in pieces; holds its bytes once, not four times.

    Raises:
        AnswerDamaged: cut short, junk in the base64url, or another message than the one asked for.
    """
    pieces = iter(chunks)
    before, rest = _until_raw(pieces)
    raw = bytearray()
    after = _decode_into(raw, rest, pieces)
    try:
        answer = json.loads(before + b'""' + after + b"".join(pieces))
    except ValueError:
        raise AnswerDamaged("cut-short") from None
    return _message(answer, message_id, raw)


def _until_raw(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return the JSON up to the opening quote of `raw` (without it), and what was already read behind it."""
    head = b""
    for piece in pieces:
        head += piece
        found = _RAW_STARTS.search(head)
        if found:
            return head[: found.end() - 1], head[found.end() :]
        if len(head) > _HEAD_AT_MOST:
            break
    raise AnswerDamaged("no-raw")


def _decode_into(raw: bytearray, first: bytes, pieces: Iterator[bytes]) -> bytes:
    """Decode base64url into `raw` until its closing quote; return what follows the quote."""
    held = first
    while True:
        end = held.find(b'"')
        if end >= 0:
            raw += _bytes(held[:end])
            return held[end + 1 :]
        whole_groups = len(held) - len(held) % 4
        raw += _bytes(held[:whole_groups])
        more = next(pieces, None)
        if more is None:
            raise AnswerDamaged("cut-short")
        held = held[whole_groups:] + more


def _bytes(encoded: bytes) -> bytes:
    """Decode base64url, tolerant of missing padding, strict about every other character."""
    try:
        return pybase64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise AnswerDamaged("not-base64url") from None


def _message(answer: dict[str, Any], message_id: str, raw: bytes | bytearray) -> GmailMessage:
    if answer.get("id") != message_id:
        raise AnswerDamaged("wrong-id")
    try:
        date, labels = int(answer.get("internalDate", 0)), frozenset(answer.get("labelIds", ()))
    except (ValueError, TypeError):
        raise AnswerDamaged("date-or-labels") from None
    return GmailMessage(message_id, labels, date, raw)
