"""One folder of the mailbox looked at, by as many connections as the server's faults need."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

from migrator.errors import ConnectionLost, FolderRefused, RefusedUnexplained
from migrator.mailbox import Mailbox, Selected
from migrator.readback import Reader, readable
from migrator.retry import Patience

_PAUSE = 0.2
"""Seconds before another connection is opened."""


class Lookup:
    """A mailbox that is looked at; close it, or use it by `with`. `reader` reads mail of the open folder back."""

    def __init__(self, connect: Callable[[], Mailbox], key: bytes, patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        self._selected: Selected | None = None
        self.mailbox = connect()
        self.reader = Reader(key, lambda: self.mailbox, self.again)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.mailbox.close()

    def select(self, name: str) -> Selected:
        """Open a folder, on a new connection where this one breaks.

        Raises FolderRefused, RefusedUnexplained or ConnectionLost.
        """
        self._selected = None
        patiently = self._patience.retrying(ConnectionLost, tries=3).copy(before_sleep=self.reconnect)
        self._selected = patiently(lambda: self.mailbox.select(name))
        return self._selected

    def sizes(self, uids: Iterable[int]) -> dict[int, int | None]:
        """Return RFC822.SIZE in octets of those of `uids` that are there; None where the server cannot tell."""
        untold = set[int]()

        def ask(some: Sequence[int]) -> Iterator[tuple[int, int]]:
            try:
                yield from self.mailbox.sizes(some).items()
            except ConnectionLost:
                untold.update(some if len(some) == 1 else ())
                raise

        told = dict(readable(ask, uids, self.again, set()))
        return dict.fromkeys(untold) | told

    def reconnect(self, _: object = None) -> None:
        """Drop the connection and open another; raises Waiting when there is none to be had."""
        self.mailbox.close()
        self.mailbox = self._connect()

    def again(self, _: object = None) -> None:
        """Connect again and open the same folder; one that has become another meanwhile is as good as broken."""
        self._patience.wait(_PAUSE)
        self.reconnect()
        if self._selected is None:
            return
        try:
            now = self.mailbox.select(self._selected.name)
        except (FolderRefused, RefusedUnexplained):
            raise ConnectionLost("folder-closed") from None
        if now.uidvalidity != self._selected.uidvalidity:
            raise ConnectionLost("another-folder")
