"""The folders of the mailbox as one slice has opened them: the one connection, and what lies there unexplained.

Unexplained are messages that the ledger does not know: mail that was there before, other programs' mail, or our own
whose record was lost. A message is compared with them before it is sent.

A folder that is gone is made again. One that is another under the same name (another UIDVALIDITY, RFC 9051 §2.3.1.1)
is begun anew: what was recorded there is open again, and looked for before it is brought again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

from migrator.errors import ConnectionLost, FolderRefused
from migrator.existing import Existing, Place
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox, Selected
from migrator.matching import Lot, match
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.readback import Reader
from migrator.reading import LARGE
from migrator.records import UNKNOWN_UID, Expected, FolderState, Partial
from migrator.retry import Patience

T = TypeVar("T")

Row = tuple[Expected, int, Mark]
"""A message found or stored: what it is, its UID, and how it counts."""


class _Gone(NamedTuple):
    """A message of a folder that is another one now: what it is, and how it counted."""

    expected: Expected
    mark: Mark
    partial: Partial | None


class OpenFolders:
    """The mailbox side of one slice.

    Args:
        connect: opens the mailbox; called again when the connection breaks.
        ledger: the migration's ledger under this slice's fencing token.
        names: the folder numbers' names; a refused name is replaced by its stricter spelling.
        key: the migration's digest key.
        patience: where waiting happens.
    """

    def __init__(
        self, connect: Callable[[], Mailbox], ledger: Ledger, names: FolderNames, key: bytes, patience: Patience
    ) -> None:
        self._connect = connect
        self.mailbox = connect()
        self._ledger = ledger
        self._names = names
        self._patience = patience
        self.states = ledger.folders()
        self.existing = Existing(ledger)
        self.reader = Reader(key, lambda: self.mailbox, self._reopen)
        self._selected: tuple[int, Selected] | None = None
        self._unexplained: dict[int, Lot] = {}
        self._unlocated: dict[int, set[int]] = defaultdict(set)
        self._doubtful: set[int] = set()
        self._gone: dict[int, list[_Gone]] = {}

    # --- the connection -----------------------------------------------------------------------------------------------

    def patiently(self, action: Callable[[], T]) -> T:
        """Call `action`, again on a new connection when the one it used broke."""
        return self._patience.retrying(ConnectionLost, tries=4).copy(before_sleep=self.reconnect)(action)

    def reconnect(self, _: object = None) -> None:
        """Drop the connection and open another."""
        self.mailbox.close()
        self._selected = None
        self.mailbox = self._connect()

    def _reopen(self, name: str) -> None:
        self.reconnect()
        self.mailbox.select(name)

    # --- opening a folder ---------------------------------------------------------------------------------------------

    def open(self, folder: int, *, again: bool = False) -> Selected:
        """Select a folder, creating it at its first use; `again` asks the server how it stands at present.

        Raises:
            FolderRefused: it can be neither opened nor made.
        """
        if self._selected and self._selected[0] == folder and not again:
            return self._selected[1]
        self._selected = None  # whatever is refused from here on, the folder before is closed
        if folder not in self.states:
            self._names.create(folder, self.mailbox, self._ledger)
        selected = self._select(folder)
        self._selected = (folder, selected)
        self._remember(folder, selected)
        if folder not in self._unexplained:
            self._unexplained[folder] = self._load_unexplained(folder)
            self._find_again(folder)
            return self.open(folder)  # the connection may be another one now
        return selected

    def look_into(self, name: str) -> Selected:
        """Open any folder of the mailbox, to look at mail that was there before; raises FolderRefused."""
        self._selected = None
        return self.mailbox.select(name)

    def _select(self, folder: int) -> Selected:
        try:
            return self.mailbox.select(self._names.name(folder))
        except FolderRefused as refusal:
            if refusal.detail != "missing":
                raise
        self._names.create(folder, self.mailbox, self._ledger)
        return self.mailbox.select(self._names.name(folder))

    def _remember(self, folder: int, selected: Selected) -> None:
        held = self.states.get(folder)
        commands: list[Command] = []
        if held is None or held.uidvalidity != selected.uidvalidity:
            commands = self._begun_anew(folder) if held else []
            state = FolderState(selected.name, selected.uidvalidity, selected.uidnext, selected.uidnext)
        elif folder not in self._unexplained:
            state = held.reopened(selected.uidnext)
        else:
            state = self._advanced(folder, selected.uidnext)
        if state != held:
            self._ledger.write(*commands, self._ledger.folder(folder, state))
            self.states[folder] = state

    def _advanced(self, folder: int, uidnext: int) -> FolderState:
        """Return the state of a folder with this UIDNEXT; among what is new may be mail whose UID nobody told."""
        state = self.states[folder]
        if self._unlocated[folder] or folder in self._doubtful:
            return state.reopened(uidnext)
        return replace(state, next=max(state.next, uidnext))

    def _begun_anew(self, folder: int) -> list[Command]:
        """Return what opens again the messages of a folder that is another one now; elsewhere they may still lie.

        They are looked for in the folder as it is now (`_find_again`), before anything is sent again.
        """
        self._unexplained.pop(folder, None)
        self._unlocated.pop(folder, None)
        self.reader.forget(self.states[folder].name)
        gone = {placed.number: placed for placed in self._ledger.placed(folder)}
        marks, held = self._ledger.marks(), self._ledger.partials()
        lost = (_Gone(Expected.again(p), Mark(marks[number]), held.get(number)) for number, p in gone.items())
        self._gone[folder] = [one for one in lost if one.partial or one.mark.is_in_mailbox]
        elsewhere: dict[int, dict[int, int]] = defaultdict(dict)
        for other in self.states.keys() - {folder} if gone else ():
            for placed in self._ledger.placed(other):
                if placed.number in gone and placed.uid != UNKNOWN_UID:
                    elsewhere[placed.number][other] = placed.uid
        commands = self._ledger.forgotten(folder, gone.values())
        for number, placed in gone.items():
            commands += self._ledger.reopened(number, Mark.PENDING_LARGE if placed.size >= LARGE else Mark.PENDING)
            if number in elsewhere:
                todo = (*(held[number].todo if number in held else ()), folder)
                commands.append(
                    self._ledger.partial(number, Partial(Expected.again(placed), elsewhere[number], todo, Mark.COPIED))
                )
        return commands

    def _find_again(self, folder: int) -> None:
        """Find the messages of a folder that got another UIDVALIDITY: it may hold the same mail under other UIDs.

        Where all are found its store was built anew, and they are what was copied; otherwise the folder was made again,
        and somebody else may have put there what it holds.
        """
        gone = self._gone.pop(folder, [])
        if not gone:
            return
        found = self.match(folder, [one.expected for one in gone], self._unexplained[folder])
        rows = [(one, uid) for one, uid in zip(gone, found, strict=True) if uid is not None]
        commands = self._ledger.place(folder, [one.expected.placed(uid) for one, uid in rows])
        kept = len(rows) == len(gone)
        whole = [(one.expected, uid, one.mark if kept else Mark.ALREADY_THERE) for one, uid in rows if not one.partial]
        halves = [(one.expected.number, one.partial.at_again(folder, uid)) for one, uid in rows if one.partial]
        self._ledger.write(
            *commands,
            *self._marks(folder, whole, {}),
            *(self._ledger.partial(number, partial) for number, partial in halves),
        )
        for _, uid in rows:
            self.take(Place(self.states[folder].name, uid))

    # --- what lies there unexplained ----------------------------------------------------------------------------------

    def claim(self, folder: int, wanted: Sequence[Expected]) -> list[Row | None]:
        """Return for each message the unexplained one of an open folder that is the same mail, each one once."""
        first = self.states[folder].first
        found = self.match(folder, wanted, self._unexplained[folder])
        # Below the folder's first UIDNEXT it was there before; above it, an earlier slice put it there.
        return [
            None if uid is None else (e, uid, Mark.ALREADY_THERE if uid < first else Mark.COPIED)
            for e, uid in zip(wanted, found, strict=True)
        ]

    def arrived(self, folder: int, since: int, wanted: Sequence[Expected]) -> list[Row]:
        """Return those of the messages that have arrived in the open folder at UIDs from `since` on."""
        new = range(since, self.open(folder).uidnext)
        found = self.match(folder, wanted, Lot.of(self.reader.lying(self.states[folder].name, new)))
        return [(e, uid, Mark.COPIED) for e, uid in zip(wanted, found, strict=True) if uid is not None]

    def doubt(self, folder: int) -> None:
        """Note that a message was refused for no known reason: from here on what is new may be it all the same."""
        self._doubtful.add(folder)

    def is_unlocated(self, folder: int, number: int) -> bool:
        """Tell whether a message was stored in an open folder under a UID that nobody knows."""
        return number in self._unlocated[folder]

    def locate(self) -> None:
        """Look once more for what was stored under a UID that is not known."""
        for folder in self._ledger.unlocated():
            self._unexplained.pop(folder, None)
            self.patiently(partial(self.open, folder, again=True))

    def match(self, folder: int, wanted: Sequence[Expected], lot: Lot) -> list[int | None]:
        """Return which messages of a lot, all of the open folder, are these."""
        return match([e.print for e in wanted], lot, partial(self.reader.prints, self.states[folder].name))

    def _load_unexplained(self, folder: int) -> Lot:
        state = self.states[folder]
        ranges = state.unexplained()
        until, listed = self.existing.folder(state.name, state.uidvalidity)
        rows = [row for row in listed if any(low <= row.uid < high for low, high in ranges)]
        for low, high in ranges:
            rows += self.reader.lying(state.name, range(max(low, until), high))
        lot, unlocated = Lot.of(rows), []
        for placed in self._ledger.placed(folder):
            lot.take(placed.uid)
            if placed.uid == UNKNOWN_UID:
                unlocated.append(placed)
        for uid in self.existing.taken(state.name):
            lot.take(uid)
        self._locate_in(folder, lot, [Expected.again(placed) for placed in unlocated])
        return lot

    def _locate_in(self, folder: int, lot: Lot, unlocated: Sequence[Expected]) -> None:
        found = {
            e.number: uid
            for e, uid in zip(unlocated, self.match(folder, unlocated, lot), strict=True)
            if uid is not None
        }
        self._unlocated[folder] = {e.number for e in unlocated} - found.keys()
        if found:
            held = self._ledger.partials()
            moved = {n: held[n].at_again(folder, uid) for n, uid in found.items() if n in held}
            partials = [self._ledger.partial(number, partial) for number, partial in moved.items()]
            self._ledger.write(*self._ledger.located(folder, found), *partials)
        for uid in found.values():
            lot.take(uid)

    # --- results ------------------------------------------------------------------------------------------------------

    def record(self, folder: int, rows: Sequence[Row], more: Mapping[int, tuple[int, ...]] | None = None) -> None:
        """Write where messages are now, and clear the intent, in one step; `more` are folders they still go to."""
        state = self._advanced(folder, max((uid + 1 for _, uid, _ in rows), default=0))
        commands = [self._ledger.folder(folder, state), self._ledger.settled()]
        if rows:
            commands += self._ledger.place(folder, [e.placed(uid) for e, uid, _ in rows])
            commands += self._marks(folder, rows, more or {})
        self._ledger.write(*commands)
        self.states[folder] = state
        self._unlocated[folder] |= {e.number for e, uid, _ in rows if uid == UNKNOWN_UID}
        for _, uid, _ in rows:
            self.take(Place(state.name, uid))

    def take(self, place: Place) -> None:
        """Let a message of the mailbox stand for nothing else from now on."""
        self.existing.speak_for(place)
        for folder, lot in self._unexplained.items():
            if self.states[folder].name == place.name:
                lot.take(place.uid)

    def _marks(self, folder: int, rows: Sequence[Row], more: Mapping[int, tuple[int, ...]]) -> list[Command]:
        commands: list[Command] = []
        held = self._ledger.partials()
        for e, uid, mark in rows:
            partial = held.get(e.number)
            if partial is None and more.get(e.number):
                partial = Partial(e, {}, more[e.number], mark)
            commands += self._ledger.advanced(e.number, partial.reached(folder, uid) if partial else None, mark)
        return commands
