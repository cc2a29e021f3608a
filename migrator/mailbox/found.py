"""Which messages a folder has got, where the server's answer does not tell: by looking at what is new in it.

A tagged OK means that a message is stored (RFC 9051 §6.3.12); where its UID cannot be found out it is `UNKNOWN`. A NO
to many messages at once should mean that none is (RFC 3502 §6.3.11), but Stalwart and others keep those before the one
that they refuse.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from migrator.matching import Lot, Lying, match
from migrator.message import NO_IDENTITY, Bytes, Print, fingerprint, identity, is_certain

from .look import bodies, heads
from .look import sizes as sizes_of
from .selecting import select
from .values import Selected
from .wire import Wire

UNKNOWN = 0  # no message's UID (RFC 9051 §2.3.1.1)
_LAST_UID = 2**32 - 1
_NO_KEY = b""  # nothing of this is kept


class Sign(NamedTuple):
    """By what a message is told from others that are new, without reading it."""

    identity: bytes
    size: int


def sign(mail: Bytes) -> Sign:
    """Return the sign of a mail that is sent."""
    return Sign(identity(mail, _NO_KEY), len(mail))


def signs(wire: Wire, uids: Sequence[int], exists: int) -> dict[int, Sign]:
    """Return the signs of those of `uids` that are in the selected folder, ascending."""
    there = sizes_of(wire, uids, exists)
    told = dict(heads(wire, list(there), exists))
    return {uid: Sign(_identity(told.get(uid)), size) for uid, size in sorted(there.items())}


def _identity(fields: bytes | None) -> bytes:
    return NO_IDENTITY if fields is None else identity(fields, _NO_KEY)


class Newcomers:
    """What is new in the selected folder; `mailbox` is its quoted name."""

    def __init__(self, wire: Wire, mailbox: bytes, selected: Selected) -> None:
        self._wire = wire
        self._mailbox = mailbox
        self._selected = selected

    def stored(self, uidnext: int, sent: Sequence[Sign]) -> list[int]:
        """Return the UIDs, at or above `uidnext`, of messages that were all stored, in this order; UNKNOWN for some.

        Raises imaplib's abort when the folder is another one by now.
        """
        self._wire.run(b"NOOP")  # Courier notices its own appends only then
        found = _in_order(self._new(uidnext, len(sent)), sent)
        if all(found):
            return found
        self._select_again()  # GNU imap4d notices them only then
        new = self._new(uidnext, len(sent))
        return list(new) if len(new) == len(sent) else _in_order(new, sent)

    def kept(
        self, uidnext: int, sent: Sequence[Bytes], *, hidden: bool, spoken_for: Collection[int] = ()
    ) -> list[int | None]:
        """Return the UIDs of those that are in the folder though the server answered NO; None for the others.

        `hidden`: the server may show them only after another SELECT. `spoken_for`: UIDs of other messages.
        """
        self._wire.run(b"NOOP")
        if hidden:
            self._select_again()
        new = self._new(uidnext, len(sent) + len(spoken_for))
        lot = Lot.of(Lying(uid, size, who) for uid, (who, size) in new.items() if uid not in spoken_for)
        if not len(lot):
            return [None] * len(sent)
        return match([fingerprint(mail, _NO_KEY) for mail in sent], lot, self._prints)

    def _prints(self, uids: Sequence[int]) -> dict[int, Print]:
        exists = self._selected.exists + len(uids)
        return {uid: fingerprint(body, _NO_KEY) for uid, body in bodies(self._wire, uids, exists)}

    def _new(self, uidnext: int, sent: int) -> dict[int, Sign]:
        return signs(self._wire, range(uidnext, _LAST_UID), self._selected.exists + sent)

    def _select_again(self) -> None:
        now = select(self._wire, self._selected.name, self._mailbox)
        if now.uidvalidity != self._selected.uidvalidity:
            raise self._wire.abort("another folder")


def _in_order(new: dict[int, Sign], sent: Sequence[Sign]) -> list[int]:
    """Return which of the new messages are these.

    When exactly that many are new, they are they, in ascending order (UIDs grow as messages arrive, RFC 9051
    §2.3.1.1), if nothing speaks against it. When another client put mail there at the same time, each is told by who
    wrote it.
    """
    if len(new) == len(sent) and not any(map(_contradicts, new.values(), sent)):
        return list(new)
    left = dict(new)
    return [_taken(left, one) for one in sent]


def _contradicts(there: Sign, sent: Sign) -> bool:
    return is_certain(there.identity) and is_certain(sent.identity) and there.identity != sent.identity


def _taken(left: dict[int, Sign], sent: Sign) -> int:
    alike = (uid for uid, there in left.items() if there.identity == sent.identity)
    if not is_certain(sent.identity):
        alike = (uid for uid, there in left.items() if there == sent)
    uid = next(alike, UNKNOWN)
    left.pop(uid, None)
    return uid
