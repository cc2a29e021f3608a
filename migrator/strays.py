"""Copies that are not at their UID, looked for in the rest of their folder.

A server may not have named the UID, or give its messages other UIDs by now (GNU imap4d, a repaired mailbox); a customer
may have moved a message away and back. A message that lies there stands for one copy at most.
"""

from collections.abc import Collection, Sequence

from migrator.ledger import Ledger
from migrator.lookup import Lookup
from migrator.mailbox import Selected
from migrator.matching import Lot, match
from migrator.records import UNKNOWN_UID, Expected, FolderState, Placed
from migrator.verdicts import Verdict, judged

_ALL = range(1, 2**32)


class Strays:
    """Searches one folder after the other, each of which is open in `mailbox`."""

    def __init__(self, mailbox: Lookup, ledger: Ledger) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._rest: dict[int, Lot] = {}

    def find(
        self,
        number: int,
        state: FolderState,
        selected: Selected,
        records: Sequence[Placed],
        displaced: Collection[Placed] = (),
    ) -> dict[Placed, Verdict]:
        """Return what those copies are that are found; a UID that was not known, or UIDs given anew, are written down.

        Args:
            number: the folder's number.
            state: the folder as recorded.
            selected: the folder as it is; with another UIDVALIDITY no recorded UID means anything.
            records: copies that were not found where they should be.
            displaced: those of them at whose UID another message lies.
        """
        if not records:
            return {}
        if number not in self._rest or displaced:
            self._rest = {number: self._load(number, state, selected, {record.uid for record in displaced})}
        reader, lot = self._mailbox.reader, self._rest[number]
        wanted = [Expected.again(record).print for record in records]
        uids = match(wanted, lot, lambda some: reader.prints(state.name, some))
        found = {record: uid for record, uid in zip(records, uids, strict=True) if uid is not None}
        for uid in found.values():
            lot.take(uid)
        self._write_down(number, {r: uid for r, uid in found.items() if displaced or r.uid == UNKNOWN_UID})
        prints = reader.prints(state.name, found.values())
        return {record: judged(record, prints[uid], named=True) for record, uid in found.items()}

    def _load(self, number: int, state: FolderState, selected: Selected, free: Collection[int]) -> Lot:
        """Return the messages at whose UID no copy is recorded, or one that is not there (`free`)."""
        there = set(self._mailbox.mailbox.sizes(_ALL))
        if selected.uidvalidity == state.uidvalidity:
            there -= {record.uid for record in self._ledger.placed(number)} - set(free)
        return Lot.of(self._mailbox.reader.lying(state.name, sorted(there)))

    def _write_down(self, number: int, found: dict[Placed, int]) -> None:
        uids = {record.number: uid for record, uid in found.items()}
        if uids:
            self._ledger.write(*self._ledger.located(number, uids))
