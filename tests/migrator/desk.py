"""One migration's filing into a real mailbox, for tests: slices begun and ended, what lies where, deaths at points."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine import KEY, heir, letter, new_ledger
from redis import Redis

from emulator.servers.instance import Server, User
from migrator.attributes import DATES_NOT_KEPT, FLAGS_NOT_KEPT
from migrator.failures import RETRY_AFTER
from migrator.filing import Filing, Staged
from migrator.ledger import Ledger
from migrator.mailbox import Item, Mailbox, Password, Target, open_mailbox
from migrator.message import fingerprint, with_crlf
from migrator.naming import FolderNames, NamedFolder
from migrator.outcome import Mark
from migrator.records import Expected
from migrator.retry import Patience

INBOX, WORK, FAMILY, PERCENT = range(4)
DATE = 1_700_000_000_000  # 14 November 2023, 22:13:20 UTC
POINTS = [f"migrator.{step}.{side}" for step in ("intent", "append", "result") for side in ("before", "after")]

_at_points: list[Callable[[str], None]] = []
sys.addaudithook(
    lambda event, _: [act(event) for act in _at_points] and None if event.startswith("migrator.") else None
)


@contextmanager
def at_points(act: Callable[[str], None]) -> Iterator[None]:
    """Call `act` with the name of each point that filing passes; what it raises is raised there."""
    _at_points.append(act)
    try:
        yield
    finally:
        _at_points.remove(act)


def raising(error: Exception, point: str, nth: int = 1) -> Callable[[str], None]:
    """Return what raises `error` when `point` is passed for the nth time (0: every time)."""
    passed = [0]

    def act(event: str) -> None:
        passed[0] += event == point
        if event == point and nth in {0, passed[0]}:
            raise error

    return act


def staged(
    number: int,
    folder: int = INBOX,
    *more: int,
    raw: bytes = b"",
    flags: Sequence[str] = (r"\Seen",),
    keywords: Sequence[str] = (),
    key: bytes = KEY,
) -> Staged:
    """Return message `number` of the plan, ready to be filed; without `raw` a small mail of its own."""
    wire = with_crlf(raw or letter(number))
    expected = Expected.of(number, fingerprint(wire, key))
    return Staged(number, wire, tuple(flags), tuple(keywords), DATE + number * 1000, expected, folder, more)


def batch(numbers: Sequence[int], folder: int = INBOX, *more: int) -> list[Staged]:
    return [staged(number, folder, *more) for number in numbers]


class Desk:
    """A migration of 40 messages into an empty mailbox; `ledger` is the present slice's, `key` its digest key.

    `now` is the time that filing is told; a test moves it on.
    """

    def __init__(self, server: Server, redis: Redis, quota: int | None = None) -> None:
        self.server = server
        self.redis = redis
        self.key = KEY
        self.now = 1_750_000_000.0
        self.user: User = server.new_user(quota)
        self.opened: list[Mailbox] = []
        self.ledger = self.new_migration()

    def new_migration(self) -> Ledger:
        """Return the ledger of a migration that knows nothing but its plan and its folders' names."""
        with self.enter() as mailbox:
            shape = mailbox.shape()
        rows = [
            NamedFolder("INBOX", "INBOX"),
            *(NamedFolder(name, shape.prefix + name) for name in ("Work", "Family", "per%cent")),
        ]
        ledger = new_ledger(self.redis)
        ledger.write(
            FolderNames(rows, shape.delimiter, shape.prefix).kept(ledger), *ledger.plan(range(40), [Mark.PENDING] * 40)
        )
        return ledger

    def enter(self) -> Mailbox:
        target = Target(self.server.host, self.server.port, "none")
        self.opened.append(open_mailbox(target, Password(self.user.name, self.user.password), read_timeout=30))
        return self.opened[-1]

    @contextmanager
    def slice(self) -> Iterator[Filing]:
        """Give the filing of a new slice that has recovered what the one before left."""
        self.ledger = heir(self.redis, self.ledger)
        filing = Filing(
            self.enter, self.ledger, FolderNames.load(self.ledger), self.key, Patience(scale=0), lambda: self.now
        )
        try:
            filing.recover()
            assert filing.take_inventory()
            filing.copy_further()
            yield filing
            filing.locate()
            filing.judge()
        finally:
            filing.close()

    def file(self, *batches: Sequence[Staged]) -> None:
        """File each batch into its folder, in a slice of its own for them all."""
        with self.slice() as filing:
            for some in batches:
                if due := [one for one in self.still_open(some) if filing.refusals.is_due(one.number)]:
                    filing.file(some[0].folder, due)
            filing.copy_further()

    def still_open(self, some: Sequence[Staged]) -> list[Staged]:
        """Return those without an outcome, as a slice would bring them again."""
        held, marks = self.ledger.partials(), self.ledger.marks()
        return [one for one in some if one.number not in held and Mark(marks[one.number]).is_open]

    def name(self, folder: int) -> str:
        return FolderNames.load(self.ledger).name(folder)

    def lying(self, folder: int = INBOX) -> list[bytes]:
        """Return what lies in a folder, by UID, as another client sees it."""
        with self.server.observer(self.user) as observer:
            if not observer.folder_exists(self.name(folder)):
                return []
            observer.select_folder(self.name(folder), readonly=True)
            found = observer.fetch(observer.search(), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def put(self, folder: int, *raws: bytes) -> None:
        """Let mail arrive in a folder by other hands."""
        with self.enter() as mailbox:
            mailbox.create(self.name(folder))
            items = [Item(with_crlf(raw), (), DATE) for raw in raws]
            mailbox.append(mailbox.select(self.name(folder)), items)

    def remove(self, folder: int, *raws: bytes) -> None:
        """Remove mail from a folder by other hands; without `raws` all of it."""
        with self.server.observer(self.user) as observer:
            observer.select_folder(self.name(folder))
            found = observer.fetch(observer.search(), ["BODY.PEEK[]"])
            observer.delete_messages([uid for uid, row in found.items() if not raws or row[b"BODY[]"] in raws])
            observer.expunge()

    def delete_folder(self, folder: int, *, again: bool = False) -> None:
        """Delete a folder by other hands; `again` makes an empty one of the same name, with another UIDVALIDITY."""
        with self.server.observer(self.user) as observer:
            before = observer.folder_status(self.name(folder), ["UIDVALIDITY"])[b"UIDVALIDITY"]
            observer.delete_folder(self.name(folder))
            if again:
                self._made_anew(observer, self.name(folder), before)

    @staticmethod
    def _made_anew(observer: object, name: str, before: int) -> None:
        observer.create_folder(name)  # type: ignore[attr-defined]
        after = observer.folder_status(name, ["UIDVALIDITY"])[b"UIDVALIDITY"]  # type: ignore[attr-defined]
        assert after != before

    def close_folder(self, folder: int) -> None:
        """Leave the customer only to look into a folder (RFC 4314 §2.1)."""
        self._allow(folder, "lra")

    def open_folder(self, folder: int) -> None:
        """Let the customer do everything with a folder again."""
        self._allow(folder, "lrswipkxtea")

    def _allow(self, folder: int, rights: str) -> None:
        with self.server.observer(self.user) as observer:
            observer.setacl(self.name(folder), "owner" if self.server.kind == "dovecot" else self.user.name, rights)

    def marks(self, *numbers: int) -> list[Mark]:
        marks = self.ledger.marks()
        return [Mark(marks[number]) for number in numbers]

    def placed(self, folder: int = INBOX) -> list[tuple[int, int]]:
        """Return (number, UID) as recorded for a folder."""
        return [(row.number, row.uid) for row in self.ledger.placed(folder)]

    def deferred(self) -> dict[int, str]:
        """Return the messages that are to be tried again, and what they were refused for."""
        return {number: held.word for number, held in self.ledger.deferred().items()}

    def when_due(self) -> None:
        """Let the time pass until every deferred message is due."""
        self.now = max([self.now, *(held.due for held in self.ledger.deferred().values())])

    def used_up(self, *batches: Sequence[Staged]) -> None:
        """File these at each of their times until none is deferred any more."""
        for _ in range(len(RETRY_AFTER) + 1):
            self.when_due()
            self.file(*batches)


def with_keywords(number: int, *keywords: str, folder: int = INBOX, flags: tuple[str, ...] = (r"\Seen",)) -> Staged:
    one = staged(number, folder, flags=flags)
    return Staged(number, with_crlf(letter(number)), one.flags, keywords, one.date, one.expected, folder)


def lost(desk: Desk) -> tuple[int, int]:
    counts = desk.ledger.counts()
    return counts.get(FLAGS_NOT_KEPT, 0), counts.get(DATES_NOT_KEPT, 0)
