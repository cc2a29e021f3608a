"""Messages filed into the folders of the mailbox, exactly once in effect, whatever dies in between.

For every batch: recognise what is there already → write the intent → APPEND → write the result. When the connection
breaks or a crash leaves an intent behind, the folder is looked at before anything is sent again (isync does the same).
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from migrator.attributes import AttributeCheck, Given
from migrator.blind import renew
from migrator.elsewhere import Elsewhere
from migrator.errors import (
    ConnectionLost,
    FolderRefused,
    MailboxFull,
    MessageRefused,
    MigrationError,
    RefusedUnexplained,
)
from migrator.further import copy_further
from migrator.intents import intend, settle
from migrator.inventory import take_inventory
from migrator.judging import judge, refusals_of
from migrator.ledger import Ledger
from migrator.madeanew import in_the_folder_as_it_is
from migrator.mailbox import Appended, Item, Mailbox, Refused, Selected, Unsent
from migrator.message import Bytes
from migrator.naming import FolderNames
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import Expected
from migrator.refusals import BROKEN, FULL, READ_ONLY
from migrator.refusedkeywords import RefusedKeywords
from migrator.retry import Patience

_BREAKS_ALONE = 2
"""So many connections may break at a message sent alone: one ends at any moment, without a fault of the message."""


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
        clock: tells the time, in seconds since the epoch.

    `held_up` says that the mailbox is full, if it is; `refusals` what was refused without a reason of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Mailbox],
        ledger: Ledger,
        names: FolderNames,
        key: bytes,
        patience: Patience,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folders = OpenFolders(connect, ledger, names, key, patience)
        self._attributes = AttributeCheck(ledger, self._folders)
        self._others = Elsewhere(ledger, self._folders, names)
        self._ledger = ledger
        self._key = key
        self._patience = patience
        self._clock = clock
        self._refused_keywords = RefusedKeywords(ledger)
        self.refusals = refusals_of(ledger, clock())
        self.held_up: MailboxFull | None = None

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
        self.held_up = copy_further(self._ledger, self._folders, self._others, self.refusals) or self.held_up

    def file(self, folder: int, batch: Sequence[Staged]) -> None:
        """File a batch into one folder; what is refused without a reason of its own stays open, to be judged.

        Raises:
            Waiting: the mailbox cannot be reached; nothing is lost, the messages stay open.
        """
        for staged in batch:
            self._others.follow(staged.number, (folder, *staged.more))
        self._file(folder, batch)

    def _file(self, folder: int, batch: Sequence[Staged]) -> None:
        if self.refusals.is_closed(folder):
            self.refusals.leave(folder, _numbers(batch))
            return
        try:
            self._append(folder, self._folders.patiently(lambda: self._known_recorded(folder, batch)))
        except (FolderRefused, RefusedUnexplained) as refusal:
            self._refuse_folder(folder, self._left(folder, batch), refusal.detail)
        except ConnectionLost:
            if self._ledger.intent():  # it must be looked up before anything else is begun
                raise
            self._refuse_folder(folder, self._left(folder, batch), BROKEN)
        self._go_on(folder, batch)

    def judge(self) -> bool:
        """Decide about what was refused in this slice, and write it down; return whether the mailbox is in trouble."""
        return judge(self._ledger, self.refusals, self._clock())

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
                self._file(staged.more[0], [replace(staged, folder=staged.more[0], more=staged.more[1:])])
            else:
                self._ledger.write(self._ledger.mark(staged.number, self._others.mark(staged.number, folder)))

    def _left(self, folder: int, batch: Sequence[Staged]) -> list[Staged]:
        """Return the messages that have no outcome yet and still need a copy in this folder."""
        return [s for s in self._unsettled(batch) if not self._others.settled(s.number, folder)]

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
        """Send all at once, or, after a refusal, a few first; stop when the folder is to be left alone."""
        rest = list(batch)
        while rest and not self.refusals.is_closed(folder):
            probe = self.refusals.probe(folder)
            length = probe or len(rest)
            some, rest = rest[:length], rest[length:]
            if probe == 1:  # in doubt whether anything is accepted at all: no connection is spent on a first try
                self._send_each(folder, some)
                continue
            try:
                homeless = self._send(folder, some, careful=False)
            except ConnectionLost:
                self._send_each(folder, self._missing_after_a_break(folder, some))
            else:
                self._send_again(folder, homeless)
        self.refusals.leave(folder, _numbers(rest))

    def _send_again(self, folder: int, homeless: Sequence[Staged]) -> None:
        """Send once more what found no folder: somebody removed it a moment ago, and it is made again."""
        if homeless:
            self._folders.patiently(lambda: self._folders.open(folder, again=True))
            missing = self._folders.patiently(lambda: self._known_recorded(folder, homeless))
            self._refuse_folder(folder, self._send(folder, missing, careful=True), "missing")

    def _send_each(self, folder: int, batch: Sequence[Staged]) -> None:
        """Send one by one, with synchronising literals, until the folder is to be left alone."""
        for done, staged in enumerate(batch):
            if self.refusals.is_closed(folder):
                self.refusals.leave(folder, _numbers(batch[done:]))
                return
            self._send_alone(folder, staged)

    def _send_alone(self, folder: int, staged: Staged) -> None:
        """Send one message; that the connection breaks at it is a refusal like others, unless it arrived all the same.

        Where nothing was refused before, it takes two of them.
        """
        for _ in range(1 if self.refusals.probe(folder) else _BREAKS_ALONE):
            try:
                homeless = self._send(folder, [staged], careful=True)
            except ConnectionLost:
                if not self._missing_after_a_break(folder, [staged]):
                    return
            else:
                self._refuse_folder(folder, homeless, "missing")
                return
        self.refusals.refused(folder, staged.number, BROKEN)

    def _send(self, folder: int, batch: Sequence[Staged], *, careful: bool) -> list[Staged]:
        """Append and record; return the messages for which the server found no such folder."""
        if not batch:
            return []
        selected = self._folders.open(folder)
        if selected.read_only:
            raise FolderRefused(READ_ONLY)
        flagged = self._ledger.flagged((s.number, s.flags) for s in batch)
        intend(self._ledger, self._folders, folder, [s.expected for s in batch], _more(batch), flagged)
        items = [Item(s.wire, s.flags + self._keywords(folder, s, selected), s.date) for s in batch]
        sys.audit("migrator.append.before", folder)
        answers = self._folders.mailbox.append(selected, items, careful=careful)
        sys.audit("migrator.append.after", folder)
        answers = in_the_folder_as_it_is(self._folders, folder, answers)
        return self._result(folder, list(zip(batch, answers, strict=True)))

    def _keywords(self, folder: int, staged: Staged, selected: Selected) -> tuple[str, ...]:
        return self._refused_keywords.without(folder, staged.keywords) if selected.keywords_allowed else ()

    # --- results ------------------------------------------------------------------------------------------------------

    def _result(self, folder: int, pairs: Sequence[tuple[Staged, Appended | Refused | Unsent]]) -> list[Staged]:
        sys.audit("migrator.result.before", folder)
        if any(isinstance(a, Refused) and isinstance(a.error, RefusedUnexplained) for _, a in pairs):
            self._folders.doubt(folder)
        placed = [(s.expected, a.uid, Mark.COPIED) for s, a in pairs if isinstance(a, Appended)]
        self._folders.record(folder, placed, _more(s for s, _ in pairs))
        for staged, answer in pairs:  # in the order sent, by which it is judged
            if isinstance(answer, Appended):
                self.refusals.accepted(folder, [staged.number])
                self._refused_keywords.learn(folder, answer.refused_keywords)
            elif isinstance(answer, Refused):
                self._refuse(folder, staged, answer.error)
        if self.refusals.is_closed(folder):
            self.refusals.leave(folder, _numbers(s for s, a in pairs if isinstance(a, Unsent)))
        self._attributes.look(folder, [self._given(folder, s, a.uid) for s, a in pairs if isinstance(a, Appended)])
        sys.audit("migrator.result.after", folder)
        return [s for s, a in pairs if isinstance(a, Refused) and _is_missing(a.error)]

    def _given(self, folder: int, staged: Staged, uid: int) -> Given:
        """Return what the server is to keep; a keyword that it refused is not set in another way: COPY would fail."""
        keywords = self._refused_keywords.without(folder, staged.keywords)
        return Given(staged.number, uid, staged.flags + keywords, staged.date)

    def _refuse(self, folder: int, staged: Staged, error: MigrationError) -> None:
        """Fail a message for a reason of its own; note any other refusal."""
        match error:
            case MessageRefused():
                self._ledger.write(*self._ledger.fail(staged.number, Mark.FAILED_REFUSED, error.detail))
            case MailboxFull():
                self.held_up = error
                self.refusals.refused(folder, staged.number, FULL)
            case FolderRefused() if not _is_missing(error):
                self.refusals.shut(folder, [staged.number], error.detail)
            case RefusedUnexplained():
                self.refusals.refused(folder, staged.number, error.detail)

    def _refuse_folder(self, folder: int, batch: Sequence[Staged], word: str) -> None:
        if word == READ_ONLY:  # what lies in it already can still be recognised
            self.refusals.leave(folder, _numbers(batch), word)
        elif batch:
            self.refusals.shut(folder, _numbers(batch), word)


def _numbers(batch: Iterable[Staged]) -> list[int]:
    return [staged.number for staged in batch]


def _more(batch: Iterable[Staged]) -> dict[int, tuple[int, ...]]:
    return {s.number: s.more for s in batch if s.more}


def _is_missing(error: MigrationError) -> bool:
    return isinstance(error, FolderRefused) and error.detail == "missing"
