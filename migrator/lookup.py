"""Mail looked at and read back from one folder, as far as the server can hand it out.

A server may be unable to give out a single message: Dovecot drops the connection over a file that is shorter than its
name says, others answer NO. Such a message must not hold up the others, so a group that breaks the connection is
halved until the one at fault is alone, and that one is passed over.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self, TypeVar

from migrator.errors import ConnectionLost, FolderRefused
from migrator.mailbox import Mailbox, Selected
from migrator.retry import Patience

T = TypeVar("T")

_BREAKS = 40
"""Connections that may break over some messages; those of them still to be read then count as unreadable."""

_TRIES = 2
"""A message alone in its command is unreadable when the connection breaks over it so many times."""


class Lookup:
    """A mailbox that is looked at by as many connections as its faults need; close it, or use it by `with`."""

    def __init__(self, connect: Callable[[], Mailbox], patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        self._selected: Selected | None = None
        self.mailbox = connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.mailbox.close()

    def select(self, name: str) -> Selected:
        """Open a folder, on a new connection where this one breaks; raises FolderRefused or ConnectionLost."""
        self._selected = None
        patiently = self._patience.retrying(ConnectionLost, tries=3).copy(before_sleep=self.reopen)
        self._selected = patiently(lambda: self.mailbox.select(name))
        return self._selected

    def sizes(self, uids: Iterable[int]) -> dict[int, int | None]:
        """Return RFC822.SIZE in octets of those of `uids` that are there; None where the server cannot tell."""
        return dict(self._each(uids, lambda mailbox, some: mailbox.sizes(some).items()))

    def bodies(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes | None]]:
        """Give (UID, octets) of those of `uids` that are there, in any order; None for one that cannot be read."""
        return self._each(uids, Mailbox.bodies)

    def _each(
        self, uids: Iterable[int], ask: Callable[[Mailbox, Sequence[int]], Iterable[tuple[int, T]]]
    ) -> Iterator[tuple[int, T | None]]:
        groups, breaks = [(sorted(uids), _TRIES)], 0
        while groups:
            group, tries = groups.pop()
            if not tries or breaks == _BREAKS:
                yield from ((uid, None) for uid in group)
                continue
            answered = set[int]()
            try:
                for uid, value in ask(self.mailbox, group) if group else ():
                    answered.add(uid)
                    yield uid, value
            except ConnectionLost:
                breaks += 1
                self._go_on(breaks)
                groups += _smaller([uid for uid in group if uid not in answered], tries)

    def reopen(self, _: object = None) -> None:
        """Drop the connection and open another; raises Waiting when there is none to be had."""
        self.mailbox.close()
        self.mailbox = self._connect()

    def _go_on(self, breaks: int) -> None:
        """Connect again and open the same folder; one that has become another meanwhile is as good as broken."""
        self._patience.wait(min(breaks, 10) / 10)
        self.reopen()
        if self._selected is None:
            return
        try:
            now = self.mailbox.select(self._selected.name)
        except FolderRefused:
            raise ConnectionLost("folder-closed") from None
        if now.uidvalidity != self._selected.uidvalidity:
            raise ConnectionLost("another-folder")


def _smaller(group: Sequence[int], tries: int) -> list[tuple[list[int], int]]:
    """Return the group in halves; a single message with one try less."""
    if len(group) <= 1:
        return [(list(group), tries - 1)]
    half = len(group) // 2
    return [(list(group[half:]), _TRIES), (list(group[:half]), _TRIES)]
