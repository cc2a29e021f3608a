"""Messages recognised in another folder than their own, where the customer has put them.

What lies in its own folder stands for itself first: if a message is found only where another of the same bytes belongs,
and that one comes along later, it gets its own back and the first is open again.
"""

from collections.abc import Collection, Iterator, Sequence

from migrator.errors import FolderRefused
from migrator.existing import ListedFolder, Pair, Place
from migrator.ledger import Command, Ledger
from migrator.matching import Lot, match
from migrator.naming import FolderNames
from migrator.opened import OpenFolders, Row
from migrator.outcome import Mark
from migrator.records import Expected, Partial

Wanted = tuple[Expected, Collection[int]]
"""A message, and the numbers of all folders it goes to: what lies in them stands for itself."""


class Elsewhere:
    """What of one slice's messages lies in another folder than it should."""

    def __init__(self, ledger: Ledger, folders: OpenFolders, names: FolderNames) -> None:
        self._ledger = ledger
        self._folders = folders
        self._existing = folders.existing
        self._names = names
        self._begun: set[str] = set()
        self._earlier = {number for number, _ in self._existing.elsewhere}

    def settled(self, number: int, folder: int) -> bool:
        """Tell whether a message needs no copy in an open folder: it was found elsewhere, or is there unlocated."""
        return (number, folder) in self._existing.elsewhere or self._folders.is_unlocated(folder, number)

    def mark(self, number: int, folder: int) -> Mark:
        """Return how a message counts that needs no copy in its last folder."""
        return Mark.ALREADY_ELSEWHERE if (number, folder) in self._existing.elsewhere else Mark.COPIED

    def follow(self, number: int, folders: Sequence[int]) -> None:
        """Let what stood for a message in folders it no longer goes to stand for it in those it goes to now.

        A slice that died may have found it before its labels changed. `folders` are all that the message goes to.
        """
        if number not in self._earlier:
            return
        stale = [pair for pair in self._existing.elsewhere if pair[0] == number and pair[1] not in folders]
        for pair in stale:
            place, free = self._existing.elsewhere[pair], [f for f in folders if not self.settled(number, f)]
            commands = [self._existing.give_back(pair)]
            if free and self._names.number_of(place.name) not in folders:
                commands.append(self._existing.take((number, free[0]), place))
            self._ledger.write(*commands)

    def find(self, folder: int, wanted: Sequence[Wanted]) -> dict[int, Command]:
        """Return which messages were elsewhere before the import, by number, with the command that records where."""
        left, found = list(wanted), dict[int, Command]()
        for row in self._existing.folders if left else ():
            here = self._names.number_of(row.name)
            able = [e for e, folders in left if here not in {folder, *folders}]
            for number, uid in self._find_in(row, able).items():
                place = Place(row.name, uid)
                self._folders.take(place)
                found[number] = self._existing.take((number, folder), place)
            left = [(e, folders) for e, folders in left if e.number not in found]
        return found

    def _find_in(self, row: ListedFolder, wanted: Sequence[Expected]) -> dict[int, int]:
        lot = self._lot(row)
        likely = [e for e in wanted if lot.candidates(e.print, by_size=False)]
        if not likely or not self._folders.patiently(lambda: self._is_open(row)):
            return {}
        reader = self._folders.reader
        found = match([e.print for e in likely], lot, lambda uids: reader.prints(row.name, uids), by_size=False)
        return {e.number: uid for e, uid in zip(likely, found, strict=True) if uid is not None}

    def _lot(self, row: ListedFolder) -> Lot:
        """Return what was in a folder; what stands for a message already is taken out of it once in a slice."""
        _, lot = self._existing.folder(row.name, row.uidvalidity)
        if row.name not in self._begun:
            self._begun.add(row.name)
            for uid in (*self._existing.taken(row.name), *self._recorded(row)):
                lot.take(uid)
        return lot

    def _recorded(self, row: ListedFolder) -> Iterator[int]:
        number = self._names.number_of(row.name)
        return (placed.uid for placed in self._ledger.placed(number)) if number is not None else iter(())

    def _is_open(self, row: ListedFolder) -> bool:
        try:
            return self._folders.look_into(row.name).uidvalidity == row.uidvalidity
        except FolderRefused:
            return False

    # --- given back ---------------------------------------------------------------------------------------------------

    def given_back(self, folder: int, wanted: Sequence[Expected]) -> list[Row | None]:
        """Return for each message the one in its own open folder that stood for one of another folder, if any does.

        That one is open again.
        """
        state = self._folders.states[folder]
        taken = {uid: pair for uid, pair in self._existing.taken(state.name).items() if self._is_settled(pair)}
        if not taken or not wanted:
            return [None] * len(wanted)
        _, listed = self._existing.folder(state.name, state.uidvalidity)
        found = self._folders.match(folder, wanted, Lot.of(row for row in listed if row.uid in taken))
        for uid in found:
            if uid is not None:
                self._ledger.write(self._existing.give_back(taken[uid]), *self._opened(*taken[uid]))
        return [None if uid is None else (e, uid, Mark.ALREADY_THERE) for e, uid in zip(wanted, found, strict=True)]

    def _is_settled(self, pair: Pair) -> bool:
        number, _ = pair
        return not Mark(self._ledger.marks()[number]).is_open or number in self._ledger.partials()

    def _opened(self, number: int, folder: int) -> list[Command]:
        """Return what has a message brought to one of its folders after all; where else it lies it stays."""
        lies = {f: p for f in self._folders.states for p in self._ledger.placed(f) if p.number == number and p.uid}
        commands = self._ledger.reopened(number, Mark.PENDING_LARGE)
        if lies:
            held = self._ledger.partials().get(number)
            todo = (*(held.todo if held else ()), folder)
            at = {f: placed.uid for f, placed in lies.items()}
            again = Partial(Expected.again(next(iter(lies.values()))), at, todo, Mark.COPIED)
            commands.append(self._ledger.partial(number, again))
        return commands
