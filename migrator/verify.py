"""Every message counted as copied is looked up in the mailbox before the migration may end.

By UID and size always. Read back and compared by digest are those that servers are known to alter, those whose size
differs, the first of each folder, one in a hundred of the rest; or all, where asked for (`migrator.verdicts`). A copy
at the UID that the server named is a copy: with other bytes it is *altered*, never missing.

What is not at its UID is looked for in the rest of its folder (`migrator.strays`) before it counts as missing.
What the server cannot hand out, and what lies in a folder it does not open, is counted as such and holds nothing up.
Blind ones, whose hashes' key is lost (`migrator.blind`), are compared by size alone.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from migrator.blind import blind
from migrator.errors import ConnectionLost, FolderRefused, MailboxUnreachable, RefusedUnexplained, Waiting
from migrator.ledger import Command, Ledger
from migrator.lookup import Lookup
from migrator.mailbox import UNREACHABLE_FOR, Mailbox
from migrator.message import Print
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID, FolderState, Placed
from migrator.retry import Patience
from migrator.strays import Strays
from migrator.verdicts import Verdict, is_doubtful, judged
from migrator.verified import VERIFIED, Verified

_AT_ONCE = 1000
_FAULT_TRIES = 7
"""So often a folder is tried again while the server has a fault, for a quarter of an hour (`migrator.pauses`)."""
_GONE_TRIES = 4
"""So often a folder that is said not to exist is asked for again, for a minute and a half: some come back."""


def verify_slice(
    connect: Callable[[], Mailbox], ledger: Ledger, key: bytes, patience: Patience, *, by_digest: bool
) -> bool:
    """Go on with the check, by a thousand records at least; return True when every record has been looked up.

    Raises:
        Waiting: the mailbox cannot be reached, or has a fault; the next slice goes on where this one stopped.
    """
    with Lookup(connect, key, patience) as mailbox:
        work = _Verifying(mailbox, ledger, blind(ledger, key), by_digest=by_digest)
        for number, state in sorted(ledger.folders().items()):
            if number < work.at.folder:
                continue
            work.begin(number)
            for records in _chunks(islice(ledger.placed(number), work.at.done, None)):
                work.check(state, records)
                if patience.over:
                    return False
        return True


class _Verifying:
    """One connection's work on the check; `at` is how far it is."""

    def __init__(self, mailbox: Lookup, ledger: Ledger, unseen: bytes, *, by_digest: bool) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._blind = unseen
        self._strays = Strays(mailbox, ledger)
        self._by_digest = by_digest
        self.at = Verified.load(ledger)
        self._digests_of = -1
        self._known = frozenset[bytes]()

    def begin(self, number: int) -> None:
        """Go on to a folder, or go on in it."""
        if number != self.at.folder:
            self.at = replace(self.at, folder=number, done=0)

    def check(self, state: FolderState, records: Sequence[Placed]) -> None:
        """Look up the next records of the folder, and write down what became of them.

        Raises:
            MailboxUnreachable: the server has a fault there, or the folder is gone; a few times at most, then its
                messages count as not checked, or as missing.
        """
        try:
            verdicts = self._verdicts(state, records)
        except (ConnectionLost, RefusedUnexplained, Waiting) as trouble:
            if self.at.waits < _FAULT_TRIES:
                self._wait(trouble.detail)
            self._mailbox.reconnect()
            verdicts = dict.fromkeys(records, Verdict.UNCHECKED)
        else:
            self.at = replace(self.at, waits=0)
        self._write_down(len(records), verdicts)

    def _wait(self, word: str) -> None:
        self._ledger.note(VERIFIED, replace(self.at, waits=self.at.waits + 1).as_json())
        raise MailboxUnreachable(time.time() + UNREACHABLE_FOR, word)

    def _write_down(self, records: int, verdicts: Mapping[Placed, Verdict]) -> None:
        sums = Counter(verdicts.values())
        self.at = replace(
            self.at,
            done=self.at.done + records,
            found=self.at.found + sum(count for verdict, count in sums.items() if verdict.is_there),
            identical=self.at.identical + sums[Verdict.IDENTICAL],
            altered=self.at.altered + sums[Verdict.ALTERED],
            by_size=self.at.by_size + sums[Verdict.BY_SIZE],
            unreadable=self.at.unreadable + sums[Verdict.UNREADABLE],
            unchecked=self.at.unchecked + sums[Verdict.UNCHECKED],
            missing=self.at.missing + sums[Verdict.MISSING] + sums[Verdict.OTHER],
        )
        self._ledger.write(*self._outcomes(verdicts), self._ledger.keep(VERIFIED, self.at.as_json()))

    def _verdicts(self, state: FolderState, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        try:
            selected = self._mailbox.select(state.name)
        except FolderRefused as refusal:
            if refusal.detail != "missing":
                return dict.fromkeys(records, Verdict.UNCHECKED)
            if self.at.waits < _GONE_TRIES:
                self._wait(refusal.detail)
            return dict.fromkeys(records, Verdict.MISSING)
        verdicts = {record: _lost(record) for record in records}
        if selected.uidvalidity == state.uidvalidity:
            verdicts |= self._at_their_uids(state, [record for record in records if record.uid != UNKNOWN_UID])
        displaced = frozenset(r for r in records if verdicts[r] is Verdict.OTHER)
        strays = [r for r in records if (verdicts[r] is _lost(r) or r in displaced) and not self._is_blind(r)]
        return verdicts | self._strays.find(self.at.folder, state, selected, strays, displaced)

    def _at_their_uids(self, state: FolderState, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        sizes = self._mailbox.sizes(record.uid for record in records)
        verdicts = {record: self._by_size(record, sizes) for record in records}
        verdicts |= self._compared(state, list(self._to_read(records, sizes)))
        if Verdict.OTHER in verdicts.values():  # the folder's UIDs may mean other messages by now: no size will do
            unread = [r for r in records if verdicts[r] is Verdict.BY_SIZE and not self._is_blind(r)]
            verdicts |= self._compared(state, unread)
        return verdicts

    def _by_size(self, record: Placed, sizes: Mapping[int, int | None]) -> Verdict:
        if record.uid not in sizes:
            return Verdict.MISSING
        if sizes[record.uid] is None:
            return Verdict.UNCHECKED
        return Verdict.ALTERED if self._is_blind(record) and sizes[record.uid] != record.size else Verdict.BY_SIZE

    def _to_read(self, records: Sequence[Placed], sizes: Mapping[int, int | None]) -> Iterator[Placed]:
        for place, record in enumerate(records, self.at.done):
            size = sizes.get(record.uid)
            if size is not None and not self._is_blind(record):
                first_of_folder = place == 0
                if self._by_digest or first_of_folder or is_doubtful(record, size):
                    yield record

    def _is_blind(self, record: Placed) -> bool:
        return record.number < len(self._blind) and bool(self._blind[record.number])

    def _compared(self, state: FolderState, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        """Return what the copies are, by their bytes."""
        named = "UIDPLUS" in self._mailbox.mailbox.capabilities
        prints = self._prints(state, [record.uid for record in records])
        found = {r: self._judged(r, prints[r.uid], named=named) for r in records if r.uid in prints}
        unread = [record for record in records if record not in found]
        still = self._mailbox.sizes(record.uid for record in unread)
        return found | {r: Verdict.UNREADABLE if r.uid in still else Verdict.MISSING for r in unread}

    def _judged(self, record: Placed, found: Print, *, named: bool) -> Verdict:
        """Return what a copy is; another one of the folder in its place shows that the UIDs were given anew."""
        verdict = judged(record, found, named=named)
        return Verdict.OTHER if verdict is Verdict.ALTERED and found.digest in self._digests() else verdict

    def _digests(self) -> frozenset[bytes]:
        """Return the digests of all copies recorded in the folder."""
        if self._digests_of != self.at.folder:
            self._digests_of = self.at.folder
            self._known = frozenset(record.digest for record in self._ledger.placed(self.at.folder))
        return self._known

    def _prints(self, state: FolderState, uids: Sequence[int]) -> dict[int, Print]:
        """Return the fingerprints of those messages that the server can hand out."""
        try:
            return self._mailbox.reader.prints(state.name, uids)
        except ConnectionLost:  # over and over, so nothing of it can be read
            self._mailbox.again()
            return {}

    def _outcomes(self, verdicts: Mapping[Placed, Verdict]) -> list[Command]:
        """Return the commands for the messages whose outcome is another one now."""
        commands = list[Command]()
        altered = [record for record, verdict in verdicts.items() if verdict is Verdict.ALTERED]
        marks = self._ledger.marks() if altered else b""
        copied = (record.number for record in altered if marks[record.number] == Mark.COPIED)
        commands += (self._ledger.mark(number, Mark.COPIED_ALTERED) for number in copied)
        words = {Verdict.MISSING: "moved-or-removed", Verdict.OTHER: "content-differs"}
        for record, verdict in verdicts.items():
            if verdict in words:
                commands += self._ledger.fail(record.number, Mark.FAILED_MISSING, words[verdict])
        return commands


def _lost(record: Placed) -> Verdict:
    """Return what a copy is that was not found: the server said OK to one whose UID is not known (RFC 9051 §6.3.12)."""
    return Verdict.UNCHECKED if record.uid == UNKNOWN_UID else Verdict.MISSING


def _chunks(records: Iterable[Placed]) -> Iterator[list[Placed]]:
    rows = iter(records)
    while chunk := list(islice(rows, _AT_ONCE)):
        yield chunk
