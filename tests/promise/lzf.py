"""What Redis wrote compressed, made readable: strings of an RDB file or a DUMP payload are LZF where that is shorter.

The format is that of the RDB file: the byte 0xC3, the compressed and the full length, the LZF data (rdb.h,
`RDB_ENC_LZF`; lengths as in `rdbLoadLen`). A search for all that decodes finds each of them; what decodes by
accident does no harm to somebody who only looks for markers.
"""

_MARK = b"\xc3"
_LONGEST = 1 << 24


def unpacked_strings(blob: bytes) -> bytes:
    """Return the content of every compressed string in the bytes, one after another."""
    found = []
    at = blob.find(_MARK)
    while at >= 0:
        found.append(_string(blob, at + 1))
        at = blob.find(_MARK, at + 1)
    return b"\n".join(found)


def _string(blob: bytes, at: int) -> bytes:
    packed, at = _length(blob, at)
    size, at = _length(blob, at)
    if not 0 < packed < size < _LONGEST or at + packed > len(blob):
        return b""
    content = unpacked(blob[at : at + packed], size)
    return content if len(content) == size else b""


def _length(blob: bytes, at: int) -> tuple[int, int]:
    """Return a length and where it ends: 6 bits, 14 bits, or 32 bits after the byte 0x80; -1 for anything else."""
    first = blob[at] if at < len(blob) else 0xFF
    if first < 0x40:
        return first, at + 1
    if first < 0x80 and at + 1 < len(blob):
        return (first & 0x3F) << 8 | blob[at + 1], at + 2
    return (int.from_bytes(blob[at + 1 : at + 5], "big") if first == 0x80 else -1), at + 5


def unpacked(data: bytes, size: int) -> bytes:
    """Return LZF data decompressed (liblzf, lzf_d.c); less than `size` bytes where it is none."""
    out = bytearray()
    at = 0
    while at < len(data) and len(out) < size:
        control, at = data[at], at + 1
        if control < 32:
            out += data[at : at + control + 1]
            at += control + 1
            continue
        length, at = (control >> 5, at) if control < 0xE0 else (7 + int.from_bytes(data[at : at + 1]), at + 1)
        start = len(out) - ((control & 0x1F) << 8) - int.from_bytes(data[at : at + 1]) - 1
        at += 1
        if start < 0:
            return bytes(out)
        for _ in range(length + 2):  # byte by byte: it may repeat what it has just written
            out.append(out[start])
            start += 1
    return bytes(out)
