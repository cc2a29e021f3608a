"""Further folders of a message: each gets its copy by a server-side COPY, so the mail is fetched and sent once."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from migrator.elsewhere import Elsewhere
from migrator.errors import ConnectionLost, FolderRefused, MailboxFull, RefusedUnexplained
from migrator.intents import intend, settle
from migrator.ledger import Ledger
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID, Partial
from migrator.refusals import BROKEN, FULL, READ_ONLY, Refusals


def copy_further(ledger: Ledger, folders: OpenFolders, others: Elsewhere, refusals: Refusals) -> MailboxFull | None:
    """Bring every message that is in some of its folders into all of them; return what held some up, if anything.

    A message whose UID is known in none of them cannot be copied by the server: it is open again, to be sent. What was
    refused in this slice, or is to be tried later, is left alone.
    """
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, partial in sorted(ledger.partials().items()):
        source = next((folder for folder, uid in partial.at.items() if uid != UNKNOWN_UID), None)
        if source is None:
            ledger.write(*ledger.reopened(number, Mark.PENDING_LARGE))
            continue
        for target in partial.todo if refusals.is_due(number) else ():
            if not refusals.was_refused(target, number):
                groups[source, target].append(number)
    copying = [_Copying(ledger, folders, others, refusals, source, target) for source, target in groups]
    held_up = [each.copy(numbers) for each, numbers in zip(copying, groups.values(), strict=True)]
    return next((full for full in held_up if full), None)


@dataclass(frozen=True, slots=True)
class _Copying:
    """Copying from one folder to another; what is refused is judged as it is when mail is appended."""

    ledger: Ledger
    folders: OpenFolders
    others: Elsewhere
    refusals: Refusals
    source: int
    target: int

    def copy(self, numbers: Sequence[int]) -> MailboxFull | None:
        """Copy all at once; where that is refused, one by one."""
        if self.refusals.is_closed(self.target):
            self.refusals.leave(self.target, numbers)
            return None
        try:
            self._copied(numbers)
        except MailboxFull as full:
            self._look()
            for number in numbers:
                self.refusals.refused(self.target, number, FULL)
            return full
        except FolderRefused as refusal:
            self._refused_folder(numbers, refusal)
        except (RefusedUnexplained, ConnectionLost) as refusal:
            self._look()
            return self._refused(numbers, BROKEN if isinstance(refusal, ConnectionLost) else refusal.detail)
        return None

    def _copied(self, numbers: Sequence[int]) -> None:
        def once() -> list[int]:
            return _copy(self.ledger, self.folders, self.others, self.source, self.target, numbers)

        copied = self.folders.patiently(once) if len(numbers) > 1 else once()
        if copied:
            self.refusals.accepted(self.target, copied)

    def _refused(self, numbers: Sequence[int], word: str) -> MailboxFull | None:
        if len(numbers) == 1:
            self.refusals.refused(self.target, numbers[0], word)
            return None
        held_up = [self.copy([number]) for number in numbers]
        return next((full for full in held_up if full), None)

    def _refused_folder(self, numbers: Sequence[int], refusal: FolderRefused) -> None:
        left = _to_copy(self.ledger, self.source, self.target, numbers)
        if refusal.detail == READ_ONLY:  # what lies in it already can still be recognised
            self.refusals.leave(self.target, left, refusal.detail)
        else:
            self.refusals.shut(self.target, left, refusal.detail)

    def _look(self) -> None:
        """See what arrived all the same."""
        self.folders.patiently(lambda: settle(self.ledger, self.folders))


def _to_copy(ledger: Ledger, source: int, target: int, numbers: Sequence[int]) -> dict[int, Partial]:
    """Return those of the messages that lie in `source` and still have to go to `target`."""
    now = ledger.partials()
    return {n: now[n] for n in numbers if n in now and target in now[n].todo and source in now[n].at}


def _pass_over(ledger: Ledger, others: Elsewhere, target: int, partials: dict[int, Partial]) -> None:
    """Give up the copies that were in another folder before the import."""
    wanted = [(partial.expected, (*partial.at, *partial.todo)) for partial in partials.values()]
    for number, command in others.find(target, wanted).items():
        partial = partials[number]
        ledger.write(command, *ledger.advanced(number, partial.without(target, partial.mark), Mark(partial.mark)))


def _copy(
    ledger: Ledger, folders: OpenFolders, others: Elsewhere, source: int, target: int, numbers: Sequence[int]
) -> list[int]:
    """Copy what is not there yet, and record it; return the numbers of the messages that the server copied."""
    settle(ledger, folders)
    closed = folders.open(target).read_only
    for look in (folders.claim, others.given_back):
        known = look(target, [p.expected for p in _to_copy(ledger, source, target, numbers).values()])
        folders.record(target, [row for row in known if row])
    _pass_over(ledger, others, target, _to_copy(ledger, source, target, numbers))
    _open_source(folders, source)
    fresh = {p.at[source]: p.expected for p in _to_copy(ledger, source, target, numbers).values()}
    if not fresh:
        return []
    if closed:
        raise FolderRefused(READ_ONLY)
    intend(ledger, folders, target, list(fresh.values()))
    sys.audit("migrator.append.before", target)
    copied = folders.mailbox.copy(sorted(fresh), folders.states[target].name)
    sys.audit("migrator.append.after", target)
    sys.audit("migrator.result.before", target)
    folders.record(target, [(fresh[old], new, Mark.COPIED) for old, new in copied.items()])
    sys.audit("migrator.result.after", target)
    for expected in (fresh[old] for old in fresh.keys() - copied.keys()):  # removed by somebody before the copy
        ledger.write(*ledger.fail(expected.number, Mark.FAILED_MISSING, "moved-or-removed"))
    return [fresh[old].number for old in copied]


def _open_source(folders: OpenFolders, source: int) -> None:
    """Open the folder that is copied from; that it is refused says nothing about the one that is copied to."""
    try:
        folders.open(source)
    except FolderRefused as refusal:
        raise RefusedUnexplained(refusal.detail) from None
