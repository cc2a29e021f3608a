"""The folders of a migration by number: which label key, which name on the server, and what the server made of it."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace

from migrator.errors import FolderRefused
from migrator.foldernames import stricter, twin_key
from migrator.folders import FolderMap, MailboxShape
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox

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

    def create(self, number: int, mailbox: Mailbox, ledger: Ledger) -> None:
        """Create a folder; where the server refuses its name, under a stricter spelling, which is then kept.

        Raises:
            FolderRefused: the server takes neither.
        """
        row = self.rows[number]
        try:
            self._make(row.name, row.special_use, mailbox, ledger)
        except FolderRefused:
            plain = stricter(row.name, self._delimiter, self._prefix)
            if plain == row.name:
                raise
            self._make(plain, row.special_use, mailbox, ledger)
            self.rows[number] = replace(row, name=plain, asked=row.name)
            ledger.write(self.kept(ledger))

    def _make(self, name: str, special_use: str | None, mailbox: Mailbox, ledger: Ledger) -> None:
        """Create a folder; written down before, for an undo, is what of it and its parents is not there yet."""
        new = self._missing(name, mailbox)
        if new:
            ledger.write(ledger.made_folders(new))
        if not mailbox.create(name, special_use) and name in new:
            ledger.write(ledger.not_made_folder(name))

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


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no folder in use has; the map knows where those would lie, not what a server made of them."""
    spellings = (name, f"{name} (label)", *(f"{name} (label {turn})" for turn in range(2, len(taken) + 3)))
    return next(spelling for spelling in spellings if twin_key(spelling) not in taken)
