"""Setting flags on messages that are in the folder already."""

from collections.abc import Iterable, Sequence

from . import heads
from .uids import sets
from .wire import Wire


def add_flags(wire: Wire, uids: Sequence[int], flags: Iterable[str]) -> None:
    """Add flags and keywords to these messages (RFC 9051 §6.4.6); whether the server took them, a look tells."""
    words = tuple(sorted(flags))
    heads.check(words)
    for some in sets(uids):
        wire.run(b"UID STORE %b +FLAGS.SILENT (%b)" % (some, " ".join(words).encode("ascii")))
