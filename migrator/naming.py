"""The folders of a migration by number: which label key, which name on the server, and what the server made of it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from migrator.errors import FolderRefused
from migrator.foldernames import spellings, twin_key
from migrator.folders import FolderMap, MailboxShape
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox
from migrator.specialfolders import SPECIAL_USE

_PART = "map"


@dataclass(frozen=True, slots=True)
class NamedFolder:
    """One folder of the plan. `asked` is its first spelling when the server refused that one and took `name`."""

    key: str
    name: str
    special_use: str | None = None
    asked: str | None = None


class FolderNames:
    """Numbers for the folders of a migration; the same numbers in every slice, kept in the ledger."""

    def __init__(self, rows: Sequence[NamedFolder], delimiter: str, prefix: str) -> None:
        self.rows = list(rows)
        self._delimiter = delimiter
        self._prefix = prefix
        self._numbers = {row.key: number for number, row in enumerate(rows)}
        self._created: set[int] = set()

    @classmethod
    def of(cls, fmap: FolderMap, shape: MailboxShape) -> "FolderNames":
        """Return names for a freshly made map."""
        rows = [NamedFolder(key, target.name, target.special_use) for key, target in sorted(fmap.targets.items())]
        return cls(rows, shape.delimiter, shape.prefix)

    @classmethod
    def load(cls, ledger: Ledger) -> "FolderNames":
        """Return the names the plan wrote."""
        held = ledger.load(_PART)
        return cls([NamedFolder(**row) for row in held["rows"]], held["delimiter"], held["prefix"])

    def kept(self, ledger: Ledger) -> Command:
        """Return the command that writes the names."""
        rows = [asdict(row) for row in self.rows]
        return ledger.keep(_PART, {"rows": rows, "delimiter": self._delimiter, "prefix": self._prefix})

    def number(self, key: str) -> int:
        """Return the number of a label key (`INBOX`, `SENT`, ..., or a label id)."""
        return self._numbers[key]

    def name(self, number: int) -> str:
        """Return the name on the server, with prefix and delimiter."""
        return self.rows[number].name

    def create(self, number: int, mailbox: Mailbox, ledger: Ledger) -> None:
        """Create a folder; where the server refuses its name, under another spelling, which is then kept.

        The folders of the labels above it come first, so that they have their names where a folder can hold either
        mail or other folders (mbox), whichever label's mail is brought first.

        Raises:
            FolderRefused: the server takes no spelling; why it did not take the first, or `limit`.
        """
        for above in self._above(number):
            if above not in self._created:
                with suppress(FolderRefused):
                    self._create(above, mailbox, ledger)
        self._create(number, mailbox, ledger)

    def _create(self, number: int, mailbox: Mailbox, ledger: Ledger) -> None:
        row = self.rows[number]
        name, made = self._spelled(number, mailbox)
        if name != row.name:
            self._respell(number, name, ledger)
            ledger.write(self.kept(ledger))
        if made:
            ledger.write(ledger.made_folder(number))
        self._created.add(number)

    def _respell(self, number: int, name: str, ledger: Ledger) -> None:
        """Give a folder its new name, and take along what is to lie below it and was not opened yet."""
        was, opened = self.rows[number].name, ledger.folders()
        for other, row in enumerate(self.rows):
            below = self._delimiter and row.name.startswith(was + self._delimiter) and other not in opened
            if other == number or below:
                self.rows[other] = replace(row, name=name + row.name[len(was) :], asked=row.asked or row.name)

    def _spelled(self, number: int, mailbox: Mailbox) -> tuple[str, bool]:
        """Return the first spelling the server takes, and whether it was made just now."""
        row, refusals = self.rows[number], list[FolderRefused]()
        for name in self._spellings(number):
            if any(refusal.detail == "no-subfolders" for refusal in refusals) and self._is_nested(name):
                continue
            try:
                return name, _usable(name, row.special_use, mailbox)
            except FolderRefused as refusal:
                refusals.append(refusal)
        if refusals[0].detail == "read-only":  # what lies in it is recognised there all the same
            return row.name, False
        raise next((refusal for refusal in refusals if refusal.detail == "limit"), refusals[0])

    def _spellings(self, number: int) -> Iterator[str]:
        """Yield the folder's name, then the other spellings that no other folder of the plan has."""
        row = self.rows[number]
        yield row.name
        if row.key == "INBOX":
            return
        others = {twin_key(other.name) for other in self.rows if other is not row}
        word = "mail" if row.key in SPECIAL_USE else "label"
        for name in spellings(row.name, self._delimiter, self._prefix, word)[1:]:
            if twin_key(name) not in others:
                yield name

    def _is_nested(self, name: str) -> bool:
        return bool(self._delimiter) and self._delimiter in name.removeprefix(self._prefix)

    def _above(self, number: int) -> list[int]:
        """Return the folders above a folder that are of the plan, too, from the top."""
        name = self.rows[number].name
        above = [
            other
            for other, row in enumerate(self.rows)
            if self._delimiter and row.name != "INBOX" and name.startswith(row.name + self._delimiter)
        ]
        return sorted(above, key=lambda other: len(self.rows[other].name))


def _usable(name: str, special_use: str | None, mailbox: Mailbox) -> bool:
    """Make sure that a folder is there and can be written to; return whether it was made just now."""
    made = mailbox.create(name, special_use)
    if not made and name != "INBOX" and mailbox.select(name).read_only:
        raise FolderRefused("read-only")
    return made
