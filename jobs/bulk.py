"""One act for many migrations: each written down and done by itself, and one wait for the disk at the end."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

from jobs.acts import What, carry_out, helps
from jobs.audit import Actor, AuditBroken, AuditBusy
from jobs.durable import wait_for_disk
from jobs.errors import IllegalTransition, UnknownMigration
from jobs.requests import read


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of it: the ids for which it was done, and for which not, with why.

    Why is `not-now` (its state does not allow it, or it would change nothing), `unknown`, or the code of what is wrong
    with the audit log; with that, nothing is done to those that follow.
    """

    done: tuple[str, ...]
    refused: dict[str, str]


def ask_all(redis: Redis, migration_ids: Iterable[str], what: What, actor: Actor) -> Asked:
    """Do one thing to many migrations; what cannot be done to one is left out and said.

    Raises `redis.RedisError` when the store is away; what was done by then is in the audit log.
    """
    done: list[str] = []
    refused: dict[str, str] = {}
    broken = ""
    for migration_id in migration_ids:
        if broken:
            refused[migration_id] = broken
            continue
        try:
            _ask(redis, migration_id, what, actor)
            done.append(migration_id)
        except UnknownMigration:
            refused[migration_id] = "unknown"
        except IllegalTransition:
            refused[migration_id] = "not-now"
        except (AuditBroken, AuditBusy) as error:
            refused[migration_id] = broken = error.code
    if done:
        wait_for_disk(redis)
    return Asked(tuple(done), refused)


def _ask(redis: Redis, migration_id: str, what: What, actor: Actor) -> None:
    before = read(redis, migration_id)
    if not helps(before, what):
        raise IllegalTransition(before.state, what)
    carry_out(redis, migration_id, what, actor)
