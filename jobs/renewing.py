"""New credentials for an import whose mailbox refused the old ones: after a change of password, for instance."""

from redis import Redis

from jobs import audit, mailboxes, requests
from jobs.audit import Act, Actor
from jobs.durable import wait_for_disk
from jobs.errors import IllegalTransition
from jobs.launch import seal_mailbox, wanted_of
from jobs.mailboxes import OtherMailbox
from jobs.migration import Migration, State
from migrator.errors import LoginRefused
from migrator.mailbox import Credentials
from oauth.vault import Sealer, Vault


def waits_for_password(migration: Migration) -> bool:
    """Tell whether the import rests because the mailbox refused its credentials."""
    return migration.state is State.PAUSED and migration.reason == LoginRefused.code


def renew(
    redis: Redis, vault: Vault, migration_id: str, credentials: Credentials, domain: str, *, actor: Actor
) -> Migration:
    """Put other credentials in the place of those that were refused; the import goes on where it was.

    Args:
        redis: the state store.
        vault: knows the import's public key, and the mailbox's opaque names.
        migration_id: an import of the customer who brings them; whose it is has been checked.
        credentials: of the same mailbox.
        domain: at whose mail server they are good; empty for the configured one.
        actor: who brings them, for the audit log.

    Raises:
        IllegalTransition: it does not wait for that.
        OtherMailbox: they are for another mailbox.
        SealBroken: its key is lost; it has to be connected again.
        UnknownMigration: there is none with this id.
        AuditBroken, AuditBusy: it cannot be written down, so it was not done.
    """
    before = requests.read(redis, migration_id)
    if not waits_for_password(before):
        raise IllegalTransition(before.state, before.phase)
    mailboxes.check(redis, vault, migration_id, credentials)
    if wanted_of(redis, migration_id).domain != domain:
        raise OtherMailbox
    sealer = Sealer(redis, migration_id, vault.seal_to(migration_id))
    audit.append(redis, actor, Act.MAILBOX_RENEWED, migration_id)
    seal_mailbox(sealer, credentials)
    renewed = requests.resume(redis, migration_id)
    wait_for_disk(redis)
    return renewed
