"""The end of a migration: access given back, key destroyed, data unlinked, and only then a receipt.

    revoke ─► prove ─► destroy the key ─► free the account ─► unlink ─► rewrite the log ─► receipt
    └─ a process of its own ─┘ └──────────── in the worker, which never opened a secret ────────────┘

What revokes has met no mail and no mail server, and can read the sealed grant and nothing else; what it answers is
written down by the worker.

Each step may be done twice without harm, and is noted when it is done. Whatever dies in between: the migration is
still finishing, the next slice goes on at the first step that is not noted. The points around each step are audit
events (`sys.audit`), so that a test can kill the process at each of them.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, cast

from redis import Redis

from jobs import accounts, audit
from jobs.audit import Act
from jobs.durable import Forgotten, wait_for_disk
from jobs.migration import State, part_key
from jobs.retention import UNFINISHED_SECONDS, ask_for_rewrite, unlink_at_end
from jobs.slice import ended, paused, soon
from migrator.ledger import Ledger
from oauth.errors import KeyLost
from oauth.vault import Vault

REVOCATION_TRIES = 10

UNCONFIRMED = "revocation-unconfirmed"

GRANT_DEAD = ended(State.DONE)
GRANT_ALIVE = soon(UNCONFIRMED)
NO_GRANT = paused(KeyLost.code)
"""What the process answers that revokes: Google says that the grant is dead, or does not; or no grant can be opened."""

Step = tuple[str, Act | None, Callable[[], object]]
"""Its name, what the audit log is told before it, and the act."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """How giving the grant back stands; the ledger's part `revocation`.

    `held`: there was a grant. `tries` is 0 for one whose key was lost: nobody can give it back but the customer.
    `settled`: no more tries. `at` is in seconds since the epoch.
    """

    held: bool = True
    tries: int = 0
    confirmed: bool = False
    settled: bool = False
    at: float = 0.0

    @classmethod
    def read(cls, redis: Redis, migration_id: str) -> "Revocation":
        """Return how it stands."""
        blob = cast("bytes | None", redis.get(part_key(migration_id, "revocation")))
        return cls(**json.loads(blob)) if blob else cls()

    def after(self, *, confirmed: bool) -> "Revocation":
        """Return how it stands after one more try; without confirmation it is given up in the end."""
        tries = self.tries + 1
        return Revocation(True, tries, confirmed, confirmed or tries >= REVOCATION_TRIES, time.time())  # noqa: FBT003

    def as_row(self) -> dict[str, Any]:
        """Return the form that is stored as JSON."""
        return asdict(self)


def note(redis: Redis, migration_id: str, token: str, now: Revocation) -> None:
    """Write down how it stands, under the fencing token of whoever asked; raises `LeaseLost`."""
    ledger = Ledger(redis, migration_id, token)
    ledger.jot(ledger.keep("revocation", now.as_row()))


def cannot_revoke(redis: Redis, migration_id: str) -> None:
    """Note that no token can be opened that could be given back: its key is lost, or there never was a grant."""
    held = bool(redis.hexists(part_key(migration_id, "sealed"), "grant"))
    row = Revocation(held=held, settled=True, at=time.time()).as_row()
    redis.set(part_key(migration_id, "revocation"), json.dumps(row), ex=UNFINISHED_SECONDS)


def discard(redis: Redis, vault: Vault, migration_id: str, receipt: Callable[[], str]) -> None:
    """Destroy and unlink what the migration no longer needs, then store its receipt. Revocation must be settled.

    Args:
        redis: the state store.
        vault: holds the migration's key.
        migration_id: the migration, in finishing.
        receipt: makes and signs the receipt; called after everything else is done.

    Raises:
        Forgotten: the store lost what led here; the next slice goes on from what it knows.
    """
    steps: tuple[Step, ...] = (
        # Nothing that led here may be forgotten once the key is gone: without it there is no way back.
        ("settle", _said_of(redis, migration_id), lambda: _settle(redis, migration_id)),
        ("destroy", Act.KEY_DESTROYED, lambda: vault.destroy(migration_id)),
        ("release", None, lambda: accounts.release(redis, migration_id)),
        ("unlink", Act.DATA_UNLINKED, lambda: unlink_at_end(redis, migration_id)),
        ("rewrite", None, lambda: ask_for_rewrite(redis)),
        ("receipt", Act.RECEIPT_SIGNED, lambda: _hand_out(redis, migration_id, receipt())),
    )
    done = cast("dict[bytes, bytes]", redis.hgetall(part_key(migration_id, "discarding")))
    for step in steps:
        if step[0].encode() not in done:
            _carry_out(redis, migration_id, step)


def _settle(redis: Redis, migration_id: str) -> None:
    wait_for_disk(redis)
    if not Revocation.read(redis, migration_id).settled:
        raise Forgotten


def _said_of(redis: Redis, migration_id: str) -> Act | None:
    """Return what the audit log is told of the grant's end; nothing where there was no grant."""
    now = Revocation.read(redis, migration_id)
    return (Act.REVOKED if now.confirmed else Act.REVOCATION_UNCONFIRMED) if now.held else None


def _hand_out(redis: Redis, migration_id: str, receipt: str) -> None:
    redis.set(part_key(migration_id, "receipt"), receipt, ex=UNFINISHED_SECONDS, nx=True)


def _carry_out(redis: Redis, migration_id: str, step: Step) -> None:
    name, told, act = step
    sys.audit("migrator.discard.before", name)
    if told:
        audit.append(redis, audit.WORKER, told, migration_id)
    act()
    with redis.pipeline(transaction=True) as both:  # never a note without an end date
        both.hset(part_key(migration_id, "discarding"), name, f"{time.time():.3f}")
        both.expire(part_key(migration_id, "discarding"), UNFINISHED_SECONDS)
        both.execute()
    sys.audit("migrator.discard.after", name)
