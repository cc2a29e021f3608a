"""Every message counted as copied is looked up in the mailbox before the migration may end.

By UID and size always. Read back and compared by digest are those that servers are known to alter, those whose size
differs, the first of each folder, one in a hundred of the rest; or all, where asked for (`migrator.judging`). A copy
at the UID that the server named is a copy: with other bytes it is *altered*, never missing.

What the server cannot hand out, and what lies in a folder it does not open, is counted as such and holds nothing up.
Blind ones, whose hashes' key is lost (`migrator.blind`), are compared by size alone.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from migrator.blind import blind
from migrator.errors import ConnectionLost, FolderRefused, MailboxUnreachable, Waiting
from migrator.judging import Verdict, is_doubtful, judged
from migrator.ledger import Command, Ledger
from migrator.lookup import Lookup
from migrator.mailbox import Mailbox
from migrator.message import fingerprint
from migrator.outcome import Mark
from migrator.records import FolderState, Placed
from migrator.retry import Patience

_AT_ONCE = 1000
_DELAYS = (15.0, 60.0, 300.0, 900.0)
"""Seconds between tries to open a folder while the server has a fault; then its messages count as not checked."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the check is, and what was found so far, in placements (a message in two folders is two).

    `folder` and `done`: the folder's number, and the records done in it; `waits`: how often in a row a folder could
    not be opened. `found` = `identical` + `altered` + `by_size` (not read back) + `unreadable` (there, but the server
    could not hand it out). `unchecked`: not looked up, because their folder could not be opened, or the server did not
    say whether they are there. `missing`: not there.
    """

    folder: int = 0
    done: int = 0
    waits: int = 0
    found: int = 0
    identical: int = 0
    altered: int = 0
    by_size: int = 0
    unreadable: int = 0
    unchecked: int = 0
    missing: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the fields; `Verified(**row)` reads them."""
        return {name: getattr(self, name) for name in self.__slots__}


CURSOR = frozenset({"folder", "done", "waits"})
"""The fields of `Verified` that say where the check is; the others count."""


def verify_slice(
    connect: Callable[[], Mailbox], ledger: Ledger, key: bytes, patience: Patience, *, by_digest: bool
) -> bool:
    """Go on with the check, by a thousand records at least; return True when every record has been looked up.

    Raises:
        Waiting: the mailbox cannot be reached, or has a fault; the next slice goes on where this one stopped.
    """
    with Lookup(connect, patience) as mailbox:
        work = _Verifying(mailbox, ledger, key, by_digest=by_digest)
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

    def __init__(self, mailbox: Lookup, ledger: Ledger, key: bytes, *, by_digest: bool) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._key = key
        self._blind = blind(ledger, key)
        self._by_digest = by_digest
        self.at = Verified(**(ledger.load("verified") or {}))

    def begin(self, number: int) -> None:
        """Go on to a folder, or go on in it."""
        if number != self.at.folder:
            self.at = replace(self.at, folder=number, done=0)

    def check(self, state: FolderState, records: Sequence[Placed]) -> None:
        """Look up the next records of the folder, and write down what became of them.

        Raises:
            MailboxUnreachable: the server has a fault there; a few times at most, then they count as not checked.
        """
        try:
            verdicts = self._verdicts(state, records)
        except (ConnectionLost, Waiting) as trouble:
            if self.at.waits < len(_DELAYS):
                self._wait(trouble.detail)
            self._mailbox.reopen()
            verdicts = dict.fromkeys(records, Verdict.UNCHECKED)
        else:
            self.at = replace(self.at, waits=0)
        self._write_down(len(records), verdicts)

    def _wait(self, word: str) -> None:
        delay = _DELAYS[self.at.waits]
        self._ledger.note("verified", replace(self.at, waits=self.at.waits + 1).as_json())
        raise MailboxUnreachable(time.time() + delay, word)

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
        self._ledger.write(*self._outcomes(verdicts), self._ledger.keep("verified", self.at.as_json()))

    def _verdicts(self, state: FolderState, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        match self._opened(state):
            case "gone":
                return dict.fromkeys(records, Verdict.MISSING)
            case "closed":
                return dict.fromkeys(records, Verdict.UNCHECKED)
        sizes = self._mailbox.sizes(record.uid for record in records)
        verdicts = {record: self._by_size(record, sizes) for record in records}
        return verdicts | self._compared(list(self._to_read(records, sizes)))

    def _opened(self, state: FolderState) -> Literal["open", "gone", "closed"]:
        try:
            selected = self._mailbox.select(state.name)
        except FolderRefused as refusal:
            return "gone" if refusal.detail == "missing" else "closed"
        return "open" if selected.uidvalidity == state.uidvalidity else "gone"

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

    def _compared(self, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        """Return what the copies are, by their bytes."""
        by_uid = {record.uid: record for record in records}
        named = "UIDPLUS" in self._mailbox.mailbox.capabilities
        found = dict[Placed, Verdict]()
        for uid, body in self._mailbox.bodies(by_uid):
            record = by_uid[uid]
            found[record] = judged(record, fingerprint(body, self._key), named=named) if body else Verdict.UNREADABLE
        return found | self._vanished([record for record in records if record not in found])

    def _vanished(self, records: Sequence[Placed]) -> dict[Placed, Verdict]:
        """Return what the copies are that the server was asked for and said nothing of: still there, or just gone."""
        still = self._mailbox.sizes(record.uid for record in records) if records else {}
        return {record: Verdict.UNREADABLE if record.uid in still else Verdict.MISSING for record in records}

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


def _chunks(records: Iterable[Placed]) -> Iterator[list[Placed]]:
    rows = iter(records)
    while chunk := list(islice(rows, _AT_ONCE)):
        yield chunk
