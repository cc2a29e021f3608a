"""One mail as bytes: how it is put on the wire, and how it is recognised again.

The bytes are copied verbatim but for one thing: a bare LF becomes CRLF, because RFC 5322 §2.3 knows no other
line end and IMAP servers either refuse a bare LF (Cyrus) or change it themselves (Dovecot). Bodies are never parsed.
"""

import hashlib
import re
from dataclasses import dataclass, field

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_CRLF = b"\r\n"
_HIGH_BYTES = bytes(range(0x80, 0x100))
_HEADER_8BIT_TO_X = bytes.maketrans(_HIGH_BYTES, b"X" * len(_HIGH_BYTES))


Bytes = bytes | bytearray
"""A mail; a bytearray where copying 50 MB once more would matter. Never changed in place."""


def gmail_id(number: int) -> str:
    """Return a message's id as Gmail writes it: hexadecimal without leading zeros.

    It grows with the time of arrival: mail that arrived before 4 November 2004 has 15 digits. With a zero in front it
    would be another id, which Gmail does not know.
    """
    return f"{number:x}"


@dataclass(frozen=True, slots=True)
class GmailMessage:
    """A message as `users.messages.get(format=raw)` gives it, its bytes decoded.

    `id` is as of `gmail_id`; `internal_date` is in milliseconds since the epoch. The bytes have no `repr`.
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


@dataclass(frozen=True, slots=True)
class Print:
    """By what a mail is recognised: its size, and keyed hashes, so that nobody can test for a known mail.

    `digest` (16 bytes) stands for exactly these bytes. `likeness` (8 bytes) is the same before and after the
    alterations servers are known to make, and `slack` is by how many bytes those may change the size.
    """

    size: int
    slack: int
    digest: bytes
    likeness: bytes


def fingerprint(wire: Bytes, key: bytes) -> Print:
    """Return what a mail with CRLF line ends is recognised by."""
    exact = hashlib.blake2b(wire, digest_size=16, key=key).digest()
    bare = wire.count(b"\r") - wire.count(b"\r\n")
    canonical = _canonical(wire, bare)
    alike = exact if canonical is wire else hashlib.blake2b(canonical, digest_size=16, key=key).digest()
    return Print(len(wire), bare + len(_CRLF), exact, alike[:8])


def _canonical(wire: Bytes, bare: int) -> Bytes:
    """Return `wire` as the most altering servers would store it; itself, for nearly every mail.

    Dovecot turns NUL into 0x80, drops a CR before CRLF and one at the very end; Cyrus turns each 8-bit byte of the
    header into `X`; Courier drops every bare CR and adds a last line end.
    """
    plain = _BARE_CR.sub(b"", wire) if bare else wire
    end = plain.find(b"\r\n\r\n")
    end = len(plain) if end < 0 else end
    if not plain[:end].isascii() or b"\0" in plain:
        plain = plain.replace(b"\0", b"\x80")
        plain = plain[:end].translate(_HEADER_8BIT_TO_X) + plain[end:]
    return plain if plain.endswith(_CRLF) else plain + _CRLF
