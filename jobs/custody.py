"""What the worker keeps for its slices: it hands each the key of its one migration, and destroys the key at the end.

The worker itself never opens a secret; its slices' processes never see another migration's key, the master key or the
key store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from jobs import audit
from jobs.audit import Act, AuditBroken, AuditBusy
from jobs.discarding import Revocation, cannot_revoke, discard
from jobs.migration import State, part_key
from jobs.nursery import Outcome
from jobs.retention import UNFINISHED_SECONDS
from jobs.slice import Kind, SliceEnd, ended, paused, wait
from jobs.tickets import Claim
from migrator.ledger import Ledger
from oauth.errors import SealBroken
from oauth.vault import Vault

KEY_LOST = "key-lost"
"""Why a migration rests whose key went with the key store: only the customer can connect again."""

_AWAY_SECONDS = 15.0


@dataclass(frozen=True)
class Custody:
    """The vault, and what makes and signs a migration's receipt, given the state store, its id and how it ended."""

    vault: Vault
    receipt: Callable[[Redis, str, State], str]


def with_key(redis: Redis, custody: Custody, claimed: Claim, do: Callable[[bytes], Outcome]) -> Outcome:
    """Let a slice be done with its migration's key; in finishing, discard everything when the grant is given back."""
    try:
        key = custody.vault.key(claimed.id)
    except RedisError:
        return Outcome(wait(time.time() + _AWAY_SECONDS, "key-store-away"), progressed=False)
    except SealBroken:
        key = b""
    try:
        if claimed.phase is State.FINISHING:
            return _finished(redis, custody, claimed, do, key)
        if not key:
            return Outcome(paused(KEY_LOST), progressed=False)
        _say_opened(redis, claimed)
    except (AuditBroken, AuditBusy) as refused:
        return Outcome(wait(time.time() + _AWAY_SECONDS, refused.code), progressed=False)
    return do(key)


def _say_opened(redis: Redis, claimed: Claim) -> None:
    """Have the audit log say that secrets are opened, once per phase: a slice lasts seconds, the log is kept long."""
    part = part_key(claimed.id, "opened")
    if redis.get(part) != claimed.phase.encode():
        audit.append(redis, audit.WORKER, Act.OPENED, claimed.id, claimed.phase)
        redis.set(part, claimed.phase, ex=UNFINISHED_SECONDS)


def _finished(redis: Redis, custody: Custody, claimed: Claim, do: Callable[[bytes], Outcome], key: bytes) -> Outcome:
    before = Revocation.read(redis, claimed.id)
    if not before.settled and key:
        if not before.tries:
            audit.append(redis, audit.WORKER, Act.REVOKING, claimed.id)
        outcome = do(key)
        if outcome.end.kind is not Kind.ENDED:
            return outcome
    elif not before.settled:
        cannot_revoke(redis, claimed.id)
    end = _end_of(redis, claimed)
    discard(redis, custody.vault, claimed.id, lambda: custody.receipt(redis, claimed.id, State(end.code)))
    return Outcome(end, progressed=True)


def _end_of(redis: Redis, claimed: Claim) -> SliceEnd:
    if claimed.ending:
        return ended(State(claimed.ending))
    exceptions = any(mark.is_failure for mark in Ledger(redis, claimed.id).outcomes())
    return ended(State.DONE_WITH_EXCEPTIONS if exceptions else State.DONE)
