"""Messages brought from Gmail into the mailbox: read ahead, placed by their labels, filed in batches by folder."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from migrator.errors import MessagesDeferred
from migrator.filing import Filing, Staged
from migrator.gmail import Gmail
from migrator.labels import Catalogue, Choices, Placement, Skip, catalogue_of, place
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.message import GmailMessage, fingerprint, with_crlf
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.period import is_before
from migrator.plan import labels_of
from migrator.reading import Read, read_ahead
from migrator.records import Expected
from migrator.retry import Patience
from migrator.suspects import Suspects, Wanted

BATCH_MESSAGES = 50
BATCH_BYTES = 8 << 20
STAGED_BYTES = 24 << 20

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
) -> bool:
    """Copy messages until the slice's time is over; return True when every message has an outcome.

    `careful`: the slice before this one died, so messages are tried one at a time. `progress_at`: when the migration
    made progress last, in seconds since the epoch.

    Raises:
        Waiting: Google or the mailbox asks for a pause; everything done so far is recorded.
        Permanent: only a person can help (`ReconnectNeeded`, `LoginRefused`, ...).
    """
    names = FolderNames.load(ledger)
    filing = Filing(connect, ledger, names, key, patience)
    try:
        filing.recover()
        filing.copy_further()
        stage = Stage(filing, ledger, names, catalogue_of(labels_of(ledger)), choices, key)
        suspects = Suspects(ledger, progress_at, careful=careful)
        try:
            for read in read_ahead(gmail, suspects.alone(_wanted(ledger)), fetchers, patience, alone=True):
                stage.take(read)
                stage.flush()
                suspects.survived(read[0])
            for read in read_ahead(gmail, suspects.others(_wanted(ledger)), fetchers, patience):
                stage.take(read)
        finally:
            stage.flush()
        if filing.held_up:
            raise filing.held_up
        return _is_over(ledger)
    finally:
        filing.close()


def _wanted(ledger: Ledger) -> Iterator[Wanted]:
    """Yield the open messages that lie in none of their folders."""
    half_done = ledger.partials()
    return (row for row in ledger.open_messages() if row[0] not in half_done)


def _is_over(ledger: Ledger) -> bool:
    """True when every message has an outcome.

    Raises:
        MessagesDeferred: only such are left that are to be tried again later.
    """
    left, deferred = [number for number, *_ in ledger.open_messages()], ledger.deferred()
    if left and all(number in deferred for number in left):
        raise MessagesDeferred(min(deferred[number].due for number in left))
    return not left


class Stage:
    """Messages that have been read and wait for their folder's batch to be worth a command.

    Within a batch they are in order of date, because mail programs that sort by arrival show them so.
    """

    def __init__(
        self, filing: Filing, ledger: Ledger, names: FolderNames, catalogue: Catalogue, choices: Choices, key: bytes
    ) -> None:
        self._filing = filing
        self._ledger = ledger
        self._names = names
        self._catalogue = catalogue
        self._choices = choices
        self._key = key
        self._batches: dict[int, list[Staged]] = defaultdict(list)
        self._bytes: dict[int, int] = defaultdict(int)

    def take(self, read: Read) -> None:
        """Take one read message; file the batches that are full."""
        number, message = read
        if isinstance(message, Mark):
            self._settle(number, message)
            return
        too_old = is_before(message.internal_date, self._choices.since)
        where = place(message.label_ids, self._catalogue, self._choices, too_old=too_old)
        if isinstance(where, Skip):
            self._settle(number, _SKIPS[where.reason])
            return
        staged = self._staged(number, message, where)
        batch = self._batches[staged.folder]
        batch.append(staged)
        self._bytes[staged.folder] += staged.size
        if len(batch) >= BATCH_MESSAGES or self._bytes[staged.folder] >= BATCH_BYTES:
            self._file(staged.folder)
        elif sum(self._bytes.values()) >= STAGED_BYTES:
            self._file(max(self._bytes, key=self._bytes.__getitem__))

    def flush(self) -> None:
        """File everything that waits."""
        for folder in sorted(self._batches):
            self._file(folder)

    def _settle(self, number: int, mark: Mark) -> None:
        if mark.is_failure:
            self._ledger.write(*self._ledger.fail(number, mark, "unreadable"))
        else:
            self._ledger.write(self._ledger.mark(number, mark))

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
