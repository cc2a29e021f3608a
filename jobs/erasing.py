"""The customer ends the keeping early: everything of an ended import is gone at once, its receipt too.

What then is left: the entries of the audit log, which hold no personal data, for an hour Google's units by an opaque
account name, and, until the rewrite that is asked for here, what was unlinked in the state store's log.
"""

from redis import Redis

from jobs import audit, scripts
from jobs.audit import CUSTOMER, Act, Actor
from jobs.durable import Forgotten, wait_for_disk
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import ENDS, record_key
from jobs.requests import read
from jobs.retention import ENDED_SECONDS, ask_for_rewrite
from jobs.undoing import UndoUnderWay, is_running
from oauth.vault import Vault


def erase(redis: Redis, vault: Vault, migration_id: str, *, actor: Actor = CUSTOMER) -> bool:
    """Erase an ended import; return whether there was anything to erase. Twice is once.

    Args:
        redis: the state store.
        vault: where its key is destroyed, should it still be there.
        migration_id: the import; whoever asks must have been found to be its customer.
        actor: who asked, for the audit log.

    Raises:
        IllegalTransition: it has not ended; cancel it first.
        UndoUnderWay: an undo is running, which reads what would be erased.
        AuditBroken, AuditBusy: it cannot be written down, so it was not done.
        redis.RedisError: a store is away; asked again, it goes on.
    """
    try:
        migration = read(redis, migration_id)
    except UnknownMigration:
        return False
    if migration.state not in ENDS:
        raise IllegalTransition(migration.state, "erased")
    if is_running(redis, migration_id):
        raise UndoUnderWay
    key_left = vault.holds(migration_id)  # asked first: nothing is written down that a store away would prevent
    audit.append(redis, actor, Act.ERASED, migration_id, str(migration.state))
    if key_left:
        vault.destroy(migration_id)
    # The purge that time would do, at the time it would do it.
    scripts.run(redis, "purge", migration_id, now=migration.ended_at + ENDED_SECONDS)
    ask_for_rewrite(redis)
    wait_for_disk(redis)  # or a store that is killed would have all of it again
    if redis.exists(record_key(migration_id)):
        raise Forgotten
    return True
