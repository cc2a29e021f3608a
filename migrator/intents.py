"""What is begun and not yet recorded: written down before each act, settled by looking when the act was cut off.

The points around each step are audit events (`sys.audit`), so that a test can kill the process at each of them.
"""

import sys
from collections.abc import Sequence

from migrator.errors import FolderRefused, RefusedUnexplained
from migrator.ledger import Command, Ledger
from migrator.opened import OpenFolders
from migrator.records import Expected, Intent


def intend(
    ledger: Ledger,
    folders: OpenFolders,
    folder: int,
    expected: Sequence[Expected],
    more: dict[int, tuple[int, ...]] | None = None,
    also: Sequence[Command] = (),
) -> None:
    """Write down that these messages are about to appear in an open folder; `more` are their further folders.

    `also` are commands that are carried out together with that.
    """
    state = folders.states[folder]
    sys.audit("migrator.intent.before", folder)
    ledger.intend(Intent(folder, state.uidvalidity, state.next, tuple(expected), more or {}), also)
    sys.audit("migrator.intent.after", folder)


def settle(ledger: Ledger, folders: OpenFolders) -> None:
    """Look which messages of the intent, if there is one, have arrived, and write the result.

    Raises:
        ConnectionLost: the intent stands as it was.
    """
    intent = ledger.intent()
    if intent is None:
        return
    try:
        there = folders.open(intent.folder, again=True).uidvalidity == intent.uidvalidity
    except (FolderRefused, RefusedUnexplained):  # what arrived is recognised when the folder can be opened again
        there = False
    if there:
        found = folders.arrived(intent.folder, intent.uidnext, intent.expected)
        folders.record(intent.folder, found, intent.more)
    else:
        ledger.write(ledger.settled())
