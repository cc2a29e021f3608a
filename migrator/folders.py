"""The mailbox's folders as values: what is there, and which folder each label becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "special-name",  # the name of INBOX or of a special folder, so it got a suffix
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
    r"""One folder as LIST shows it: full Unicode name, RFC 6154 special use (`\Sent`), whether it can hold mail."""

    name: str
    special_use: str | None = None
    selectable: bool = True


@dataclass(frozen=True, slots=True)
class MailboxShape:
    """What decides folder names on a server: personal namespace prefix, delimiter, and the folders it has already."""

    delimiter: str
    prefix: str
    folders: tuple[ExistingFolder, ...]
    can_create_special_use: bool = False


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
