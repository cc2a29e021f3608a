"""Sets of UIDs as IMAP writes them: `1:3,5` (RFC 9051 §9, sequence-set)."""

from collections.abc import Iterable, Iterator
from itertools import islice

_LINE = 4000  # bytes of a set in one command; RFC 7162 §4 asks servers to take lines of 8,192

SET = rb"\d{1,10}(?::\d{1,10})?(?:,\d{1,10}(?::\d{1,10})?)*"  # a pattern; `*` does not occur in answers


def runs(uids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Give the stretches of neighbouring numbers in `uids` as (first, last), ascending."""
    first = last = 0
    for uid in sorted(set(uids)):
        if last and uid == last + 1:
            last = uid
            continue
        if last:
            yield first, last
        first = last = uid
    if last:
        yield first, last


def sets(uids: Iterable[int]) -> Iterator[bytes]:
    """Give `uids` as one or more sets, each short enough for a command line."""
    if isinstance(uids, range) and uids.step == 1:
        if uids:
            yield b"%d:%d" % (uids[0], uids[-1])
        return
    parts: list[bytes] = []
    size = 0
    for first, last in runs(uids):
        part = b"%d" % first if first == last else b"%d:%d" % (first, last)
        if parts and size + len(part) >= _LINE:
            yield b",".join(parts)
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield b",".join(parts)


def expand(text: bytes, at_most: int) -> list[int]:
    """Return the numbers of a `SET` in the order written, one more than `at_most` at the most: the server wrote it."""
    return list(islice(_numbers(text), at_most + 1))


def _numbers(text: bytes) -> Iterator[int]:
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        low, high = sorted((int(first), int(last or first)))
        yield from range(low, high + 1)
