"""The folders of the mailbox as one slice has opened them: the one connection, and what lies there unexplained.

Unexplained are messages that the ledger does not know: mail that was there before, other programs' mail, or our own
whose record was lost. A message is compared with them before it is sent.

A folder that is gone is made again. One that is another under the same name (another UIDVALIDITY, RFC 9051 §2.3.1.1)
is begun anew: what was recorded there is open again, and looked for before it is brought again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from migrator.errors import ConnectionLost, FolderRefused
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox, Selected
from migrator.message import fingerprint
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.reading import LARGE
from migrator.records import Expected, FolderState, Partial
from migrator.retry import Patience

T = TypeVar("T")

Row = tuple[Expected, int, Mark]
"""A message found or stored: what it is, its UID, and how it counts."""


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
        self._key = key
        self._patience = patience
        self.states = ledger.folders()
        self._selected: tuple[int, Selected] | None = None
        self._unexplained: dict[int, dict[int, list[int]]] = {}
        self._likeness: dict[int, dict[int, str]] = defaultdict(dict)

    # --- the connection -----------------------------------------------------------------------------------------------

    def patiently(self, action: Callable[[], T]) -> T:
        """Call `action`, again on a new connection when the one it used broke."""
        return self._patience.retrying(ConnectionLost, tries=4).copy(before_sleep=self.reconnect)(action)

    def reconnect(self, _: object = None) -> None:
        """Drop the connection and open another."""
        self.mailbox.close()
        self._selected = None
        self.mailbox = self._connect()

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
        return selected

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
            state = replace(held, next=max(held.next, selected.uidnext))
        if state != held:
            self._ledger.write(*commands, self._ledger.folder(folder, state))
            self.states[folder] = state

    def _begun_anew(self, folder: int) -> list[Command]:
        """Return what opens again the messages of a folder that is another one now; elsewhere they may still lie."""
        self._unexplained.pop(folder, None)
        self._likeness.pop(folder, None)
        gone = {placed.number: placed for placed in self._ledger.placed(folder)}
        elsewhere: dict[int, dict[int, int]] = defaultdict(dict)
        for other in self.states.keys() - {folder} if gone else ():
            for placed in self._ledger.placed(other):
                if placed.number in gone:
                    elsewhere[placed.number][other] = placed.uid
        held = self._ledger.partials()
        commands = self._ledger.forgotten(folder, gone.values())
        for number, placed in gone.items():
            commands += self._ledger.reopened(number, Mark.PENDING_LARGE if placed.size >= LARGE else Mark.PENDING)
            if number in elsewhere:
                todo = (*(held[number].todo if number in held else ()), folder)
                commands.append(
                    self._ledger.partial(number, Partial(Expected.again(placed), elsewhere[number], todo, Mark.COPIED))
                )
        return commands

    # --- what lies there unexplained ----------------------------------------------------------------------------------

    def claim(self, folder: int, wanted: Sequence[Expected]) -> list[Row | None]:
        """Return for each message the unexplained one of an open folder that is the same mail, each one once."""
        by_size, first = self._unexplained[folder], self.states[folder].first
        alike = self._alike(folder, {uid for e in wanted for uids in _of_size(by_size, e) for uid in uids})
        found = [(e, alike[e.likeness].pop(0)) if alike[e.likeness] else None for e in wanted]
        # Below the folder's first UIDNEXT it was there before; above it, an earlier slice put it there.
        return [(*pair, Mark.ALREADY_THERE if pair[1] < first else Mark.COPIED) if pair else None for pair in found]

    def arrived(self, folder: int, since: int, wanted: Sequence[Expected]) -> list[Row]:
        """Return those of the messages that have arrived in the open folder at UIDs from `since` on."""
        sizes = self.mailbox.sizes(range(since, self.open(folder).uidnext))
        alike = self._alike(folder, {uid for uid, size in sizes.items() if any(e.may_be(size) for e in wanted)})
        return [(e, alike[e.likeness].pop(0), Mark.COPIED) for e in wanted if alike[e.likeness]]

    def _alike(self, folder: int, uids: Iterable[int]) -> dict[str, list[int]]:
        """Return the UIDs by the likeness of their messages; each message is read back once in a slice."""
        known, likely = self._likeness[folder], sorted(uids)
        for uid, body in self.mailbox.bodies([uid for uid in likely if uid not in known]):
            known[uid] = fingerprint(body, self._key).likeness.hex()
        alike: dict[str, list[int]] = defaultdict(list)
        for uid in likely:
            if uid in known:
                alike[known[uid]].append(uid)
        return alike

    def _load_unexplained(self, folder: int) -> dict[int, list[int]]:
        sizes: dict[int, int] = {}
        for low, high in self.states[folder].unexplained():
            sizes.update(self.mailbox.sizes(range(low, high)))
        for placed in self._ledger.placed(folder) if sizes else ():
            sizes.pop(placed.uid, None)
        by_size: dict[int, list[int]] = defaultdict(list)
        for uid, size in sorted(sizes.items()):
            by_size[size].append(uid)
        return by_size

    # --- results ------------------------------------------------------------------------------------------------------

    def record(self, folder: int, rows: Sequence[Row], more: Mapping[int, tuple[int, ...]] | None = None) -> None:
        """Write where messages are now, and clear the intent, in one step; `more` are folders they still go to."""
        state = self.states[folder]
        state = replace(state, next=max([state.next, *(uid + 1 for _, uid, _ in rows)]))
        commands = [self._ledger.folder(folder, state), self._ledger.settled()]
        if rows:
            commands += self._ledger.place(folder, [e.placed(uid) for e, uid, _ in rows])
            commands += self._marks(folder, rows, more or {})
        self._ledger.write(*commands)
        self.states[folder] = state
        for e, uid, _ in rows:
            for uids in _of_size(self._unexplained.get(folder, {}), e):
                if uid in uids:
                    uids.remove(uid)

    def _marks(self, folder: int, rows: Sequence[Row], more: Mapping[int, tuple[int, ...]]) -> list[Command]:
        commands: list[Command] = []
        held = self._ledger.partials()
        for e, uid, mark in rows:
            partial = held.get(e.number)
            if partial is None and more.get(e.number):
                partial = Partial(e, {}, more[e.number], mark)
            commands += self._ledger.advanced(e.number, partial.reached(folder, uid) if partial else None, mark)
        return commands


def _of_size(by_size: dict[int, list[int]], expected: Expected) -> Iterator[list[int]]:
    """Yield the UIDs of all messages whose size may be the expected one's, by size."""
    near = range(expected.size - expected.slack, expected.size + expected.slack + 1)
    for size in by_size if len(near) > len(by_size) else near:
        if size in by_size and expected.may_be(size):
            yield by_size[size]
