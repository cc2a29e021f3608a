"""Labels that were made, renamed or deleted at Gmail while the import runs: listed again, new ones given a folder.

A folder that was opened once keeps its name, for mail lies in it; a label that was renamed since keeps that folder. All
others get theirs by the account as it is now.
"""

from collections.abc import Callable
from dataclasses import replace

from migrator.asking import asked
from migrator.foldermap import map_folders
from migrator.gmail import Gmail
from migrator.labels import Choices, Label
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames
from migrator.plan import labels_kept, labels_of
from migrator.retry import Patience


def look_again(
    gmail: Gmail,
    connect: Callable[[], Mailbox],
    ledger: Ledger,
    names: FolderNames,
    choices: Choices,
    patience: Patience,
) -> bool:
    """List the labels again; return True when some are new or have another name. `names` then holds their folders.

    Raises:
        Waiting, Permanent: of Google, or of the mailbox, which is asked for its folders where there are new labels.
    """
    now = asked(gmail, patience, gmail.labels)
    before = labels_of(ledger)
    labels = (*now, *(label for label in before if label.id not in {lb.id for lb in now}))
    if set(labels) == set(before):
        return False
    mailbox = connect()
    try:
        shape = mailbox.shape()
    finally:
        mailbox.close()
    opened = frozenset(ledger.folders())
    pinned = names.paths(opened)
    names.extend(map_folders(labels, shape, replace(choices, renames={**choices.renames, **pinned})), opened)
    renamed = _renamed(before, now) & pinned.keys()
    ledger.write(names.kept(ledger), labels_kept(ledger, labels), *ledger.labels_renamed(renamed))
    return True


def _renamed(before: tuple[Label, ...], now: tuple[Label, ...]) -> set[str]:
    called = {label.id: label.name for label in before}
    return {label.id for label in now if called.get(label.id, label.name) != label.name}
