"""Copying messages from the selected folder to another one, inside the server (UID COPY, RFC 9051 §6.4.7)."""

import re
from collections.abc import Sequence

from . import answers
from .answers import Answer
from .found import Newcomers, signs
from .selecting import select
from .uids import SET, expand, sets
from .wire import Wire

_COPYUID = re.compile(rb"\d{1,10} (" + SET + rb") (" + SET + rb")")
_UIDNEXT = re.compile(rb"UIDNEXT (\d{1,10})\b")


def copy(wire: Wire, uids: Sequence[int], to: bytes) -> dict[int, int]:
    """Return the new UID in `to`, a quoted name, of each of `uids` that is there: by COPYUID (RFC 4315 §3).

    Raises FolderRefused, MailboxFull or RefusedUnexplained; earlier parts of a list too long for one command are then
    copied.
    """
    done: dict[int, int] = {}
    for some in sets(uids):
        answer = _checked(wire.run(b"UID COPY %b %b" % (some, to)))
        told = _COPYUID.fullmatch(answer.argument) if answer.code == "COPYUID" else None
        if told:  # a server that copied nothing, as none was there, tells nothing
            olds, news = expand(told[1], len(uids)), expand(told[2], len(uids))
            if len(olds) != len(news):
                raise wire.abort("COPYUID makes no sense")
            done |= dict(zip(olds, news, strict=True))
    return done


def copy_and_look(wire: Wire, uids: Sequence[int], to: bytes, name: str, exists: int, back_to: bytes) -> dict[int, int]:
    """The same without UIDPLUS: look in `to` what is new, then open the folder `back_to` again.

    `name` is that of `to`. What was copied and cannot be found there has the UID 0.
    """
    sources = signs(wire, uids, exists)
    if not sources:
        return {}
    uidnext = _uidnext(wire, to)
    for some in sets(sources):
        _checked(wire.run(b"UID COPY %b %b" % (some, to)))
    target = select(wire, name, to)
    found = Newcomers(wire, to, target).stored(uidnext, list(sources.values()))
    _checked(wire.run(b"SELECT %b" % back_to))
    return dict(zip(sources, found, strict=True))


def _uidnext(wire: Wire, to: bytes) -> int:
    _checked(wire.run(b"STATUS %b (UIDNEXT)" % to))
    lines = wire.untagged_responses.pop("STATUS", [])
    found = _UIDNEXT.search(lines[-1]) if lines and isinstance(lines[-1], bytes) else None
    if not found:
        raise wire.abort("no UIDNEXT")
    return int(found[1])


def _checked(answer: Answer) -> Answer:
    if not answer.ok:
        raise answers.folder_refusal(answer)
    return answer
