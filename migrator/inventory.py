"""One pass over the mailbox before anything is stored in it: what each folder holds, so that mail is recognised later.

A new mailbox costs one SELECT a folder. One that holds mail costs sizes and a few header fields of all its messages,
once in an import (docs/benchmarks.md); it goes on where a slice left off.
"""

from dataclasses import replace
from functools import partial

from migrator.errors import FolderRefused
from migrator.existing import Existing, ListedFolder
from migrator.folders import ExistingFolder
from migrator.message import key_name
from migrator.opened import OpenFolders
from migrator.retry import Patience

_AT_ONCE = 2000
_VIEWS = frozenset({"\\All", "\\Flagged", "\\Important"})
"""Special uses of folders that show the mail of other folders (RFC 6154 §2, RFC 8457)."""


def take_inventory(folders: OpenFolders, key: bytes, patience: Patience) -> bool:
    """Go on listing what the mailbox held before the import; return True when all of it is listed."""
    existing, hashed = folders.existing, key_name(key)
    if existing.hashed != hashed:
        shape = folders.patiently(lambda: folders.mailbox.shape())  # noqa: PLW0108 - the mailbox is another one by then
        existing.begin(hashed, [folder.name for folder in shape.folders if _holds_mail(folder)])
    for at, folder in enumerate(existing.folders):
        if not folder.is_done:
            folders.patiently(partial(_list_folder, existing, folders, at, patience))
            if patience.over:
                break
    return existing.is_done


def _holds_mail(folder: ExistingFolder) -> bool:
    return folder.selectable and folder.special_use not in _VIEWS


def _list_folder(existing: Existing, folders: OpenFolders, at: int, patience: Patience) -> None:
    """Go on listing one folder; one that cannot be opened holds nothing that could be recognised."""
    row = existing.folders[at]
    try:
        selected = folders.look_into(row.name)
    except FolderRefused:
        existing.add(at, replace(row, until=row.listed))
        return
    if row.uidvalidity != selected.uidvalidity:
        row = ListedFolder(row.name, selected.uidvalidity, until=selected.uidnext)
    uids = sorted(folders.mailbox.sizes(range(row.listed, row.until))) if selected.exists else []
    for start in range(0, len(uids), _AT_ONCE):
        some = uids[start : start + _AT_ONCE]
        row = replace(row, listed=some[-1] + 1)
        existing.add(at, row, folders.reader.lying(row.name, some))
        if patience.over:
            return
    existing.add(at, replace(row, listed=row.until))
