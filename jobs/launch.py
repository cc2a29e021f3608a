"""A migration begun: its secrets sealed, its choices written, its record made."""

import json
from dataclasses import asdict, dataclass, field
from typing import Literal, cast

from redis import Redis

from jobs.migration import Migration, new_id, record_key
from jobs.requests import create
from jobs.retention import UNFINISHED_SECONDS
from migrator.labels import Choices
from migrator.mailbox import Credentials, MasterUser, OAuthToken, Password
from oauth.grant import Grant
from oauth.vault import Vault

_KINDS: dict[str, type[Password | MasterUser | OAuthToken]] = {
    kind.__name__: kind for kind in (Password, MasterUser, OAuthToken)
}


@dataclass(frozen=True, slots=True)
class Import:
    """What the customer asked for: whose Gmail, into which mailbox, and how."""

    customer: str
    grant: Grant
    mailbox: Credentials = field(repr=False)
    choices: Choices = field(default_factory=Choices)
    order: Literal["newest-first", "oldest-first"] = "newest-first"
    by_digest: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the migration is to be done, as a slice reads it back."""

    choices: Choices
    order: Literal["newest-first", "oldest-first"]
    by_digest: bool


def launch(redis: Redis, vault: Vault, wanted: Import) -> Migration:
    """Begin a migration; its secrets are sealed before its record exists."""
    migration_id = new_id()
    mailbox = {"kind": type(wanted.mailbox).__name__, **asdict(wanted.mailbox)}
    vault.seal(migration_id, grant=wanted.grant.to_bytes(), mailbox=json.dumps(mailbox).encode())
    choices = {**asdict(wanted.choices), "skip_labels": sorted(wanted.choices.skip_labels)}
    row = {"choices": choices, "order": wanted.order, "by_digest": wanted.by_digest}
    redis.set(f"{record_key(migration_id)}:choices", json.dumps(row), ex=UNFINISHED_SECONDS)
    return create(redis, wanted.customer, migration_id=migration_id)


def wanted_of(redis: Redis, migration_id: str) -> Wanted:
    """Return how the migration is to be done."""
    row = json.loads(cast("bytes", redis.get(f"{record_key(migration_id)}:choices")))
    choices = Choices(**{**row["choices"], "skip_labels": frozenset(row["choices"]["skip_labels"])})
    return Wanted(choices, row["order"], row["by_digest"])


def grant_of(vault: Vault, migration_id: str) -> Grant:
    """Open the grant; raises `SealBroken` when its key is gone."""
    return Grant.from_bytes(vault.open(migration_id, "grant"))


def mailbox_of(vault: Vault, migration_id: str) -> Credentials:
    """Open the mailbox's credentials; raises `SealBroken` when their key is gone."""
    row = json.loads(vault.open(migration_id, "mailbox"))
    return _KINDS[row.pop("kind")](**row)
