"""Every message counted as copied is looked up in the mailbox before the migration may end.

By size always; by its bytes where asked for: then a message the server altered is found by its digest and said so.
Blind ones, whose hashes' key is lost (`migrator.blind`), by size alone: what lies at their UID is the message that was
put there (RFC 9051 §2.3.1.1), so one of another size has been altered by the server.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from migrator.blind import blind
from migrator.errors import ConnectionLost, FolderRefused
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox
from migrator.message import fingerprint
from migrator.outcome import Mark
from migrator.records import FolderState, Placed
from migrator.retry import Patience

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the check is: folder number, records done in it; and what was found so far, in placements."""

    folder: int = 0
    done: int = 0
    found: int = 0
    identical: int = 0
    altered: int = 0
    missing: int = 0


def verify_slice(
    connect: Callable[[], Mailbox], ledger: Ledger, key: bytes, patience: Patience, *, by_digest: bool
) -> bool:
    """Go on with the check, by a thousand records at least; return True when every record has been looked up.

    Raises:
        ConnectionLost: broken more than once; the next slice goes on where this one stopped.
    """
    return patience.retrying(ConnectionLost, tries=3)(_verify, connect, ledger, key, patience, by_digest=by_digest)


def _verify(connect: Callable[[], Mailbox], ledger: Ledger, key: bytes, patience: Patience, *, by_digest: bool) -> bool:
    unseen = blind(ledger, key)
    mailbox = connect()
    try:
        at = Verified(**(ledger.load("verified") or {}))
        for number, state in sorted(ledger.folders().items()):
            if number < at.folder:
                continue
            start = at.done if number == at.folder else 0
            for records in _chunks(islice(ledger.placed(number), start, None), _AT_ONCE):
                at = _check(mailbox, ledger, number, state, records, at, key, unseen, by_digest=by_digest)
                if patience.over:
                    return False
        return True
    finally:
        mailbox.close()


def _check(
    mailbox: Mailbox,
    ledger: Ledger,
    number: int,
    state: FolderState,
    records: Sequence[Placed],
    at: Verified,
    key: bytes,
    unseen: bytes,
    *,
    by_digest: bool,
) -> Verified:
    sizes = _sizes(mailbox, state, records)
    there = [p for p in records if p.uid in sizes]
    resized = [p for p in there if _is_in(unseen, p) and sizes[p.uid] != p.size]
    doubtful = [p for p in there if not _is_in(unseen, p) and (by_digest or sizes[p.uid] != p.size)]
    altered, other, vanished = _compared(mailbox, doubtful, key) if doubtful else ([], [], [])
    identical = len(doubtful) - len(altered) - len(other) - len(vanished)
    altered += resized
    gone = [p for p in records if p.uid not in sizes] + vanished
    marks = ledger.marks() if altered else b""
    ours = (p for p in altered if marks[p.number] == Mark.COPIED)
    commands: list[Command] = [ledger.mark(p.number, Mark.COPIED_ALTERED) for p in ours]
    for p in gone:
        commands += ledger.fail(p.number, Mark.FAILED_MISSING, "moved-or-removed")
    for p in other:
        commands += ledger.fail(p.number, Mark.FAILED_MISSING, "content-differs")
    missing = len(gone) + len(other)
    start = at.done if number == at.folder else 0
    at = Verified(
        folder=number,
        done=start + len(records),
        found=at.found + len(records) - missing,
        identical=at.identical + identical,
        altered=at.altered + len(altered),
        missing=at.missing + missing,
    )
    ledger.write(*commands, ledger.keep("verified", _as_json(at)))
    return at


def _is_in(unseen: bytes, record: Placed) -> bool:
    return record.number < len(unseen) and bool(unseen[record.number])


def _sizes(mailbox: Mailbox, state: FolderState, records: Sequence[Placed]) -> dict[int, int]:
    try:
        selected = mailbox.select(state.name)
    except FolderRefused:
        return {}
    if selected.uidvalidity != state.uidvalidity:
        return {}
    return mailbox.sizes([p.uid for p in records])


def _compared(
    mailbox: Mailbox, records: Sequence[Placed], key: bytes
) -> tuple[list[Placed], list[Placed], list[Placed]]:
    """Return the records whose bytes the server altered in a known way, are something else, or have just gone."""
    by_uid = {p.uid: p for p in records}
    altered: list[Placed] = []
    other: list[Placed] = []
    for uid, body in mailbox.bodies(sorted(by_uid)):
        record, found = by_uid.pop(uid), fingerprint(body, key)
        if found.digest != record.digest:
            (altered if found.likeness == record.likeness else other).append(record)
    return altered, other, list(by_uid.values())


def _as_json(at: Verified) -> dict[str, int]:
    return {name: getattr(at, name) for name in at.__slots__}


def _chunks(records: Iterable[Placed], length: int) -> Iterator[list[Placed]]:
    rows = iter(records)
    while chunk := list(islice(rows, length)):
        yield chunk
