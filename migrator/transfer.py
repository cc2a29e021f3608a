"""Messages brought from Gmail into the mailbox: read ahead, placed by their labels, filed in batches by folder."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from migrator.errors import MailboxFull, MailboxUnreachable, MessagesDeferred, Transient, Waiting
from migrator.filing import Filing, Staged
from migrator.gmail import Gmail
from migrator.judging import open_count
from migrator.labels import Choices, Placement, Skip, catalogue_of, ghosts_in, place
from migrator.ledger import Command, Ledger
from migrator.mailbox import FULL_FOR, UNREACHABLE_FOR, Mailbox
from migrator.message import GmailMessage, fingerprint, gmail_id, with_crlf
from migrator.naming import FolderNames
from migrator.newlabels import look_again
from migrator.outcome import Mark
from migrator.period import is_before
from migrator.plan import labels_of
from migrator.reading import Read, read_ahead
from migrator.records import Deferred, Expected
from migrator.refusals import Refusals
from migrator.remarks import Remark
from migrator.retry import Patience
from migrator.suspects import Suspects, Wanted

BATCH_MESSAGES = 50
BATCH_BYTES = 8 << 20
STAGED_BYTES = 24 << 20

_UNREADABLE = "unreadable"
_READ_AGAIN = 30.0
"""Seconds after which a message that Google refused, while it gave others, is asked for once more."""

_WITNESSES = 3

_SKIPS = {
    "chat": Mark.SKIPPED_CHAT,
    "spam": Mark.SKIPPED_SPAM,
    "trash": Mark.SKIPPED_TRASH,
    "period": Mark.SKIPPED_PERIOD,
    "label-not-chosen": Mark.SKIPPED_LABEL,
}


def copy_slice(
    gmail: Gmail,
    connect: Callable[[], Mailbox],
    ledger: Ledger,
    choices: Choices,
    key: bytes,
    fetchers: int,
    patience: Patience,
    *,
    careful: bool = False,
    progress_at: float = 0.0,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Copy messages until the slice's time is over; return True when every message has an outcome.

    `careful`: the slice before this one died, so messages are tried one at a time. `progress_at`: when the migration
    made progress last; `clock` tells the time. Both in seconds since the epoch.

    Raises:
        Waiting: Google or the mailbox asks for a pause; everything done so far is recorded. `MailboxUnreachable` also
            where the mailbox accepts nothing, `MessagesDeferred` where only messages are left that are tried later.
        Permanent: only a person can help (`ReconnectNeeded`, `LoginRefused`, ...).
    """
    names = FolderNames.load(ledger)
    filing = Filing(connect, ledger, names, key, patience, clock)
    try:
        filing.recover()
        if not filing.take_inventory():
            return False
        filing.copy_further()

        def look() -> bool:
            return look_again(gmail, connect, ledger, names, choices, patience)

        stage = Stage(filing, ledger, names, choices, key, look)
        suspects = Suspects(ledger, progress_at, careful=careful, clock=clock)
        try:
            for wanted, alone in suspects.parts(lambda: in_turn(_to_send(ledger), filing.refusals)):
                for read in read_ahead(gmail, wanted, fetchers, patience, alone=alone, others=_some_of(ledger)):
                    stage.take(read)
                    if alone:
                        stage.flush()
                        suspects.survived(read[0])
        finally:
            stage.flush()
        filing.locate()
    except (Waiting, Transient):
        filing.judge()
        raise
    else:
        return _is_done(ledger, filing, clock())
    finally:
        filing.close()


def _to_send(ledger: Ledger) -> Iterator[Wanted]:
    """Yield the open messages that lie in none of their folders."""
    half_done = ledger.partials()
    return (row for row in ledger.open_messages() if row[0] not in half_done)


def _some_of(ledger: Ledger) -> Callable[[str], Sequence[str]]:
    """Return what names a few messages of the plan, by chance, beside the given one."""

    def others(message_id: str) -> Sequence[str]:
        ids = ledger.ids()
        some = {gmail_id(number) for number in random.sample(ids, min(len(ids), _WITNESSES + 1))}  # no secret
        return sorted(some - {message_id})[:_WITNESSES]

    return others


def _is_done(ledger: Ledger, filing: Filing, now: float) -> bool:
    """Judge what was refused; return whether every message has an outcome, or raise what the rest waits for."""
    in_trouble = filing.judge()
    waiting = ledger.deferred(now)
    left = open_count(ledger.marks())
    dues = [held.due for held in waiting.values() if held.tries]
    if filing.held_up:  # what was due and found no room waits for room, too
        later = min((due for due in dues if due > now), default=now + FULL_FOR)
        raise MailboxFull(min(max(later, now + UNREACHABLE_FOR), now + FULL_FOR), filing.held_up.detail)
    in_vain = filing.refusals.hopeless or (in_trouble and filing.refusals.in_vain)
    if left > len(waiting) and not in_vain:
        return False
    if in_trouble or left > len(waiting):
        raise MailboxUnreachable(now + UNREACHABLE_FOR, "refuses")
    if left:
        raise MessagesDeferred(max(min(dues, default=now + FULL_FOR), now + 1))
    return True


def in_turn(rows: Iterable[Wanted], refusals: Refusals) -> Iterator[Wanted]:
    """Yield the open messages (number, Gmail id, mark) that this slice is to try, in the order of trying.

    What was refused while nothing was accepted comes last, so that it does not stand in the way of all others. Nothing
    is read for a folder that is left alone, and nothing more at all once reading on would be in vain.
    """
    last: list[Wanted] = []
    for row in rows:
        held = refusals.before.get(row[0])
        if held and not held.tries:
            last.append(row)
        elif refusals.is_due(row[0]):
            yield from _unless_closed(row, held, refusals)
        if refusals.hopeless:
            return
    for row in last:
        if refusals.hopeless:
            return
        yield from _unless_closed(row, refusals.before[row[0]], refusals)


def _unless_closed(row: Wanted, held: Deferred | None, refusals: Refusals) -> Iterator[Wanted]:
    if held and refusals.is_closed(held.folder):
        refusals.leave(held.folder, [row[0]])
    else:
        yield row


class Stage:
    """Messages that have been read and wait for their folder's batch to be worth a command.

    Within a batch they are in order of date, because mail programs that sort by arrival show them so.
    """

    def __init__(
        self,
        filing: Filing,
        ledger: Ledger,
        names: FolderNames,
        choices: Choices,
        key: bytes,
        look_again: Callable[[], bool],
    ) -> None:
        self._filing = filing
        self._ledger = ledger
        self._names = names
        self._catalogue = catalogue_of(labels_of(ledger))
        self._choices = choices
        self._key = key
        self._look_again = look_again
        self._ghosts: set[str] = set()
        self._deferred = ledger.deferred()
        self._batches: dict[int, list[Staged]] = defaultdict(list)
        self._bytes: dict[int, int] = defaultdict(int)

    def take(self, read: Read) -> None:
        """Take one read message; file the batches that are full."""
        number, message = read
        if isinstance(message, Mark):
            self._settle(number, message)
            return
        where = self._place(message)
        if isinstance(where, Skip):
            self._settle(number, _SKIPS[where.reason])
            return
        if where.ghosts:
            self._ledger.write(*self._ledger.remark([(number, Remark.UNKNOWN_LABEL)]))
        staged = self._staged(number, message, where)
        batch = self._batches[staged.folder]
        batch.append(staged)
        self._bytes[staged.folder] += staged.size
        enough = self._filing.refusals.probe(staged.folder) or BATCH_MESSAGES
        if len(batch) >= enough or self._bytes[staged.folder] >= BATCH_BYTES:
            self._file(staged.folder)
        elif sum(self._bytes.values()) >= STAGED_BYTES:
            self._file(max(self._bytes, key=self._bytes.__getitem__))

    def flush(self) -> None:
        """File everything that waits; what others are accepted after is judged by that, so the doubtful go first."""
        for folder in sorted(self._batches, key=lambda folder: (not self._filing.refusals.is_doubtful(folder), folder)):
            self._file(folder)

    def _place(self, message: GmailMessage) -> Placement | Skip:
        """Return where a message goes; a label that was made since the plan gets its folder first."""
        unknown = ghosts_in(message.label_ids, self._catalogue) - self._ghosts
        if unknown:
            if self._look_again():
                self._catalogue = catalogue_of(labels_of(self._ledger))
            self._ghosts |= ghosts_in(unknown, self._catalogue)
        too_old = is_before(message.internal_date, self._choices.since)
        return place(message.label_ids, self._catalogue, self._choices, too_old=too_old)

    def _settle(self, number: int, mark: Mark) -> None:
        if mark.is_failure:
            self._ledger.write(*self._unreadable(number, mark))
        else:
            self._ledger.write(self._ledger.mark(number, mark), *self._ledger.accepted([number]))

    def _unreadable(self, number: int, mark: Mark) -> list[Command]:
        """Return the commands for a message that Google does not give: once it is asked for again, later."""
        before, now = self._deferred.get(number), time.time()
        if before and before.word == _UNREADABLE:
            return self._ledger.fail(number, mark, _UNREADABLE)
        first = before or Deferred(_UNREADABLE, now, now, 0)
        again = Deferred(_UNREADABLE, first.since, now + _READ_AGAIN, first.tries + 1)
        return [self._ledger.defer(number, again)]

    def _staged(self, number: int, message: GmailMessage, where: Placement) -> Staged:
        wire = with_crlf(message.raw)
        folder, *more = (self._names.number(key) for key in where.folders)
        return Staged(
            number=number,
            wire=wire,
            flags=where.flags,
            keywords=where.keywords,
            date=message.internal_date,
            expected=Expected.of(number, fingerprint(wire, self._key)),
            folder=folder,
            more=tuple(dict.fromkeys(n for n in more if n != folder)),
        )

    def _file(self, folder: int) -> None:
        del self._bytes[folder]
        batch = sorted(self._batches.pop(folder), key=lambda staged: (staged.date, -staged.number))
        self._filing.file(folder, batch)
        if any(staged.more for staged in batch):
            self._filing.copy_further()
