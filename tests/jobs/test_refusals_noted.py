"""What closed doors refused to a slice stands in the audit log; a log that takes nothing changes nothing about it."""

import slices
from jobs_harness import Worker
from redis import Redis
from waiting import eventually

from jobs import audit
from jobs.audit import Act
from jobs.audit.places import BROKEN
from jobs.migration import Migration, State
from jobs.requests import create, read


def failed(redis: Redis) -> Migration:
    """Return an import that ended by a refusal."""
    migration = create(redis, "acme")
    return eventually(lambda: (now := read(redis, migration.id)).state is State.FAILED and now)


def test_a_refusal_is_noted_in_the_audit_log(redis: Redis, worker: Worker) -> None:
    worker.start(slices.try_what_it_may_not)
    migration = failed(redis)
    assert (migration.reason, migration.resumable) == ("egress-refused:connect", True)
    noted = [entry for entry in audit.entries(redis) if entry.act is Act.EGRESS_REFUSED]
    assert [(entry.actor, entry.migration) for entry in noted] == [(audit.WORKER, migration.id)]


def test_a_broken_audit_log_does_not_hide_the_refusal(redis: Redis, worker: Worker) -> None:
    audit.append(redis, audit.WORKER, Act.STARTED)
    redis.set(BROKEN, b"altered", ex=60)
    worker.start(slices.try_what_it_may_not)
    assert failed(redis).reason == "egress-refused:connect"
