"""What the tests of connected accounts look at: what is sealed, what was noted, imports that run or rest."""

from engine import ADDRESS
from stand_in import Google

from app.stores import Stores
from jobs import accounts, audit, requests
from jobs.launch import grant_of
from jobs.migration import new_id
from jobs.slice import paused
from jobs.tickets import claim, release
from oauth.grant import Grant
from oauth.vault import Safe, Sealer

OTHER = "other@gmail.example"


def sealed(stores: Stores, migration: str) -> Grant:
    return grant_of(Safe(stores.state, migration, stores.opening_vault.key(migration)))


def acts(stores: Stores) -> list[tuple[str, str]]:
    return [(str(entry.act), entry.code) for entry in audit.entries(stores.state)]


def running_import(stores: Stores, google: Google, address: str = ADDRESS) -> tuple[str, Grant]:
    """Begin an import of the account, as if it had been connected before."""
    migration, grant = new_id(), Grant(google.grant(account=address)["refresh_token"])
    accounts.claim(stores.state, stores.vault, migration, address)
    Sealer(stores.state, migration, stores.vault.make(migration)).seal(grant=grant.to_bytes())
    requests.create(stores.state, "c1", migration_id=migration)
    return migration, grant


def rests(stores: Stores, migration: str) -> None:
    """Let a slice of the import end because its grant is dead."""
    claimed = claim(stores.state, 10)
    assert claimed is not None
    assert claimed.id == migration
    release(stores.state, claimed.id, claimed.token, paused("reconnect-needed"))
