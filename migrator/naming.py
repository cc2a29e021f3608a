"""The folders of a migration by number: which label key, which name on the server, and what the server made of it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from migrator.errors import FolderRefused
from migrator.foldernames import spellings, twin_key
from migrator.folders import FolderMap, MailboxShape
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox
from migrator.specialfolders import SPECIAL_USE

_PART = "map"
_NO_LABELS = frozenset({"INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "ARCHIVE"})


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
        self._there: set[str] = set()
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

    def paths(self, numbers: Collection[int]) -> dict[str, str]:
        """Return where the folders of these numbers lie below the prefix, by label id, `/` between the levels."""
        rows = (self.rows[number] for number in numbers)
        own = (row for row in rows if row.key not in _NO_LABELS)
        return {row.key: "/".join(self._levels(row.name)) for row in own}

    def _levels(self, name: str) -> list[str]:
        below = name.removeprefix(self._prefix)
        return below.split(self._delimiter) if self._delimiter else [below]

    def extend(self, fmap: FolderMap, opened: Collection[int]) -> None:
        """Take up a map that was made anew: new labels get numbers of their own, those that are `opened` keep names."""
        taken = {twin_key(self.rows[number].name) for number in opened}
        for key, target in sorted(fmap.targets.items()):
            if self._numbers.get(key) in opened:
                continue
            row = NamedFolder(key, _free(target.name, taken), target.special_use)
            taken.add(twin_key(row.name))
            if key in self._numbers:
                self.rows[self._numbers[key]] = row
            else:
                self._numbers[key] = len(self.rows)
                self.rows.append(row)

    def number(self, key: str) -> int:
        """Return the number of a label key (`INBOX`, `SENT`, ..., or a label id)."""
        return self._numbers[key]

    def name(self, number: int) -> str:
        """Return the name on the server, with prefix and delimiter."""
        return self.rows[number].name

    def number_of(self, name: str) -> int | None:
        """Return the number of the folder that has a name on the server by now; a label may be renamed meanwhile."""
        return next((number for number, row in enumerate(self.rows) if row.name == name), None)

    def create(self, number: int, mailbox: Mailbox, ledger: Ledger) -> None:
        """Create a folder; where the server refuses its name, under another spelling, which is then kept.

        The folders of the labels above it come first, so that they have their names where a folder can hold either
        mail or other folders (mbox), whichever label's mail is brought first.

        Raises:
            FolderRefused: the server takes no spelling; why it did not take the first, or `too-many-folders`.
        """
        for above in self._above(number):
            if above not in self._created:
                with suppress(FolderRefused):
                    self._create(above, mailbox, ledger)
        self._create(number, mailbox, ledger)

    def _create(self, number: int, mailbox: Mailbox, ledger: Ledger) -> None:
        row = self.rows[number]
        name = self._spelled(number, mailbox, ledger)
        if name != row.name:
            self._respell(number, name, ledger)
            ledger.write(self.kept(ledger))
        self._created.add(number)

    def _respell(self, number: int, name: str, ledger: Ledger) -> None:
        """Give a folder its new name, and take along what is to lie below it and was not opened yet."""
        was, opened = self.rows[number].name, ledger.folders()
        for other, row in enumerate(self.rows):
            below = self._delimiter and row.name.startswith(was + self._delimiter) and other not in opened
            if other == number or below:
                self.rows[other] = replace(row, name=name + row.name[len(was) :], asked=row.asked or row.name)

    def _spelled(self, number: int, mailbox: Mailbox, ledger: Ledger) -> str:
        """Return the first spelling the server takes; a folder of that name is there then."""
        row, refusals = self.rows[number], list[FolderRefused]()
        for name in self._spellings(number):
            if any(refusal.detail == "no-subfolders" for refusal in refusals) and self._is_nested(name):
                continue
            try:
                self._make_usable(name, row.special_use, mailbox, ledger)
            except FolderRefused as refusal:
                refusals.append(refusal)
            else:
                return name
        if refusals[0].detail == "read-only":  # what lies in it is recognised there all the same
            return row.name
        raise next((refusal for refusal in refusals if refusal.detail == "too-many-folders"), refusals[0])

    def _make_usable(self, name: str, special_use: str | None, mailbox: Mailbox, ledger: Ledger) -> None:
        """Make sure that a folder is there and can be written to; raise FolderRefused where it can't."""
        made = self._make(name, special_use, mailbox, ledger)
        if not made and name != "INBOX" and mailbox.select(name).read_only:
            raise FolderRefused("read-only")

    def _make(self, name: str, special_use: str | None, mailbox: Mailbox, ledger: Ledger) -> bool:
        """Create a folder and return whether it was not there; what is made is written down before, for an undo."""
        new = self._missing(name, mailbox)
        if new:
            ledger.write(ledger.made_folders(new))
        made = mailbox.create(name, special_use)
        if not made and name in new:
            ledger.write(ledger.not_made_folder(name))
        return made

    def _missing(self, name: str, mailbox: Mailbox) -> list[str]:
        """Return the full names of the folder and of its parents that are not there; each is told once in a slice."""
        if not self._there:
            self._there = {"INBOX", *(folder.name for folder in mailbox.shape().folders)}
        levels = name.split(self._delimiter) if self._delimiter else [name]
        names = [self._delimiter.join(levels[: depth + 1]) for depth in range(len(levels))]
        own = (name for name in names if name.startswith(self._prefix) and name.upper() != "INBOX")
        new = [name for name in own if name not in self._there]
        self._there.update(new)
        return new

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


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no folder in use has; the map knows where those would lie, not what a server made of them."""
    names = (name, f"{name} (label)", *(f"{name} (label {turn})" for turn in range(2, len(taken) + 3)))
    return next(name for name in names if twin_key(name) not in taken)
