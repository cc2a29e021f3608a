"""Messages filed into the folders of the mailbox, exactly once in effect, whatever dies in between.

For every batch: recognise what is there already → write the intent → APPEND → write the result. When the connection
breaks or a crash leaves an intent behind, the folder is looked at before anything is sent again (isync does the same).
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from migrator.attributes import AttributeCheck, Given
from migrator.blind import renew
from migrator.elsewhere import Elsewhere
from migrator.errors import ConnectionLost, FolderRefused, MessageRefused, MigrationError, Waiting
from migrator.further import copy_further
from migrator.intents import intend, settle
from migrator.inventory import take_inventory
from migrator.ledger import Ledger
from migrator.mailbox import Appended, Item, Mailbox, Refused
from migrator.message import Bytes
from migrator.naming import FolderNames
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import Expected
from migrator.retry import Patience


@dataclass(frozen=True, slots=True)
class Staged:
    """One message ready to be filed: its bytes as they go on the wire, its first folder, and the further ones."""

    number: int
    wire: Bytes = field(repr=False)
    flags: tuple[str, ...]
    keywords: tuple[str, ...]
    date: int
    expected: Expected
    folder: int
    more: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.wire)


class Filing:
    """Brings one slice's messages into their folders.

    Args:
        connect: opens the mailbox; called again when the connection breaks.
        ledger: the migration's ledger under this slice's fencing token.
        names: the folder numbers' names; a refused name is replaced by its stricter spelling.
        key: the migration's digest key.
        patience: where waiting happens.

    `held_up` says why messages stayed open, if some did.
    """

    def __init__(
        self, connect: Callable[[], Mailbox], ledger: Ledger, names: FolderNames, key: bytes, patience: Patience
    ) -> None:
        self._folders = OpenFolders(connect, ledger, names, key, patience)
        self._attributes = AttributeCheck(ledger, self._folders)
        self._others = Elsewhere(ledger, self._folders, names)
        self._ledger = ledger
        self._key = key
        self._patience = patience
        self._refused: dict[int, FolderRefused] = {}
        self.held_up: Waiting | None = None

    def close(self) -> None:
        """Log out."""
        self._folders.mailbox.close()

    def recover(self) -> None:
        """Settle what was begun and not recorded: look first, then write the result."""
        self._folders.patiently(lambda: settle(self._ledger, self._folders))
        renew(self._ledger, self._folders, self._key)

    def take_inventory(self) -> bool:
        """Go on listing what the mailbox held before the import; return True when all of it is listed."""
        return take_inventory(self._folders, self._key, self._patience)

    def locate(self) -> None:
        """Look once more for what was stored under a UID that nobody knows."""
        self._folders.locate()

    def copy_further(self) -> None:
        """Bring every message that is in some of its folders into all of them."""
        self.held_up = copy_further(self._ledger, self._folders, self._others) or self.held_up

    def file(self, folder: int, batch: Sequence[Staged]) -> None:
        """File a batch into one folder; every message of it ends with an outcome, stays open when the mailbox is full.

        Raises:
            Waiting: the mailbox cannot be reached; nothing is lost, the messages stay open.
        """
        if folder in self._refused:
            self._fail(batch, Mark.FAILED_FOLDER, self._refused[folder])
            return
        try:
            self._append(folder, self._folders.patiently(lambda: self._known_recorded(folder, batch)))
        except FolderRefused as refusal:
            if refusal.detail != "read-only":  # what lies in a closed folder already can still be recognised
                self._refused[folder] = refusal
            left = [s for s in self._unsettled(batch) if not self._others.settled(s.number, folder)]
            self._fail(left, Mark.FAILED_FOLDER, refusal)
        self._go_on(folder, batch)

    # --- what is there, and what is not -------------------------------------------------------------------------------

    def _known_recorded(self, folder: int, batch: Sequence[Staged]) -> list[Staged]:
        """Record the messages of a batch that the folder holds already; return the others."""
        self._folders.open(folder)
        left = [s for s in batch if not self._others.settled(s.number, folder)]
        for look in (self._folders.claim, self._others.given_back):
            known = look(folder, [s.expected for s in left])
            self._folders.record(folder, [row for row in known if row], _more(left))
            left = [s for s, row in zip(left, known, strict=True) if row is None]
        found = self._others.find(folder, [(s.expected, s.more) for s in left])
        for command in found.values():
            self._ledger.write(command)
        return [s for s in left if s.number not in found]

    def _go_on(self, folder: int, batch: Sequence[Staged]) -> None:
        """File what needs no copy in this folder into the next of its folders, from where the server copies it on."""
        settled = [s for s in batch if self._others.settled(s.number, folder)]
        for staged in self._unsettled(settled) if settled else ():
            if staged.more:
                self.file(staged.more[0], [replace(staged, folder=staged.more[0], more=staged.more[1:])])
            else:
                self._ledger.write(self._ledger.mark(staged.number, self._others.mark(staged.number, folder)))

    def _unsettled(self, batch: Sequence[Staged]) -> list[Staged]:
        """Return the messages that have no outcome yet and lie in none of their folders."""
        marks, held = self._ledger.marks(), self._ledger.partials()
        return [s for s in batch if Mark(marks[s.number]).is_open and s.number not in held]

    def _missing_after_a_break(self, folder: int, batch: Sequence[Staged]) -> list[Staged]:
        """Reconnect, look, and return the messages that are not in the mailbox."""
        self._folders.reconnect()
        self.recover()
        return self._folders.patiently(lambda: self._known_recorded(folder, self._unsettled(batch)))

    # --- sending ------------------------------------------------------------------------------------------------------

    def _append(self, folder: int, batch: Sequence[Staged]) -> None:
        try:
            homeless = self._send(folder, batch, careful=False)
        except ConnectionLost:
            for staged in self._missing_after_a_break(folder, batch):
                self._send_alone(folder, staged)
        else:
            self._send_again(folder, homeless)

    def _send_again(self, folder: int, homeless: Sequence[Staged]) -> None:
        """Send once more what found no folder: somebody removed it a moment ago, and it is made again."""
        if homeless:
            self._folders.patiently(lambda: self._folders.open(folder, again=True))
            missing = self._folders.patiently(lambda: self._known_recorded(folder, homeless))
            self._fail(self._send(folder, missing, careful=True), Mark.FAILED_FOLDER, FolderRefused("missing"))

    def _send_alone(self, folder: int, staged: Staged) -> None:
        """Send one message with synchronising literals; one that breaks the connection every time is set aside."""

        def once() -> None:
            try:
                homeless = self._send(folder, [staged], careful=True)
            except ConnectionLost:
                if self._missing_after_a_break(folder, [staged]):
                    raise
            else:
                self._fail(homeless, Mark.FAILED_FOLDER, FolderRefused("missing"))

        try:
            self._patience.retrying(ConnectionLost, tries=3)(once)
        except ConnectionLost:
            self._fail([staged], Mark.FAILED_REFUSED, MessageRefused("connection-broke"))

    def _send(self, folder: int, batch: Sequence[Staged], *, careful: bool) -> list[Staged]:
        """Append and record; return the messages for which the server found no such folder."""
        if not batch:
            return []
        selected = self._folders.open(folder)
        if selected.read_only:
            raise FolderRefused("read-only")
        flagged = self._ledger.flagged((s.number, s.flags) for s in batch)
        intend(self._ledger, self._folders, folder, [s.expected for s in batch], _more(batch), flagged)
        items = [Item(s.wire, s.flags + (s.keywords if selected.keywords_allowed else ()), s.date) for s in batch]
        sys.audit("migrator.append.before", folder)
        answers = self._folders.mailbox.append(selected, items, careful=careful)
        sys.audit("migrator.append.after", folder)
        return self._result(folder, list(zip(batch, answers, strict=True)))

    # --- results ------------------------------------------------------------------------------------------------------

    def _result(self, folder: int, pairs: Sequence[tuple[Staged, Appended | Refused]]) -> list[Staged]:
        sys.audit("migrator.result.before", folder)
        placed = [(s.expected, a.uid, Mark.COPIED) for s, a in pairs if isinstance(a, Appended)]
        self._folders.record(folder, placed, _more(s for s, _ in pairs))
        stored = [Given(s.number, a.uid, s.flags + s.keywords, s.date) for s, a in pairs if isinstance(a, Appended)]
        self._attributes.look(folder, stored)
        refused = [(s, a.error) for s, a in pairs if isinstance(a, Refused)]
        for staged, error in refused:
            self._refuse(staged, error)
        sys.audit("migrator.result.after", folder)
        return [staged for staged, error in refused if _is_missing(error)]

    def _refuse(self, staged: Staged, error: MigrationError) -> None:
        if isinstance(error, Waiting):
            self.held_up = error
        elif not _is_missing(error):
            mark = Mark.FAILED_FOLDER if isinstance(error, FolderRefused) else Mark.FAILED_REFUSED
            self._fail([staged], mark, error)

    def _fail(self, batch: Iterable[Staged], mark: Mark, error: MigrationError) -> None:
        for staged in batch:
            self._ledger.write(*self._ledger.fail(staged.number, mark, error.detail or error.code))


def _more(batch: Iterable[Staged]) -> dict[int, tuple[int, ...]]:
    return {s.number: s.more for s in batch if s.more}


def _is_missing(error: MigrationError) -> bool:
    return isinstance(error, FolderRefused) and error.detail == "missing"
