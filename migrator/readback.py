"""Mail read back although one message of it makes the server hang up: that one is found, and left out.

Dovecot drops the connection at a message whose file is not what its name says; other servers stop to answer. What was
asked for is halved until one message is left, which is tried once more alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from migrator.errors import ConnectionLost
from migrator.mailbox import Mailbox
from migrator.matching import Lying
from migrator.message import NO_IDENTITY, Print, fingerprint, identity

T = TypeVar("T")

_BREAKS = 60
"""So many broken connections are borne with: more are no message's fault."""

_ALONE = 2
"""Tries of one message alone, before it is called unreadable."""


def readable(
    read: Callable[[Sequence[int]], Iterator[tuple[int, T]]],
    uids: Iterable[int],
    again: Callable[[], object],
    unreadable: set[int],
) -> Iterator[tuple[int, T]]:
    """Give (UID, what was read) of all `uids` that can be read; add the others to `unreadable`, which are not tried.

    `read` reads some of them over the present connection, `again` opens another one and the same folder in it.

    Raises:
        ConnectionLost: it breaks whatever is read.
    """
    left, alone, breaks = [sorted(set(uids) - unreadable)], 0, 0
    while left:
        some = dict.fromkeys(left.pop())
        try:
            for uid, what in read(list(some)) if some else ():
                some.pop(uid, None)
                yield uid, what
        except ConnectionLost:
            breaks += 1
            if breaks > _BREAKS:
                raise
            again()
            alone = alone + 1 if len(some) == 1 else 0
            if alone < _ALONE:
                left += _halves(list(some))
                continue
        unreadable |= some.keys()
        alone = 0


def _halves(uids: list[int]) -> list[list[int]]:
    """Return them so that the first half is the last, which is taken first."""
    middle = len(uids) // 2
    return [half for half in (uids[middle:], uids[:middle]) if half]


class Reader:
    """Reads messages of the mailbox back, each once in a slice.

    Args:
        key: the migration's digest key.
        mailbox: returns the present connection.
        again: opens another one, and in it the folder of this name.
    """

    def __init__(self, key: bytes, mailbox: Callable[[], Mailbox], again: Callable[[str], object]) -> None:
        self._key = key
        self._mailbox = mailbox
        self._again = again
        self._prints: dict[str, dict[int, Print]] = defaultdict(dict)
        self._unreadable: dict[str, set[int]] = defaultdict(set)

    def prints(self, name: str, uids: Iterable[int]) -> dict[int, Print]:
        """Return the fingerprints of those messages of the open folder that can be read, by UID."""
        known, wanted = self._prints[name], list(uids)
        unread = [uid for uid in wanted if uid not in known]
        for uid, body in readable(self._bodies, unread, partial(self._again, name), self._unreadable[name]):
            known[uid] = fingerprint(body, self._key)
        return {uid: known[uid] for uid in wanted if uid in known}

    def lying(self, name: str, uids: Sequence[int]) -> list[Lying]:
        """Return the messages of the open folder among `uids`; of some the server may not tell who wrote them."""
        there = sorted(self._mailbox().sizes(uids).items())
        told = dict(readable(self._identities, dict(there), partial(self._again, name), set()))
        return [Lying(uid, size, told.get(uid, NO_IDENTITY)) for uid, size in there]

    def forget(self, name: str) -> None:
        """Forget what was read in a folder that is another one now."""
        self._prints.pop(name, None)
        self._unreadable.pop(name, None)

    def _bodies(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        return self._mailbox().bodies(uids)

    def _identities(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        return ((uid, identity(fields, self._key)) for uid, fields in self._mailbox().heads(uids))
