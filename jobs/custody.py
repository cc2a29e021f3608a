"""What the worker keeps for its slices: it hands each the key of its one migration, and destroys the key at the end.

The worker itself never opens a secret; its slices' processes never see another migration's key, the master key or the
key store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from redis import Redis
from redis.exceptions import RedisError

from jobs import audit
from jobs.audit import Act, AuditBroken, AuditBusy
from jobs.discarding import (
    GRANT_ALIVE,
    GRANT_DEAD,
    NO_GRANT,
    UNCONFIRMED,
    Revocation,
    cannot_revoke,
    discard,
    note,
)
from jobs.migration import State, part_key
from jobs.nursery import Outcome
from jobs.retention import UNFINISHED_SECONDS
from jobs.slice import Kind, SliceEnd, Work, ended, paused, wait
from jobs.tickets import Claim
from migrator.errors import LeaseLost
from migrator.ledger import Ledger
from oauth.errors import SealBroken
from oauth.vault import WorkersVault

KEY_LOST = "key-lost"
"""Why a migration rests whose key went with the key store: only the customer can connect again."""

_AWAY_SECONDS = 15.0
_RETRY_SECONDS = 15.0


@dataclass(frozen=True)
class Custody:
    """What a worker needs beside the slices' function.

    Attributes:
        vault: the keys.
        receipt: makes and signs a migration's receipt, given the state store, its id and how it ended.
        revoke: gives a grant back and asks whether it is dead; done in a process of its own, which has met neither mail
            nor a mail server. Its end is one of `jobs.discarding`'s answers.
    """

    vault: WorkersVault
    receipt: Callable[[Redis, str, State], str]
    revoke: Work


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
        held_up = _written_down(redis, claimed, before, outcome.end)
        if held_up:
            return replace(outcome, end=held_up)
    elif not before.settled:
        cannot_revoke(redis, claimed.id)
    end = _end_of(redis, claimed)
    discard(redis, custody.vault, claimed.id, lambda: custody.receipt(redis, claimed.id, State(end.code)))
    return Outcome(end, progressed=True)


def _written_down(redis: Redis, claimed: Claim, before: Revocation, said: SliceEnd) -> SliceEnd | None:
    """Write down what became of the grant; return the end while it is not settled."""
    if said == NO_GRANT:
        cannot_revoke(redis, claimed.id)
        return None
    if said not in {GRANT_DEAD, GRANT_ALIVE}:
        return said
    now = before.after(confirmed=said == GRANT_DEAD)
    try:
        note(redis, claimed.id, claimed.token, now)
    except LeaseLost:
        return SliceEnd(Kind.LOST)
    return None if now.settled else wait(time.time() + _RETRY_SECONDS, UNCONFIRMED)


def _end_of(redis: Redis, claimed: Claim) -> SliceEnd:
    if claimed.ending:
        return ended(State(claimed.ending))
    exceptions = any(mark.is_failure for mark in Ledger(redis, claimed.id).outcomes())
    return ended(State.DONE_WITH_EXCEPTIONS if exceptions else State.DONE)
