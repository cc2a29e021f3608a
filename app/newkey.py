"""The key of an import that is connected again: the one it has, or a new one in the place of one that was lost.

A lost key takes grant, mailbox credentials and addresses with it. The mailbox's credentials are sealed under the new
one as soon as it is there, before any grant: whoever finds a key finds them. The old grant, which nobody can open, dies
with the new one: revoking kills all of an account's grants to this client (docs/decisions/0023).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.stores import Stores
from jobs import mailboxes, requests
from jobs.acts import is_possible
from jobs.errors import IllegalTransition
from jobs.launch import seal_mailbox
from jobs.migration import Migration, State
from migrator.errors import ReconnectNeeded
from migrator.mailbox import Credentials
from oauth.errors import KeyLost, SealBroken
from oauth.vault import Sealer


@dataclass(frozen=True, slots=True)
class Anew:
    """What an import whose key was lost is given besides the grant.

    Attributes:
        mailbox: its credentials, for the same mailbox as before.
        remember: seals what else is to be known of it, before it goes on; given the account's address.
    """

    mailbox: Credentials = field(repr=False)
    remember: Callable[[str], None] = lambda _: None


def has_lost_key(stores: Stores, migration: Migration) -> bool:
    """True if nothing that was sealed for an import can be opened any more, or nothing sealed for it."""
    return migration.reason == KeyLost.code or not stores.vault.is_usable(migration.id)


def key_again(stores: Stores, migration_id: str, anew: Anew | None) -> tuple[bytes, bool]:
    """Return the public key of an import that is to be connected again, and whether it had lost its own.

    Raises:
        IllegalTransition: it does not wait for a grant.
        KeyLost: it has lost its key, and `anew` is missing.
        OtherMailbox: it goes into another mailbox.
        UnknownMigration: there is none with this id.
    """
    record = requests.read(stores.state, migration_id)
    lost = has_lost_key(stores, record)
    if not (waits_for_grant(record) or (lost and _may_go_on(record))):
        raise IllegalTransition(record.state, record.phase)
    try:
        return (_made(stores, migration_id, anew) if lost else stores.vault.seal_to(migration_id)), lost
    except SealBroken:  # it went just now, or its master key is gone: then the account is not known either
        raise KeyLost from None


def _made(stores: Stores, migration_id: str, anew: Anew | None) -> bytes:
    if anew is None:
        raise KeyLost
    mailboxes.check(stores.state, stores.vault, migration_id, anew.mailbox)
    public = stores.vault.make_again(migration_id)
    seal_mailbox(Sealer(stores.state, migration_id, public), anew.mailbox)
    return public


def waits_for_grant(migration: Migration) -> bool:
    """True if an import rests until it is connected again; its old grant is dead, or nobody can open it."""
    return migration.state is State.PAUSED and migration.reason in {ReconnectNeeded.code, KeyLost.code}


def _may_go_on(migration: Migration) -> bool:
    """Tell whether an import whose key is lost, which no slice has noticed yet, may be resumed."""
    unfinished = migration.phase is not State.FINISHING
    return (
        unfinished and is_possible(migration, "resume") and not migration.running and migration.reason != "not-started"
    )
