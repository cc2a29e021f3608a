"""Twelve ways a text may be written down, and a search that finds a marker in each of them.

A grep for the text alone misses all but one. All markers begin with one stem: the search looks for the forms of the
stem, some twenty byte strings however many markers there are, and then sees whose marker it was.
"""

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ENCODINGS = (
    "raw",
    "base64",
    "base64url",
    "hex",
    "utf-16",
    "utf-32",
    "percent",
    "json",
    "quoted-printable",
    "imap-utf-7",
    "zlib",
    "gzip",
)

_BEGINNINGS = {
    "zlib": (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
    "gzip": (b"\x1f\x8b\x08",),
}
"""How a zlib stream (RFC 1950 §2.2, a window of 32 KiB) and a gzip member (RFC 1952 §2.3.1) begin."""

_MOST_INFLATED = 1 << 20
_EITHER_HEADER = 47
"""zlib's `wbits`: 15 for the window, 32 for "zlib or gzip, see the header"."""

_WIDE = "utf-16/32"

_DEPTH = 2
"""Streams within streams are followed so deep."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A marker that was found: its name, and in which encoding ("zlib raw" is one inside a stream)."""

    name: str
    encoding: str


def forms(text: str) -> tuple[tuple[str, bytes], ...]:
    """Return (encoding, bytes) for every way an ASCII text may stand inside something larger, without zeros in it."""
    plain = text.encode("ascii")
    rows = [("raw", plain)]
    rows += [("base64", inside_base64(plain, shift, b"+/")) for shift in range(3)]
    rows += [("base64url", inside_base64(plain, shift, b"-_")) for shift in range(3)]
    rows += [("hex", plain.hex().encode()), ("hex", plain.hex().upper().encode())]
    rows += _escaped("percent", "%{:02x}", plain)
    rows += _escaped("json", "\\u{:04x}", plain)
    rows += _escaped("quoted-printable", "={:02x}", plain)
    rows += [("imap-utf-7", inside_base64(text.encode("utf-16-be"), shift, b"+,")) for shift in range(3)]
    return tuple({form: (encoding, form) for encoding, form in reversed(rows)}.values())


class Search:
    """One kind of marker: `markers` are ASCII texts by name, which all begin with `stem`.

    What begins as a marker but is none that is known counts as `part`, or not at all where that is empty: a stem of
    four letters stands in many places.

    Raises:
        ValueError: a marker begins with something else.
    """

    def __init__(self, stem: str, markers: Mapping[str, str], part: str = "") -> None:
        if not all(marker.startswith(stem) for marker in markers.values()):
            raise ValueError("a marker begins with the stem")
        self._part = part
        self._forms = forms(stem)
        self._markers = sorted(
            ((form, encoding, name) for name, marker in markers.items() for encoding, form in forms(marker)),
            key=lambda row: -len(row[0]),
        )

    def hits(self, blob: bytes, dense: bytes) -> Iterator[Hit]:
        """Yield what stands in the bytes themselves; `dense` are the same without zeros."""
        for encoding, form in self._forms:
            for at in _places(dense, form):
                name, whole = self._name(dense, at, encoding)
                if name:
                    yield Hit(name, encoding if whole in blob else f"{_WIDE} {encoding}")

    def _name(self, blob: bytes, at: int, encoding: str) -> tuple[str, bytes]:
        """Return whose marker stands at this place, the longest where several do, and as which bytes."""
        fitting = ((name, form) for form, way, name in self._markers if way == encoding and blob.startswith(form, at))
        return next(fitting, (self._part, b""))


def hits(blob: bytes, *searches: Search, depth: int = _DEPTH) -> tuple[Hit, ...]:
    """Return each marker once for each encoding it stands in, in streams within the bytes too."""
    # No form has a zero in it. Without the zeros, UTF-16 and UTF-32 of either byte order are plain; memory is half.
    dense = blob.translate(None, b"\0")
    found = [hit for search in searches for hit in search.hits(blob, dense)]
    for stream, content in inflated(blob) if depth else ():
        inner = hits(content, *searches, depth=depth - 1)
        found += [Hit(hit.name, f"{stream} {hit.encoding}") for hit in inner]
    return tuple(dict.fromkeys(found))


def inflated(blob: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield ("zlib" or "gzip", content) of every stream that begins in the bytes; of long ones the first MiB."""
    rest = memoryview(blob)
    for kind, beginnings in _BEGINNINGS.items():
        for at in (at for beginning in beginnings for at in _places(blob, beginning)):
            try:
                unpacker = zlib.decompressobj(_EITHER_HEADER)
                content = unpacker.decompress(rest[at : at + _MOST_INFLATED], _MOST_INFLATED)
            except zlib.error:
                continue  # it only looked like a stream
            if content:
                yield kind, content


def _places(blob: bytes, form: bytes) -> Iterator[int]:
    at = blob.find(form)
    while at >= 0:
        yield at
        at = blob.find(form, at + 1)


def inside_base64(plain: bytes, shift: int, last_two: bytes) -> bytes:
    """Return the characters that stand for `plain` alone, `shift` bytes into a triple (RFC 4648 §4)."""
    text = base64.b64encode(bytes(shift) + plain + bytes(3), last_two)
    return text[-(-8 * shift // 6) : 8 * (shift + len(plain)) // 6]


def _escaped(encoding: str, shape: str, plain: bytes) -> list[tuple[str, bytes]]:
    """Return the text with every byte escaped, in both cases of the digits."""
    shapes = (shape, shape.replace("x}", "X}"))
    return [(encoding, "".join(one.format(byte) for byte in plain).encode()) for one in shapes]
