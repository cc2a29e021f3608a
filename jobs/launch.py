"""A migration begun: its mailbox credentials sealed beside the grant, its choices written, its record made."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, cast

from redis import Redis

from jobs import mailboxes
from jobs.durable import Forgotten, wait_for_disk
from jobs.migration import Migration, part_key, record_key
from jobs.requests import create
from jobs.retention import UNFINISHED_SECONDS
from migrator.labels import Choices
from migrator.mailbox import Credentials, MasterUser, OAuthToken, Password
from oauth.grant import Grant
from oauth.vault import Safe, Sealer, Vault

_KINDS: dict[str, type[Password | MasterUser | OAuthToken]] = {
    kind.__name__: kind for kind in (Password, MasterUser, OAuthToken)
}


@dataclass(frozen=True, slots=True)
class Import:
    """What the customer asked for: into which mailbox, and how. Whose Gmail, the connected grant says.

    `domain` is the one whose mail server holds the mailbox, where the host has several; else empty.
    """

    customer: str
    mailbox: Credentials = field(repr=False)
    choices: Choices = field(default_factory=Choices)
    order: Literal["newest-first", "oldest-first"] = "newest-first"
    by_digest: bool = False
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the migration is to be done, as a slice reads it back."""

    choices: Choices
    order: Literal["newest-first", "oldest-first"]
    by_digest: bool
    domain: str = ""


def launch(redis: Redis, vault: Vault, migration_id: str, wanted: Import, *, connecting: bool = False) -> Migration:
    """Begin the migration whose grant is sealed already; all its secrets are sealed before its record exists.

    It is on the store's disk when this returns; raises `Forgotten` when the store lost it on the way, and otherwise as
    `jobs.requests.create`, which says what `connecting` is.
    """
    prepare(redis, vault, migration_id, wanted)
    begun = create(redis, wanted.customer, migration_id=migration_id, connecting=connecting)
    wait_for_disk(redis)
    if not redis.exists(record_key(migration_id)):
        raise Forgotten
    return begun


def prepare(redis: Redis, vault: Vault, migration_id: str, wanted: Import) -> None:
    """Seal the mailbox's credentials and write the choices, for a migration that waits to be started.

    Raises:
        SealBroken: its key is lost, and the grant with it.
    """
    seal_mailbox(Sealer(redis, migration_id, vault.seal_to(migration_id)), wanted.mailbox)
    mailboxes.remember(redis, vault, migration_id, wanted.mailbox)
    _write(redis, migration_id, Wanted(wanted.choices, wanted.order, wanted.by_digest, wanted.domain))


def choose(redis: Redis, migration_id: str, choices: Choices) -> None:
    """Write other choices, for a migration that is prepared and waits to be started."""
    _write(redis, migration_id, replace(wanted_of(redis, migration_id), choices=choices))


def leave_unchosen(redis: Redis, migration_id: str) -> None:
    """Write choices for a migration that ends before anybody chose."""
    _write(redis, migration_id, Wanted(Choices(), "newest-first", by_digest=False))


def domain_of(redis: Redis, migration_id: str) -> str:
    """Return the mail domain that says which of the host's servers the mailbox is on; empty where there is one."""
    row = json.loads(cast("bytes", redis.get(part_key(migration_id, "choices"))))
    return str(row.get("domain", ""))


def wanted_of(redis: Redis, migration_id: str) -> Wanted:
    """Return how the migration is to be done."""
    row = json.loads(cast("bytes", redis.get(part_key(migration_id, "choices"))))
    choices = Choices(**{**row["choices"], "skip_labels": frozenset(row["choices"]["skip_labels"])})
    return Wanted(choices, row["order"], row["by_digest"], row["domain"])


def grant_of(safe: Safe) -> Grant:
    """Open the grant; raises `SealBroken` when there is none."""
    return Grant.from_bytes(safe.open("grant"))


def seal_mailbox(sealer: Sealer, mailbox: Credentials) -> None:
    """Seal the mailbox's credentials; what was sealed before is replaced."""
    sealer.seal(mailbox=mailbox_as_bytes(mailbox))


def mailbox_of(safe: Safe) -> Credentials:
    """Open the mailbox's credentials; raises `SealBroken` when there are none."""
    return mailbox_from_bytes(safe.open("mailbox"))


def mailbox_as_bytes(mailbox: Credentials) -> bytes:
    """Return credentials as what is sealed of them."""
    return json.dumps({"kind": type(mailbox).__name__, **asdict(mailbox)}).encode()


def mailbox_from_bytes(opened: bytes) -> Credentials:
    """Return credentials from what was sealed of them."""
    row = json.loads(opened)
    return _KINDS[row.pop("kind")](**row)


def _write(redis: Redis, migration_id: str, wanted: Wanted) -> None:
    row = asdict(wanted)
    row["choices"]["skip_labels"] = sorted(wanted.choices.skip_labels)
    redis.set(part_key(migration_id, "choices"), json.dumps(row), ex=UNFINISHED_SECONDS)
