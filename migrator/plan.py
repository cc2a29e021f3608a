"""Which messages go, in which order: every id is listed once, sorted newest first, and what is not wanted is marked.

Ids alone are listed; labels and dates come with each message later. Where only a period is wanted, what is older
beyond doubt is listed too, and never read. What changes at Gmail afterwards: `migrator.changes`.
"""

from typing import Literal

from migrator.asking import asked
from migrator.foldermap import map_folders
from migrator.gmail import Gmail
from migrator.labels import Choices, Label
from migrator.ledger import Command, Ledger
from migrator.listing import begun, end_of_listing, found, listed, marks_of
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames
from migrator.retry import Patience

Order = Literal["newest-first", "oldest-first"]


def plan_slice(
    gmail: Gmail, mailbox: Mailbox, ledger: Ledger, choices: Choices, order: Order, patience: Patience
) -> bool:
    """Go on with the plan, by one page at least; return True when it is complete, also when it was so before."""
    if ledger.is_planned():
        return True
    if ledger.load("since") is None:
        _begin(gmail, mailbox, ledger, choices, patience)
    if not listed(gmail, ledger, choices, patience):
        return False
    told = found(ledger)
    ids = sorted(set().union(*told.values()), reverse=order == "newest-first")
    ledger.write(*ledger.plan(ids, marks_of(ids, told, choices)), *end_of_listing(ledger))
    return True


def labels_of(ledger: Ledger) -> tuple[Label, ...]:
    """Return the account's labels as they were listed last, and those that were there before."""
    return tuple(Label(*row) for row in ledger.load("labels"))


def labels_kept(ledger: Ledger, labels: tuple[Label, ...]) -> Command:
    """Return the command that writes the labels."""
    return ledger.keep("labels", [[lb.id, lb.name, lb.type, lb.hidden] for lb in labels])


def _begin(gmail: Gmail, mailbox: Mailbox, ledger: Ledger, choices: Choices, patience: Patience) -> None:
    """Note the history id before anything is listed, then fix the folder names for the whole migration."""
    account = asked(gmail, patience, gmail.account)
    labels = asked(gmail, patience, gmail.labels)
    shape = mailbox.shape()
    names = FolderNames.of(map_folders(labels, shape, choices), shape)
    ledger.write(
        names.kept(ledger),
        labels_kept(ledger, labels),
        begun(ledger),
        ledger.keep("since", account.history_id),
    )
