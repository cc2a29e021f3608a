r"""An import taken back: every copy it put into the mailbox is removed, unless the customer has done something with it.

Removed is what the ledger recorded and nothing else: by UID, in a folder whose UIDVALIDITY is still the recorded one
(RFC 9051 §2.3.1.1). Mail that was there before the import stays, whether recognised or not.

A copy the customer has done something with counts as changed, and stays (`migrator.untouched`). Copies that were moved
are not searched for. Then the folders that the import made go, the deepest first, unless they hold anything.

    decide ─► write down the step ─► remove ─► look what is left ─► write down the result
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Protocol

from migrator.errors import ConnectionLost, FolderRefused, RefusedUnexplained
from migrator.folders import ExistingFolder
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox, Selected
from migrator.records import UNKNOWN_UID, FolderState, Placed
from migrator.retry import Patience
from migrator.untouched import Found, Step, decide, touched
from migrator.verified import Verified

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Undone:
    """How far an undo is, in copies (a message in two folders is two).

    `removed`; `changed` by the customer, left; `missing`: not found, moved or removed by somebody; `refused`: the
    server does not let us remove them; `doubtful`: left, for it is not certain which message the copy is.
    `folder` and `done` say where it is, `step` what is under way.

    Of the folders that the import made, `gone` are those that were removed, by their place in the order of names.
    `folders_used`: left, for they hold mail or folders; `folders_refused`: the server does not let us remove them.
    """

    folder: int = 0
    done: int = 0
    removed: int = 0
    changed: int = 0
    missing: int = 0
    refused: int = 0
    doubtful: int = 0
    gone: tuple[int, ...] = ()
    folders_used: int = 0
    folders_refused: int = 0
    step: Step | None = None
    finished: bool = False


class Journal(Protocol):
    """Where an undo writes down how far it is."""

    def read(self) -> Undone:
        """Return how far it is; an undo not yet begun is `Undone()`."""

    def write(self, undone: Undone) -> None:
        """Store it; raises LeaseLost when another undo runs by now, or the data's time is over."""


def undo(connect: Callable[[], Mailbox], ledger: Ledger, journal: Journal, patience: Patience) -> Undone:
    """Take the import back, going on where an earlier undo was cut off; done twice it is done once.

    Raises:
        ConnectionLost: broken again and again; what is done is written down.
        FolderRefused: the folder that removed mail is moved to cannot be made or deleted (servers without UIDPLUS).
        LeaseLost: another undo runs, or the data's time is over.
    """
    return patience.retrying(ConnectionLost, tries=4)(_undo, connect, ledger, journal)


def _undo(connect: Callable[[], Mailbox], ledger: Ledger, journal: Journal) -> Undone:
    at = journal.read()
    if at.finished:
        return at
    with connect() as mailbox:
        work = _Undoing(mailbox, ledger, journal)
        for number, state in sorted(ledger.folders().items()):
            if number >= at.folder:
                at = work.folder(number, state, at)
        work.summary()
        work.clear_aside(at)
        at = replace(work.folders(at), finished=True)
        journal.write(at)
    return at


class _Undoing:
    """One connection's work on an undo."""

    def __init__(self, mailbox: Mailbox, ledger: Ledger, journal: Journal) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._journal = journal
        self._shape = mailbox.shape()
        self._named = "UIDPLUS" in mailbox.capabilities
        self._uidvalidities = {state.name: state.uidvalidity for state in ledger.folders().values()}
        self._verified = Verified.load(ledger)
        self._given = ledger.flags_given()
        self._foreign = frozenset(n for n, word in ledger.reasons().items() if word == "content-differs")
        name = blake2b(ledger.key("undo").encode(), digest_size=8).hexdigest()
        self._aside = f"{self._shape.prefix}undo-{name}"

    def folder(self, number: int, state: FolderState, at: Undone) -> Undone:
        """Go through the copies in one folder."""
        at = at if at.folder == number else replace(at, folder=number, done=0)
        try:
            selected = self._selected(state.name, state.uidvalidity)
        except FolderRefused:
            return self._closed(number, state, at)
        if at.step:
            at = self._carry_out(selected, at, at.step)
        for records in _chunks(islice(self._ledger.placed(number), at.done, None)):
            found = self._found(selected, [record.uid for record in records])
            certain = self._named or self._is_compared(number, at.done + len(records))
            step = decide(records, state.first, found, self._given, self._foreign, certain=certain)
            at = replace(at, step=step)
            self._journal.write(at)
            at = self._carry_out(selected, at, step)
        return at

    def _is_compared(self, folder: int, records: int) -> bool:
        """True when the check has compared all of the first so many copies that have another size than was sent."""
        at = self._verified
        return (folder, records) <= (at.folder, at.done) and not at.unreadable and not at.unchecked

    def _selected(self, name: str, uidvalidity: int | None) -> Selected | None:
        """Open a folder; None when it is gone, or another one under the same name. Raises FolderRefused.

        Without a `uidvalidity` any folder of this name is the one.
        """
        try:
            selected = self._mailbox.select(name)
        except FolderRefused as refusal:
            if refusal.detail == "missing":
                return None
            raise
        return selected if uidvalidity in {None, selected.uidvalidity} else None

    def _closed(self, number: int, state: FolderState, at: Undone) -> Undone:
        """Count what lies in a folder that may not be opened: nobody knows how it is."""
        rest = list(islice(self._ledger.placed(number), at.done, None))
        unknown = sum(record.uid == UNKNOWN_UID for record in rest)
        refused = sum(record.uid >= state.first for record in rest if record.uid != UNKNOWN_UID)
        at = replace(at, done=at.done + len(rest), step=None, refused=at.refused + refused)
        at = replace(at, doubtful=at.doubtful + unknown)
        self._journal.write(at)
        return at

    def _found(self, selected: Selected | None, uids: Sequence[int]) -> dict[int, Found]:
        if not selected:
            return {}
        known = [uid for uid in uids if uid != UNKNOWN_UID]
        sizes = {} if self._named else self._mailbox.sizes(known)
        return {uid: Found(sizes.get(uid, 0), flags) for uid, flags in self._mailbox.flags(known).items()}

    def _carry_out(self, selected: Selected | None, at: Undone, step: Step) -> Undone:
        sys.audit("migrator.undo.before", at.folder)
        left = self._removed(selected, step.remove) if selected else 0
        sys.audit("migrator.undo.after", at.folder)
        at = replace(
            at,
            done=at.done + step.records,
            removed=at.removed + len(step.remove) - left,
            changed=at.changed + step.changed,
            missing=at.missing + step.missing,
            doubtful=at.doubtful + step.doubtful,
            refused=at.refused + left,
            step=None,
        )
        self._journal.write(at)
        return at

    def _removed(self, selected: Selected, uids: Sequence[int]) -> int:
        """Remove what still lies there of `uids`; return how many the server would not remove."""
        there = sorted(self._mailbox.flags(uids))
        if not there or selected.read_only:
            return len(there)
        with contextlib.suppress(FolderRefused):  # what it did not take away is counted
            self._remove(there)
        return len(self._mailbox.flags(there))

    def _remove(self, uids: Sequence[int]) -> None:
        r"""Remove exactly these; without UIDPLUS by way of a folder of our own.

        A server with neither UIDPLUS nor MOVE can only expunge all mail that is marked `\Deleted`, the customer's own
        as well: there nothing is removed.
        """
        match self._mailbox.removal:
            case "expunge":
                self._mailbox.expunge(uids)
            case "move":
                self._mailbox.create(self._aside)
                self._mailbox.move(uids, self._aside)
            case "none":
                return

    def summary(self) -> None:
        """Remove the summary message, if one was sent and nobody has done anything with it."""
        row = self._ledger.load("summary") or {}
        selected = self._selected("INBOX", row["uidvalidity"]) if row.get("uid") else None
        uids = [uid for uid, now in self._found(selected, [row.get("uid", 0)]).items() if not touched(now.flags)]
        if selected and uids:
            self._removed(selected, uids)

    # --- folders ------------------------------------------------------------------------------------------------------

    def clear_aside(self, at: Undone) -> None:
        """Delete the folder that removed mail was moved to, unless somebody has put more into it."""
        if self._mailbox.removal != "move" or self._aside not in {
            folder.name for folder in self._mailbox.shape().folders
        }:
            return
        if self._mailbox.select(self._aside).exists <= at.removed + 1:  # the summary may be there, too
            self._delete(self._aside)

    def folders(self, at: Undone) -> Undone:
        """Remove the folders that the import made and that are empty now, the deepest first; look what is left."""
        made = sorted(self._ledger.made())
        there, used = self._listed(), set[str]()
        for place, name in sorted(enumerate(made), key=lambda row: len(row[1]), reverse=True):
            if name not in there:
                continue
            if self._is_used(name, there):
                used.add(name)
                continue
            at = self._remove_folder(place, name, at)
            if place in at.gone:
                del there[name]
            else:  # a parent that was merely implied went with its last child
                there = self._listed()
        left = self._listed().keys() & set(made)
        return replace(at, folders_used=len(left & used), folders_refused=len(left - used))

    def _listed(self) -> dict[str, ExistingFolder]:
        return {folder.name: folder for folder in self._mailbox.shape().folders}

    def _is_used(self, name: str, there: Mapping[str, ExistingFolder]) -> bool:
        r"""True for a folder with folders or mail in it; what is `\Noselect` can hold no mail (RFC 9051 §7.3.1)."""
        below = name + self._shape.delimiter
        has_children = bool(self._shape.delimiter) and any(other.startswith(below) for other in there)
        return has_children or (there[name].selectable and not self._is_empty(name))

    def _is_empty(self, name: str) -> bool:
        try:
            selected = self._selected(name, self._uidvalidities.get(name))
        except (FolderRefused, RefusedUnexplained):  # nobody knows
            return False
        return selected is not None and not selected.exists

    def _remove_folder(self, place: int, name: str, at: Undone) -> Undone:
        noted = replace(at, gone=tuple(sorted({*at.gone, place})))
        self._journal.write(noted)
        try:
            self._delete(name)
        except (FolderRefused, RefusedUnexplained):  # it stays, empty; Cyrus says of a special use just "not supported"
            return at
        return noted

    def _delete(self, name: str) -> None:
        self._mailbox.select("INBOX")
        self._mailbox.delete(name)


def _chunks(records: Iterable[Placed]) -> Iterator[list[Placed]]:
    rows = iter(records)
    while chunk := list(islice(rows, _AT_ONCE)):
        yield chunk
