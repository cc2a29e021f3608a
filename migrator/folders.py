"""The mailbox's folders as values: what is there, and which folder each label becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from migrator.namespace import owned

NoteKind = Literal[
    "special-name",  # the name of INBOX or of a special folder, so it got a suffix
    "foreign-name",  # the name of other people's folders, or of a folder that others may read
    "no-subfolders",  # the folder above it can hold no folders, so it stands beside it
    "case-twin",  # differs only by case from another folder
    "unicode-twin",  # differs only by its Unicode form from another folder
    "name-taken",  # equals another folder's name once characters are replaced, or looks the same
    "replaced",  # characters or a whole level were replaced
    "shortened",  # longer than servers allow
    "parent-missing",  # `France/Paris` where no label `France` exists: nested all the same
    "hidden",  # hidden in Gmail's list of labels
]


@dataclass(frozen=True, slots=True)
class ExistingFolder:
    r"""One folder as LIST shows it: full Unicode name, RFC 6154 special use (`\Sent`), whether it can hold mail.

    `childless`: no folder can lie below it (`\NoInferiors`). `shared`: others may read it, or it is not the customer's
    to use in full (RFC 4314).
    """

    name: str
    special_use: str | None = None
    selectable: bool = True
    childless: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class MailboxShape:
    """What decides folder names on a server: personal namespace prefix, delimiter, and the folders it has already.

    `folders` are the customer's own; `foreign` are the prefixes of what is not (RFC 2342).
    """

    delimiter: str
    prefix: str
    folders: tuple[ExistingFolder, ...]
    can_create_special_use: bool = False
    foreign: tuple[str, ...] = ()

    def owns(self, name: str) -> bool:
        """Whether a new folder of this full name would be the customer's own."""
        return owned(name, (self.prefix,), self.foreign)


@dataclass(frozen=True, slots=True)
class TargetFolder:
    """A folder to copy into: full server name (Unicode, with prefix and delimiter), and its RFC 6154 use, if any."""

    name: str
    special_use: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What the customer is shown before the copy: `old` is the label's name at Gmail, `new` the folder's full name."""

    label_id: str
    kind: NoteKind
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class FolderMap:
    """The folder for every key a placement can name: label ids, INBOX, SENT, DRAFT, SPAM, TRASH, ARCHIVE."""

    targets: Mapping[str, TargetFolder]
    notes: tuple[Note, ...]
