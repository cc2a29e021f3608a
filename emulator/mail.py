"""Where the bytes of a message come from: a file, given bytes, or invention. They are read when asked for."""

import random
import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

_BARE_LF = re.compile(rb"(?<!\r)\n")
_SMALL = 64 * 1024
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\s]*>)", re.IGNORECASE | re.MULTILINE)
_HEADER_BYTES = 64 * 1024


class Source(Protocol):
    """Gives the bytes Gmail serves for message `number` (the id as an integer), always the same."""

    def read(self, number: int) -> bytes:
        """Return the message."""


@dataclass(frozen=True, slots=True)
class FileMail:
    """A message in a file; with `crlf` every bare LF is served as CRLF, as Gmail does."""

    path: Path
    crlf: bool

    def read(self, number: int) -> bytes:  # noqa: ARG002
        """Return the file's bytes; small files are kept in memory."""
        return _cached(self.path, self.crlf) if self.path.stat().st_size <= _SMALL else _load(self.path, self.crlf)


@dataclass(frozen=True, slots=True)
class GivenMail:
    """A message handed over as bytes, served exactly so."""

    raw: bytes = field(repr=False)

    def read(self, number: int) -> bytes:  # noqa: ARG002
        """Return the bytes."""
        return self.raw


@dataclass(frozen=True, slots=True)
class InventedMail:
    """A message made from its id alone: a plain header and `body_bytes` bytes of text that hardly compresses."""

    body_bytes: int

    def read(self, number: int) -> bytes:
        """Return the message; its length is the same for every id."""
        date = datetime.fromtimestamp((number >> 20) / 1000, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        head = (
            f"From: Sender <sender@example.com>\r\nTo: Reader <reader@example.com>\r\n"
            f"Subject: Message {number:016x}\r\n"
            f"Date: {date}\r\nMessage-ID: <{number:016x}@synthetic.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        )
        block = _text()
        start = (number * 2654435761 >> 7) % (len(block) // 78) * 78
        rest = self.body_bytes - (len(block) - start)
        body = block[start : start + self.body_bytes]
        if rest > 0:
            body += (block * (rest // len(block) + 1))[:rest]
        return head.encode() + body


def message_id(raw: bytes) -> str:
    """Return the Message-ID of a message with its angle brackets, or an empty string."""
    head = raw[:_HEADER_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = _MESSAGE_ID.search(head)
    return found.group(1).decode("utf-8", "replace") if found else ""


def _load(path: Path, crlf: bool) -> bytes:  # noqa: FBT001
    raw = path.read_bytes()
    return _BARE_LF.sub(b"\r\n", raw) if crlf else raw


_cached = lru_cache(maxsize=2048)(_load)


@lru_cache(maxsize=1)
def _text() -> bytes:
    # Base64 of noise in lines of 76: about as compressible as real mail with attachments.
    noise = b64encode(random.Random(1).randbytes(57 * 4096))  # noqa: S311
    return b"".join(noise[at : at + 76] + b"\r\n" for at in range(0, len(noise), 76))
