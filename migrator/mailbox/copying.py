"""Copying messages from the selected folder to another one, inside the server (UID COPY, RFC 9051 §6.4.7)."""

import re
from collections.abc import Sequence

from . import answers
from .answers import Answer
from .found import arrived
from .look import sizes
from .uids import expand, sets
from .wire import Wire

_UIDNEXT = re.compile(rb"UIDNEXT (\d+)")


def copy(wire: Wire, uids: Sequence[int], to: bytes, exists: int, back_to: bytes, *, uidplus: bool) -> dict[int, int]:
    """Return the new UID in `to` of each of `uids` that is there. Folder names are quoted already.

    Raises FolderRefused or MailboxFull; earlier parts of a long list are then copied (RFC 9051 makes one command
    all or nothing, not several).
    """
    done: dict[int, int] = {}
    for some in sets(uids):
        sources = sorted(sizes(wire, [uid for uid in expand(some, len(uids)) if uid in set(uids)], exists).items())
        if sources:
            done |= _copy_some(wire, some, sources, to, back_to, uidplus=uidplus)
    return done


def _copy_some(
    wire: Wire, some: bytes, sources: list[tuple[int, int]], to: bytes, back_to: bytes, *, uidplus: bool
) -> dict[int, int]:
    uidnext = None if uidplus else _uidnext(wire, to)
    answer = _checked(wire.run(b"UID COPY %b %b" % (some, to)))
    if uidnext is not None or answer.code != "COPYUID":
        found = _looked_up(wire, uidnext or 0, [size for _, size in sources], to, back_to)
        return dict(zip((uid for uid, _ in sources), found, strict=True))
    _, from_set, to_set = answer.argument.split(b" ")
    return dict(zip(expand(from_set, len(sources)), expand(to_set, len(sources)), strict=True))


def _uidnext(wire: Wire, to: bytes) -> int:
    _checked(wire.run(b"STATUS %b (UIDNEXT)" % to))
    lines = wire.untagged_responses.pop("STATUS", [])
    found = _UIDNEXT.search(lines[-1]) if lines and isinstance(lines[-1], bytes) else None
    if not found:
        raise wire.abort("no UIDNEXT")
    return int(found[1])


def _looked_up(wire: Wire, uidnext: int, sources: list[int], to: bytes, back_to: bytes) -> list[int]:
    _checked(wire.run(b"EXAMINE %b" % to))
    found = arrived(wire, uidnext, sources, len(sources))
    _checked(wire.run(b"SELECT %b" % back_to))
    return found


def _checked(answer: Answer) -> Answer:
    if not answer.ok:
        raise answers.folder_refusal(answer)
    return answer
