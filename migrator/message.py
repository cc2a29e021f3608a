"""One mail as bytes: how it is put on the wire, and how it is recognised again.

The bytes are copied verbatim but for one thing: a bare LF becomes CRLF, because RFC 5322 §2.3 knows no other
line end and IMAP servers either refuse a bare LF (Cyrus) or change it themselves (Dovecot). Bodies are never parsed.
"""

import hashlib
import re
from dataclasses import dataclass, field

_BARE_LF = re.compile(rb"(?<!\r)\n")
_HIGH_BYTES = bytes(range(0x80, 0x100))
_HEADER_8BIT_TO_X = bytes.maketrans(_HIGH_BYTES, b"X" * len(_HIGH_BYTES))


SIZE_SLACK = 2
"""Bytes by which a server may change a message's size: its last line end."""

_TAIL = 256

Bytes = bytes | bytearray
"""A mail; a bytearray where copying 50 MB once more would matter. Never changed in place."""


@dataclass(frozen=True, slots=True)
class GmailMessage:
    """A message as `users.messages.get(format=raw)` gives it, its bytes decoded.

    `id` is 16 hex digits; `internal_date` is in milliseconds since the epoch. The bytes have no `repr`.
    """

    id: str
    label_ids: frozenset[str]
    internal_date: int
    raw: Bytes = field(repr=False)


def with_crlf(raw: Bytes) -> Bytes:
    """Return `raw` with every bare LF turned into CRLF; a bare CR stays (RFC 5322 §2.3)."""
    if raw.count(b"\n") == raw.count(b"\r\n"):
        return raw
    return _BARE_LF.sub(b"\r\n", raw)


def digest(wire: Bytes, key: bytes) -> bytes:
    """Return 16 bytes that stand for exactly these bytes; keyed, so that nobody can test for a known mail."""
    return hashlib.blake2b(wire, digest_size=16, key=key).digest()


def likeness(wire: Bytes, key: bytes) -> bytes:
    """Return 8 bytes equal for a mail before and after the alterations servers are known to make.

    Dovecot turns NUL into 0x80 and drops a lone CR at the very end; Cyrus turns each 8-bit byte of the header into
    `X`; others add a last line end. The size changes by `SIZE_SLACK` bytes at most.
    """
    end = wire.find(b"\r\n\r\n")
    end = len(wire) if end < 0 else end
    tail = wire[-_TAIL:]
    last = len(wire) - len(tail) + len(tail.rstrip(b"\r\n"))
    end = min(end, last)
    mark = hashlib.blake2b(digest_size=8, key=key)
    mark.update(wire[:end].replace(b"\0", b"\x80").translate(_HEADER_8BIT_TO_X))
    mark.update(wire[end:last].replace(b"\0", b"\x80") if b"\0" in wire else memoryview(wire)[end:last])
    return mark.digest()


def sizes_alike(size: int) -> range:
    """Return the sizes that a message of `size` bytes may have after a server altered it."""
    return range(max(0, size - SIZE_SLACK), size + SIZE_SLACK + 1)
