r"""Removing messages for good, and no other message: what the customer marked `\Deleted` himself stays as it is.

A bare EXPUNGE removes everything marked `\Deleted` (RFC 9051 §6.4.3), CLOSE too; neither is ever sent.
"""

from collections.abc import Sequence
from typing import Literal

from . import answers
from .answers import Answer
from .uids import sets
from .wire import Wire

Removal = Literal["expunge", "move", "none"]


def way(capabilities: frozenset[str]) -> Removal:
    """Return how single messages can be removed: UID EXPUNGE (RFC 4315), else UID MOVE (RFC 6851), else not at all."""
    return "expunge" if "UIDPLUS" in capabilities else "move" if "MOVE" in capabilities else "none"


def expunge(wire: Wire, uids: Sequence[int]) -> None:
    r"""Mark and expunge exactly these (RFC 4315 §2.1).

    What then is still there, refused or (Dovecot, without the right `e` of RFC 4314) silently kept, loses its mark
    again: STORE passes over UIDs that are gone (RFC 9051 §6.4.9). Raises FolderRefused.
    """
    for some in sets(uids):
        _checked(wire.run(b"UID STORE %b +FLAGS.SILENT (\\Deleted)" % some))
        answer = wire.run(b"UID EXPUNGE %b" % some)
        wire.run(b"UID STORE %b -FLAGS.SILENT (\\Deleted)" % some)
        _checked(answer)


def move(wire: Wire, uids: Sequence[int], to: bytes) -> None:
    """Move these, and nothing else, to the folder `to`, a quoted name (RFC 6851 §3.2); raises FolderRefused."""
    for some in sets(uids):
        _checked(wire.run(b"UID MOVE %b %b" % (some, to)))


def delete(wire: Wire, mailbox: bytes) -> None:
    """Delete the folder with this quoted name, with all that lies in it; raises FolderRefused, RefusedUnexplained."""
    _checked(wire.run(b"DELETE %b" % mailbox))
    wire.run(b"UNSUBSCRIBE %b" % mailbox)  # a courtesy to clients, as subscribing was


def _checked(answer: Answer) -> None:
    if not answer.ok:
        raise answers.folder_refusal(answer)
