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
_HEADER_END = re.compile(rb"(?:\A|(?<=\n))\r?\n")
_ESCAPED_FROM = re.compile(rb"^>+From ", re.MULTILINE)

_LINE_ENDS_ALONE = re.compile(rb"[\r\n]*\Z")
_FROM_LINES = re.compile(rb"\A(?:From [^\n]*\n)+")
_OF_THE_STORE = re.compile(
    rb"^(?:x-uid|x-imapbase|x-imap|status|x-status|x-keywords|content-length):.*\n", re.IGNORECASE | re.MULTILINE
)
_AFTER_COLON = re.compile(rb"^([!-9;-~]+:)[ \t]*", re.MULTILINE)
_ROOM = 64
"""Bytes that the header fields of an mbox take."""

_FIELD = re.compile(rb"^(message-id|date|from|subject)[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_NAMED, _UNNAMED = (b"message-id", b"date", b"from"), (b"date", b"from", b"subject")
_VARIABLE = b" \t\r\n\v\f\0X" + _HIGH_BYTES
"""Bytes of a field that do not count: white space, NUL, 8-bit bytes, and the X that Cyrus puts in their place."""

NO_IDENTITY = bytes(8)
"""The identity of a mail that says neither who wrote it nor when."""


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
    alterations servers are known to make, and `slack` is by how many bytes those may change the size. `identity`
    (8 bytes, see `identity`) is made of a few header fields. `content` (8 bytes) leaves the header out: it is the same
    before and after a server added header fields, or put them in another order.

    `cut` is that of what precedes the first NUL, if there is one: GNU imap4d cuts a mail off there.
    """

    size: int
    slack: int
    digest: bytes
    likeness: bytes
    identity: bytes = NO_IDENTITY
    content: bytes = b""
    cut: "Print | None" = None


def fingerprint(wire: Bytes, key: bytes) -> Print:
    """Return what a mail with CRLF line ends is recognised by."""
    exact = hashlib.blake2b(wire, digest_size=16, key=key).digest()
    bare = wire.count(b"\r") - wire.count(b"\r\n")
    canonical, slack = _canonical(wire, bare), bare + 2 * len(_CRLF)
    who = identity(canonical, key)
    if not is_certain(who):
        slack += _ROOM + canonical.count(b"\n", 0, _header_end(canonical)) + canonical.count(b"\nFrom ")
        canonical = _as_before_an_mbox(canonical)
    alike = exact if canonical is wire else hashlib.blake2b(canonical, digest_size=16, key=key).digest()
    nul = wire.find(b"\0")
    cut = fingerprint(wire[:nul], key) if nul >= 0 else None
    return Print(len(wire), slack, exact, alike[:8], who, _content(canonical, key), cut)


def _canonical(wire: Bytes, bare: int) -> Bytes:
    """Return `wire` as the most altering servers would store it; itself, for nearly every mail.

    Dovecot turns NUL into 0x80, drops a CR before CRLF and one at the very end, and with mbox gives a mail without a
    body an empty one; Cyrus turns each 8-bit byte of the header into `X`; Courier drops every bare CR and adds a last
    line end.
    """
    plain = _BARE_CR.sub(b"", wire) if bare else wire
    end = plain.find(b"\r\n\r\n")
    if end < 0 or _LINE_ENDS_ALONE.match(plain, end):
        plain = plain.rstrip(_CRLF)
        end, plain = len(plain), plain + _CRLF + _CRLF
    if not plain[:end].isascii() or b"\0" in plain:
        plain = plain.replace(b"\0", b"\x80")
        plain = plain[:end].translate(_HEADER_8BIT_TO_X) + plain[end:]
    return plain if plain.endswith(_CRLF) else plain + _CRLF


def _as_before_an_mbox(canonical: Bytes) -> Bytes:
    """Return a mail without what a store adds to it or changes in it, for one that nothing else tells apart.

    Stores in mbox drop `From ` lines in front, put a `>` before those in the body and have header fields of their own;
    GNU imap4d puts one blank behind a colon.
    """
    canonical = _FROM_LINES.sub(b"", canonical)
    end = _header_end(canonical)
    header = _AFTER_COLON.sub(rb"\1", _OF_THE_STORE.sub(b"", canonical[:end]))
    return header + _ESCAPED_FROM.sub(b"From ", canonical[end:])


def _content(canonical: Bytes, key: bytes) -> bytes:
    """Return a hash of what follows the header, without the blank lines around it and the escapes of mbox."""
    start = _HEADER_END.search(canonical)
    begin, end = start.end() if start else len(canonical), len(canonical)
    while begin < end and canonical[begin] in _CRLF:
        begin += 1
    while end > begin and canonical[end - 1] in _CRLF:
        end -= 1
    body: Bytes | memoryview = memoryview(canonical)[begin:end]
    if canonical.find(b"From ", begin) >= 0:
        body = _ESCAPED_FROM.sub(b"From ", body)
    return hashlib.blake2b(body, digest_size=8, key=key).digest()


def key_name(key: bytes) -> str:
    """Return by what a key is told from others; nothing can be hashed with that."""
    return hashlib.blake2b(b"which key", digest_size=8, key=key).hexdigest()


# --- who wrote it, and when -------------------------------------------------------------------------------------------


def identity(header: Bytes, key: bytes) -> bytes:
    """Return 8 bytes, keyed, of Message-ID, Date and From; without a Message-ID, of Date, From and Subject.

    `header` is a mail, its header, or those fields alone, as a server returns them. Read tolerantly, so that the same
    comes of what was sent and of what is stored: the first field of each name (RFC 5322 §3.6 allows one), unfolded,
    without white space and without the bytes that servers replace. The lowest bit says whether there is a Message-ID
    (`is_certain`); `NO_IDENTITY` comes of a header with none of these fields.
    """
    plain = header if header.count(b"\r") == header.count(b"\r\n") else _BARE_CR.sub(b"", header)
    found: dict[bytes, bytes] = {}
    for field_ in _FIELD.finditer(plain, 0, _header_end(plain)):
        found.setdefault(field_[1].lower(), field_[2].translate(None, _VARIABLE))
    named = bool(found.get(b"message-id"))
    values = [found.get(name, b"") for name in (_NAMED if named else _UNNAMED)]
    if not any(values):
        return NO_IDENTITY
    mixed = hashlib.blake2b(b"\n".join(values), digest_size=8, key=key, person=b"identity").digest()
    return mixed[:7] + bytes([mixed[7] & 0xFE | named])


def is_certain(identity: bytes) -> bool:
    """True for an identity with a Message-ID: two mails whose certain identities differ are not the same mail."""
    return bool(identity[7] & 1)


def _header_end(header: Bytes) -> int:
    found = _HEADER_END.search(header)
    return found.start() if found else len(header)
