"""The mailbox's folders as values: what is there, and which folder each label becomes."""

from dataclasses import dataclass


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
