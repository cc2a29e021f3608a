"""Which UIDs messages got, where the server does not tell (no UIDPLUS): by looking at what is new in the folder."""

from collections.abc import Sequence

from .look import sizes as sizes_of
from .wire import Wire

_LAST_UID = 2**32 - 1


def arrived(wire: Wire, uidnext: int, sizes: Sequence[int], exists: int) -> list[int]:
    """Return the UIDs, at or above `uidnext`, of messages that came in this order with these sizes in octets.

    When exactly that many are new, they are they, in ascending order (UIDs grow as messages arrive, RFC 9051
    §2.3.1.1), even if the server altered sizes. When another client put mail there at the same time, the sizes must
    tell them apart; if they cannot, imaplib's abort is raised: the outcome is unknown.
    """
    wire.run(b"NOOP")  # Courier notices its own appends only then
    new = sorted(sizes_of(wire, range(uidnext, _LAST_UID), exists + len(sizes)).items())
    if len(new) == len(sizes):
        return [uid for uid, _ in new]
    first, last = _matched(new, sizes), _matched(new[::-1], sizes[::-1])[::-1]
    if not first or first != last:
        raise wire.abort("cannot tell which are ours")
    return first


def _matched(new: Sequence[tuple[int, int]], sizes: Sequence[int]) -> list[int]:
    """Return the earliest UIDs whose sizes are `sizes` in order, or nothing."""
    rest = iter(new)
    uids = [next((uid for uid, size in rest if size == wanted), 0) for wanted in sizes]
    return uids if all(uids) else []
