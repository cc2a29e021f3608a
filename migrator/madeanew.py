"""A folder that another program deletes and makes again while messages are appended to it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from migrator.errors import FolderRefused
from migrator.mailbox import Appended, Refused, Unsent
from migrator.opened import OpenFolders
from migrator.records import UNKNOWN_UID

Outcome = Appended | Refused | Unsent

_GONE = Refused(FolderRefused("missing"))


def in_the_folder_as_it_is(folders: OpenFolders, folder: int, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return what became of messages in the folder as it is now, open anew if answers named another UIDVALIDITY.

    What was stored in the folder before is gone with it: the server has no such folder any more. The UIDs of the
    others count there alone.
    """
    if not any(isinstance(one, Appended) and one.uidvalidity for one in outcomes):
        return list(outcomes)
    before = now = folders.states[folder].uidvalidity
    with suppress(FolderRefused):  # stored they are all the same
        now = folders.patiently(lambda: folders.open(folder, again=True)).uidvalidity
    return [_outcome(one, before, now) if isinstance(one, Appended) else one for one in outcomes]


def _outcome(stored: Appended, before: int, now: int) -> Outcome:
    if now == before:
        return replace(stored, uid=UNKNOWN_UID) if stored.uidvalidity else stored
    return stored if stored.uidvalidity == now else _GONE
