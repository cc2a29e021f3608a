"""What time ends: a migration without progress is ended as expired, and one whose time is over is purged.

Each act is in the audit log before it is done; what cannot be written there is not done, but tried at the next look.
"""

from dataclasses import dataclass

from redis import Redis

from jobs import audit, scripts
from jobs.audit import Act
from jobs.retention import ask_for_rewrite
from oauth.vault import Vault

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """The ids of the migrations that one sweep ended as expired, and of those it purged."""

    expired: tuple[str, ...]
    purged: tuple[str, ...]


def sweep(redis: Redis, vault: Vault | None, *, now: float | None = None) -> Swept:
    """End and purge what is overdue, 500 migrations at most.

    Args:
        redis: the state store.
        vault: where keys are destroyed; None where migrations have none.
        now: seconds since the epoch, the server's clock when None.

    Raises:
        audit.AuditBroken, audit.AuditBusy: an act cannot be written down, so it was not done.
        redis.RedisError: a store is away.
    """
    answer = iter(scripts.run(redis, "overdue", _BATCH, now=now))
    overdue = list(zip(answer, answer, answer, strict=True))
    expired = tuple(id_ for id_, act, _ in overdue if act == Act.EXPIRED and _expire(redis, id_, now))
    purged = tuple(id_ for id_, act, state in overdue if act == Act.PURGED and _purge(redis, vault, id_, state, now))
    if purged:
        ask_for_rewrite(redis)
    return Swept(expired, purged)


def _expire(redis: Redis, migration_id: str, now: float | None) -> bool:
    audit.append(redis, audit.WORKER, Act.EXPIRED, migration_id)
    return scripts.run(redis, "expire", migration_id, now=now) == ["ok"]


def _purge(redis: Redis, vault: Vault | None, migration_id: str, state: str, now: float | None) -> bool:
    """Destroy the key if there still is one, then unlink everything; the entry names the state it was in."""
    # Asked first: while the key store is away nothing is written down, again and again, that can't be done.
    key_left = vault is not None and vault.holds(migration_id)
    audit.append(redis, audit.WORKER, Act.PURGED, migration_id, state)
    if vault is not None and key_left:
        vault.destroy(migration_id)
    return scripts.run(redis, "purge", migration_id, now=now) == ["ok"]
