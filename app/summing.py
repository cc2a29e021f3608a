"""The summary message put into the new INBOX at an import's end, where the host wants one."""

import contextlib
import time
from collections.abc import Callable

from redis import Redis

from app.config import Config
from jobs.report import report_on
from migrator.errors import FolderRefused, RefusedUnexplained
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.summary import Summary, place


def summarise(
    config: Config, state: Redis, migration: str, user: str, ledger: Ledger, connect: Callable[[], Mailbox]
) -> None:
    """Place the summary of an import whose messages are all verified; does nothing without `migrations.summary_from`.

    Args:
        config: of this installation.
        state: the state store.
        migration: its id.
        user: the mailbox's user; the mail is addressed to it where that is an address.
        ledger: the migration's, under the slice's fencing token.
        connect: opens the mailbox.

    Raises:
        Waiting: the mailbox cannot be reached; done again, it looks first.
    """
    if not config.migrations.summary_from:
        return
    report = report_on(state, migration)
    summary = Summary(
        migration=migration,
        at=int(time.time()),
        sender=config.migrations.summary_from,
        to=user,
        receipt_url=f"{config.web.url}/imports/{migration}",
        outcomes=report.outcomes,
        folders=report.folders,
    )
    # A mailbox that closes its INBOX to us has its mail all the same: the import does not fail for a courtesy.
    with connect() as mailbox, contextlib.suppress(FolderRefused, RefusedUnexplained):
        place(mailbox, ledger, summary)
