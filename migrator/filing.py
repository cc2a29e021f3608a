"""Messages filed into the folders of the mailbox, exactly once in effect, whatever dies in between.

For every batch: recognise what is there already → write the intent → APPEND → write the result. When the connection
breaks or a crash leaves an intent behind, the folder is looked at before anything is sent again (isync does the same).
The named points around each step are audit events (`sys.audit`), so that a test can kill the process at each of them.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from migrator.errors import ConnectionLost, FolderRefused, MessageRefused, MigrationError, Waiting
from migrator.ledger import Command, Ledger
from migrator.mailbox import Appended, Item, Mailbox, Refused, Selected
from migrator.message import Bytes, fingerprint
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.records import Expected, FolderState, Intent, Partial
from migrator.retry import Patience

T = TypeVar("T")


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
    """The mailbox side of one slice: one connection, the folders opened so far, and what was found in them.

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
        self._mailbox = connect()
        self._ledger = ledger
        self._names = names
        self._key = key
        self._patience = patience
        self._states = ledger.folders()
        self._selected: tuple[int, Selected] | None = None
        self._unexplained: dict[int, dict[int, list[int]]] = {}
        self._refused: dict[int, FolderRefused] = {}
        self.held_up: Waiting | None = None

    def close(self) -> None:
        """Log out."""
        self._mailbox.close()

    # --- after a crash ----------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Settle what an earlier slice began and did not record: look first, then write the result."""
        intent = self._ledger.intent()
        if intent is not None:
            self._patiently(lambda: self._settle(intent))

    def _settle(self, intent: Intent) -> set[int]:
        """Record the messages of an intent that are in the mailbox; return their numbers."""
        selected = self._open(intent.folder, again=True)
        if selected.uidvalidity != intent.uidvalidity:
            self._ledger.write(self._ledger.settled())
            return set()
        found = self._look(intent, selected)
        self._record(intent.folder, [(e, uid, Mark.COPIED) for e, uid in found])
        return {e.number for e, _ in found}

    def _look(self, intent: Intent, selected: Selected) -> list[tuple[Expected, int]]:
        sizes = self._mailbox.sizes(range(intent.uidnext, selected.uidnext))
        likely = (uid for uid, size in sizes.items() if any(e.may_be(size) for e in intent.expected))
        alike = self._alike(likely)
        return [(e, alike[e.likeness].pop(0)) for e in intent.expected if alike[e.likeness]]

    # --- filing -----------------------------------------------------------------------------------------------------

    def file(self, folder: int, batch: Sequence[Staged]) -> None:
        """File a batch into one folder; every message of it ends with an outcome, stays open when the mailbox is full.

        Raises:
            Waiting: the mailbox cannot be reached; nothing is lost, the messages stay open.
        """
        if folder not in self._refused:
            try:
                fresh = self._patiently(lambda: self._known_recorded(folder, batch))
                self._append(folder, fresh)
            except FolderRefused as refusal:
                self._refused[folder] = refusal
        if folder in self._refused:
            self._fail(batch, Mark.FAILED_FOLDER, self._refused[folder])

    def _append(self, folder: int, batch: Sequence[Staged]) -> None:
        if not batch:
            return
        try:
            self._send(folder, batch, careful=False)
        except ConnectionLost:
            for staged in self._missing_after_a_break(batch):
                self._send_alone(folder, staged)

    def _send_alone(self, folder: int, staged: Staged) -> None:
        """Send one message with synchronising literals; one that breaks the connection every time is set aside."""

        def once() -> None:
            try:
                self._send(folder, [staged], careful=True)
            except ConnectionLost:
                if self._missing_after_a_break([staged]):
                    raise

        try:
            self._patience.retrying(ConnectionLost, tries=3)(once)
        except ConnectionLost:
            self._fail([staged], Mark.FAILED_REFUSED, MessageRefused("connection-broke"))

    def _missing_after_a_break(self, batch: Sequence[Staged]) -> list[Staged]:
        """Reconnect, look, and return the messages that are not in the mailbox."""
        self._reconnect()
        intent = self._ledger.intent()
        done = self._patiently(lambda: self._settle(intent)) if intent else set()
        return [s for s in batch if s.number not in done]

    def _send(self, folder: int, batch: Sequence[Staged], *, careful: bool) -> None:
        selected = self._open(folder)
        expected = tuple(s.expected for s in batch)
        sys.audit("migrator.intent.before", folder)
        self._ledger.intend(Intent(folder, selected.uidvalidity, self._states[folder].next, expected))
        sys.audit("migrator.intent.after", folder)
        items = [Item(s.wire, s.flags + (s.keywords if selected.keywords_allowed else ()), s.date) for s in batch]
        sys.audit("migrator.append.before", folder)
        answers = self._mailbox.append(selected, items, careful=careful)
        sys.audit("migrator.append.after", folder)
        self._result(folder, batch, answers)
        sys.audit("migrator.result.after", folder)

    def _result(self, folder: int, batch: Sequence[Staged], answers: Sequence[Appended | Refused]) -> None:
        pairs = list(zip(batch, answers, strict=True))
        sys.audit("migrator.result.before", folder)
        placed = [(s.expected, a.uid, Mark.COPIED) for s, a in pairs if isinstance(a, Appended)]
        self._record(folder, placed, batch)
        for staged, answer in pairs:
            if isinstance(answer, Refused):
                self._refuse(staged, answer.error)

    def _refuse(self, staged: Staged, error: MigrationError) -> None:
        if isinstance(error, Waiting):
            self.held_up = error
        else:
            mark = Mark.FAILED_FOLDER if isinstance(error, FolderRefused) else Mark.FAILED_REFUSED
            self._fail([staged], mark, error)

    def _fail(self, batch: Iterable[Staged], mark: Mark, error: MigrationError) -> None:
        for staged in batch:
            self._ledger.write(*self._ledger.fail(staged.number, mark, error.detail or error.code))

    # --- what is there already --------------------------------------------------------------------------------------

    def _known_recorded(self, folder: int, batch: Sequence[Staged]) -> list[Staged]:
        """Record the messages of a batch that the folder holds already; return the others."""
        state = self._state(folder)
        known = self._claim(folder, [s.expected for s in batch])
        pairs = list(zip(batch, known, strict=True))
        self._record(folder, [(s.expected, uid, _mark(uid, state)) for s, uid in pairs if uid is not None], batch)
        return [s for s, uid in pairs if uid is None]

    def _claim(self, folder: int, wanted: Sequence[Expected]) -> list[int | None]:
        """Return for each message the UID of an unexplained one that is the same mail, each UID once."""
        by_size = self._unexplained[folder]
        alike = self._alike({uid for e in wanted for uids in _of_size(by_size, e) for uid in uids})
        return [alike[e.likeness].pop(0) if alike[e.likeness] else None for e in wanted]

    def _alike(self, uids: Iterable[int]) -> dict[str, list[int]]:
        """Return the UIDs of messages of the selected folder by their likeness."""
        alike: dict[str, list[int]] = defaultdict(list)
        for uid, body in self._mailbox.bodies(sorted(uids)):
            alike[fingerprint(body, self._key).likeness.hex()].append(uid)
        return alike

    def _load_unexplained(self, folder: int) -> dict[int, list[int]]:
        sizes: dict[int, int] = {}
        for low, high in self._states[folder].unexplained():
            sizes.update(self._mailbox.sizes(range(low, high)))
        for placed in self._ledger.placed(folder) if sizes else ():
            sizes.pop(placed.uid, None)
        by_size: dict[int, list[int]] = defaultdict(list)
        for uid, size in sorted(sizes.items()):
            by_size[size].append(uid)
        return by_size

    # --- further folders of a message -------------------------------------------------------------------------------

    def copy_further(self) -> None:
        """Bring every message that is in some of its folders into all of them, by server-side COPY."""
        groups: dict[tuple[int, int], dict[int, Partial]] = defaultdict(dict)
        for number, partial in sorted(self._ledger.partials().items()):
            for target in partial.todo:
                groups[next(iter(partial.at)), target][number] = partial
        for (source, target), partials in groups.items():
            self._copy_group(source, target, partials)

    def _copy_group(self, source: int, target: int, partials: dict[int, Partial]) -> None:
        try:
            self._patiently(lambda: self._copy(source, target, self._still_to_copy(target, partials)))
        except FolderRefused as refusal:
            self._refused[target] = refusal
            for number in self._still_to_copy(target, partials):
                self._ledger.write(
                    *self._ledger.fail(number, Mark.FAILED_FOLDER, refusal.detail), *self._ledger.whole([number])
                )

    def _still_to_copy(self, target: int, partials: dict[int, Partial]) -> dict[int, Partial]:
        now = self._ledger.partials()
        return {number: now[number] for number in partials if number in now and target in now[number].todo}

    def _copy(self, source: int, target: int, partials: dict[int, Partial]) -> None:
        self._settle_leftover()
        state = self._state(target)
        known = self._claim(target, [p.expected for p in partials.values()])
        pairs = list(zip(partials.values(), known, strict=True))
        self._record(target, [(p.expected, uid, _mark(uid, state)) for p, uid in pairs if uid is not None])
        fresh = {p.at[source]: p.expected for p, uid in pairs if uid is None}
        if not fresh:
            return
        state = self._states[target]
        self._open(source)
        sys.audit("migrator.intent.before", target)
        self._ledger.intend(Intent(target, state.uidvalidity, state.next, tuple(fresh.values())))
        sys.audit("migrator.intent.after", target)
        sys.audit("migrator.append.before", target)
        copied = self._mailbox.copy(sorted(fresh), state.name)
        sys.audit("migrator.append.after", target)
        sys.audit("migrator.result.before", target)
        self._record(target, [(fresh[old], new, Mark.COPIED) for old, new in copied.items()])
        sys.audit("migrator.result.after", target)
        self._gone_before_copy([e.number for old, e in fresh.items() if old not in copied])

    def _settle_leftover(self) -> None:
        intent = self._ledger.intent()
        if intent is not None:
            self._settle(intent)

    def _gone_before_copy(self, numbers: list[int]) -> None:
        """Someone removed the first copy meanwhile: the message counts as missing, and a resume brings it again."""
        for number in numbers:
            self._ledger.write(
                *self._ledger.fail(number, Mark.FAILED_MISSING, "moved-or-removed"), *self._ledger.whole([number])
            )

    # --- writing results --------------------------------------------------------------------------------------------

    def _record(self, folder: int, rows: Sequence[tuple[Expected, int, Mark]], batch: Sequence[Staged] = ()) -> None:
        """Write where messages are now, and clear the intent, in one step."""
        state = self._states[folder]
        state = replace(state, next=max([state.next, *(uid + 1 for _, uid, _ in rows)]))
        commands = [self._ledger.folder(folder, state), self._ledger.settled()]
        if rows:
            records = [e.placed(uid) for e, uid, _ in rows]
            commands += self._ledger.place(folder, records)
            commands += self._marks(folder, rows, {s.number: s.more for s in batch if s.more})
        self._ledger.write(*commands)
        self._states[folder] = state
        for e, uid, _ in rows:
            self._explain(folder, e, uid)

    def _explain(self, folder: int, expected: Expected, uid: int) -> None:
        """A recorded UID is no longer a candidate for another message."""
        for uids in _of_size(self._unexplained.get(folder, {}), expected):
            if uid in uids:
                uids.remove(uid)

    def _marks(
        self, folder: int, rows: Sequence[tuple[Expected, int, Mark]], more: dict[int, tuple[int, ...]]
    ) -> list[Command]:
        commands: list[Command] = []
        held = self._ledger.partials() if not more else {}
        for e, uid, mark in rows:
            partial = held.get(e.number)
            if partial is None and e.number in more:
                partial = Partial(e, {}, more[e.number], mark)
            if partial is not None:
                partial = partial.reached(folder, uid)
                if partial.todo:
                    commands.append(self._ledger.partial(e.number, partial))
                    continue
                commands += self._ledger.whole([e.number])
            commands.append(self._ledger.mark(e.number, mark if partial is None else Mark(partial.mark)))
        return commands

    # --- the connection and its folders -----------------------------------------------------------------------------

    def _state(self, folder: int) -> FolderState:
        self._open(folder)
        return self._states[folder]

    def _open(self, folder: int, *, again: bool = False) -> Selected:
        """Select a folder, creating it at its first use; `again` asks the server for its present UIDNEXT."""
        if self._selected and self._selected[0] == folder and not again:
            return self._selected[1]
        if folder not in self._states:
            self._names.create(folder, self._mailbox, self._ledger)
        selected = self._mailbox.select(self._names.name(folder))
        if selected.read_only:
            raise FolderRefused("read-only")
        self._selected = (folder, selected)
        self._remember(folder, selected)
        if folder not in self._unexplained:
            self._unexplained[folder] = self._load_unexplained(folder)
        return selected

    def _remember(self, folder: int, selected: Selected) -> None:
        state = self._states.get(folder)
        if state is None or state.uidvalidity != selected.uidvalidity:
            state = FolderState(selected.name, selected.uidvalidity, selected.uidnext, selected.uidnext)
        elif folder not in self._unexplained:
            state = state.reopened(selected.uidnext)
        else:
            state = replace(state, next=max(state.next, selected.uidnext))
        if state != self._states.get(folder):
            self._states[folder] = state
            self._ledger.write(self._ledger.folder(folder, state))

    def _patiently(self, action: Callable[[], T]) -> T:
        return self._patience.retrying(ConnectionLost, tries=4).copy(before_sleep=self._reconnect)(action)

    def _reconnect(self, _: object = None) -> None:
        self._mailbox.close()
        self._selected = None
        self._mailbox = self._connect()


def _of_size(by_size: dict[int, list[int]], expected: Expected) -> Iterator[list[int]]:
    """Yield the UIDs of all messages whose size may be the expected one's, by size."""
    near = range(expected.size - expected.slack, expected.size + expected.slack + 1)
    for size in by_size if len(near) > len(by_size) else near:
        if size in by_size and expected.may_be(size):
            yield by_size[size]


def _mark(uid: int, state: FolderState) -> Mark:
    """A message found below the folder's first UIDNEXT was there before; above it, an earlier slice put it there."""
    return Mark.ALREADY_THERE if uid < state.first else Mark.COPIED
