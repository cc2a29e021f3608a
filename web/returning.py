"""Customers who come back with another password: their imports that the mailbox had refused go on by themselves."""

from collections.abc import Iterable
from contextlib import suppress

from redis import Redis

from jobs.audit import CUSTOMER
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.mailboxes import OtherMailbox
from jobs.migration import Migration
from jobs.renewing import renew, waits_for_password
from migrator.mailbox import Password
from oauth.errors import SealBroken
from oauth.vault import Vault


def let_go_on(redis: Redis, vault: Vault, imports: Iterable[Migration], credentials: Password, domain: str) -> None:
    """Give the new password to those of a customer's imports that wait for it.

    Args:
        redis: the state store.
        vault: holds their keys.
        imports: the customer's own.
        credentials: the mailbox he has come in for, and its password.
        domain: at whose mail server it is; empty for the configured one.

    Raises:
        AuditBroken, AuditBusy: it cannot be written down, so it was not done.
    """
    for migration in imports:
        if waits_for_password(migration):
            # For another mailbox, moved on meanwhile, or its key is lost: it stays as it is, and its page says how.
            with suppress(OtherMailbox, IllegalTransition, UnknownMigration, SealBroken):
                renew(redis, vault, migration.id, credentials, domain, actor=CUSTOMER)
