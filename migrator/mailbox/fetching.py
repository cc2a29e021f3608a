"""FETCH of what may be long or damaged: read piece by piece, and whatever cannot be read is left out.

A server may answer NO for a whole set because of one message in it (Dovecot drops the connection then), answer OK and
leave a message out, or send something that is none. What is asked for is halved until the one is found.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from .answers import Answer
from .uids import sets
from .wire import Wire

_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SECTION = re.compile(rb'\bBODY\[[^\]]*\](?:<\d+>)? ("(?:[^"\\]|\\.)*"|NIL|\{\d+\}\r?\n\Z)', re.DOTALL)
_REFUSALS = 60  # FETCH commands refused one after the other before the rest is given up

Fetched = tuple[int, bytes | None]
"""UID, and the octets of the section asked for; None where the server told of the message without them."""


def fetch(wire: Wire, uids: Sequence[int], section: bytes, allowance: Callable[[int], int]) -> Iterator[Fetched]:
    """Give one section (`BODY.PEEK[...]`) of those of `uids` that the server can read.

    `allowance` says how many bytes the answer for so many may have.

    Raises imaplib's errors or OSError when the conversation breaks.
    """
    refused = 0
    left = [sorted(set(uids))] if uids else []
    while left and refused < _REFUSALS:
        some = left.pop()
        found, answer = _asked(wire, some, section, allowance(len(some)))
        yield from found
        if answer.ok:
            refused = 0
            continue
        refused += 1
        told = {uid for uid, _ in found}
        rest = [uid for uid in some if uid not in told]
        if answer.status == "NO" and len(some) > 1 and rest:
            middle = len(rest) // 2
            left += [half for half in (rest[middle:], rest[:middle]) if half]


def _asked(wire: Wire, uids: Sequence[int], section: bytes, allowance: int) -> tuple[list[Fetched], Answer]:
    found: dict[int, Fetched] = {}
    wanted, answer = frozenset(uids), Answer("OK")
    for some in sets(uids):
        tag = wire.begin(b"UID FETCH %b (%b)" % (some, section), allowance)
        for pieces in wire.untagged(tag):
            row = _row(pieces)
            if row and row[0] in wanted:
                found[row[0]] = row
        last = wire.finish(tag)
        answer = answer if last.ok else last
    return list(found.values()), answer


def _row(pieces: list[bytes]) -> Fetched | None:
    """Read one FETCH response; None if it is another one, or says no UID."""
    content: bytes | None = None
    texts = pieces[::2]
    for at, text in enumerate(texts):
        if section := _SECTION.search(text):
            content = _content(section[1], pieces[2 * at + 1] if at + 1 < len(texts) else None)
            texts[at] = text[: section.start()] + text[section.end() :]
    told = b" ".join(texts)
    uid = _UID.search(told)
    if not uid or b" FETCH " not in texts[0][:32]:
        return None
    return int(uid[1]), content


def _content(value: bytes, literal: bytes | None) -> bytes | None:
    if value.startswith(b"{"):
        return literal
    return None if value == b"NIL" else re.sub(rb"\\(.)", rb"\1", value[1:-1], flags=re.DOTALL)
