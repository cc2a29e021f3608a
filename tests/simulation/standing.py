"""What is right for a message: which folders it belongs to, and what an earlier import has left in the mailbox."""

import random
from typing import TYPE_CHECKING

from imapclient.imap_utf7 import encode

from migrator.foldermap import map_folders
from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Choices, Label, Placement, Skip, catalogue_of, place
from migrator.mailbox.heads import internal_date
from migrator.mailbox.namespaces import space
from migrator.message import with_crlf

from .account import Account, Mail
from .server import Stored

if TYPE_CHECKING:
    from .run import Run


def labels_of(account: Account) -> list[Label]:
    return [Label(label_id, name, "user") for label_id, name in account.labels.items()]


def placement_of(mail: Mail, account: Account, choices: Choices) -> Placement | Skip:
    """Return where the label policy wants a message, by the account as it is now."""
    return place(frozenset(mail.labels), catalogue_of(labels_of(account)), choices)


def put_earlier_import(world: "Run", choices: Choices) -> None:
    """Put copies into the mailbox as an import of last year left them; some the customer has sorted since."""
    if not world.scenario.existing:
        return
    rng, server = random.Random(f"{world.scenario.seed} earlier"), world.server
    foreign = server.foreign if "NAMESPACE" in server.caps else space([], server.delimiter).foreign
    shape = MailboxShape(server.delimiter, server.prefix, (ExistingFolder("INBOX"),), foreign=foreign)
    targets = map_folders(labels_of(world.account), shape, choices).targets
    seen: set[int] = set()
    for mail in world.account.mails.values():
        where = placement_of(mail, world.account, choices)
        if isinstance(where, Skip) or mail.token in seen or rng.random() > world.scenario.existing:
            continue
        seen.add(mail.token)
        names = [targets[key].name for key in where.folders]
        if world.scenario.moved and choices.policy == "one-copy" and rng.random() < 0.4:
            names = [server.under("Sorted by hand")]
        for name in (encode(name).decode() for name in names):
            folder = server.folders.get(name) or server.make(name)
            message = Stored(bytes(with_crlf(mail.raw)), frozenset(where.flags), internal_date(mail.date).decode())
            folder.put(server.through("stored", message))  # type: ignore[arg-type]
