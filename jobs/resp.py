"""Commands of Redis clients, read strictly and within bounds, and answers written: RESP2, and no other form of it.

Who writes what is read here may be in hostile hands: inline commands, other types, signs, leading zeros and lengths
beyond the bounds are no commands. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import re
from collections.abc import Iterable
from typing import BinaryIO

MOST_WORDS = 1 << 20
MOST_BYTES = 64 << 20
"""Of one command: the plan of several million messages is written by one."""

_END = b"\r\n"
_LONGEST_HEAD = 16
_COUNT = re.compile(rb"\*([1-9][0-9]{0,6})\r\n")
_LENGTH = re.compile(rb"\$(0|[1-9][0-9]{0,7})\r\n")


class NoCommand(Exception):
    """What was read is no command in the one form that is taken."""


def command_from(stream: BinaryIO) -> list[bytes] | None:
    """Read the next command as its words; None at the stream's end.

    Raises:
        NoCommand: it is none, is cut off, or is beyond `MOST_WORDS` or `MOST_BYTES`; nothing more can be read.
    """
    head = stream.readline(_LONGEST_HEAD)
    if not head:
        return None
    words, left = list[bytes](), MOST_BYTES
    for _ in range(_number(_COUNT, head, MOST_WORDS)):
        length = _number(_LENGTH, stream.readline(_LONGEST_HEAD), left)
        word = stream.read(length + len(_END))
        if len(word) != length + len(_END) or not word.endswith(_END):
            raise NoCommand
        left -= length
        words.append(word[:length])
    return words


def packed(answer: object) -> bytes:
    """Return an answer of redis-py's, as it is without callbacks, in RESP2: maps and sets become arrays."""
    parts = list[bytes]()
    _pack(answer, parts)
    return b"".join(parts)


def packed_error(text: str) -> bytes:
    """Return an error; `text` is one line that begins with a word in capitals."""
    return b"-%b\r\n" % text.encode()


def _number(form: re.Pattern[bytes], line: bytes, most: int) -> int:
    found = form.fullmatch(line)
    if not found or int(found[1]) > most:
        raise NoCommand
    return int(found[1])


def _pack(answer: object, parts: list[bytes]) -> None:
    match answer:
        case None:
            parts.append(b"$-1\r\n")
        case int():  # True and False, too
            parts.append(b":%d\r\n" % answer)
        case bytes():
            parts.append(b"$%d\r\n%b\r\n" % (len(answer), answer))
        case str() | float():
            _pack(str(answer).encode(), parts)
        case dict():
            _pack([each for row in answer.items() for each in row], parts)
        case list() | tuple() | set() | frozenset():
            _pack_all(answer, parts)
        case _:
            raise TypeError(f"no answer of a store: {type(answer).__name__}")


def _pack_all(answers: Iterable[object], parts: list[bytes]) -> None:
    every = list(answers)
    parts.append(b"*%d\r\n" % len(every))
    for each in every:
        _pack(each, parts)
