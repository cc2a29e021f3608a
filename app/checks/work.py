"""The work: workers that live, queues that move, promises that are kept, an audit log that is whole."""

import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from app.checks.finding import Finding, bad, ok, warn
from app.checks.program import NAME
from app.stores import StoreUrls
from jobs import audit
from jobs.broker import open_state
from jobs.standing import Standing, standing
from web.operator.words import imports

_SECONDS = 10.0
_STUCK_SECONDS = 600.0
_UNKEPT_SECONDS = 1800.0

_ENDS = "Until then others take its imports; it recovers by itself, or ends to be started anew."
_STARTING = defaultdict(
    lambda: f"Look at its log for `cannot-start`. {_ENDS}",
    {
        "no-descriptors": f"Raise its limit of open files (LimitNOFILE=). {_ENDS}",
        "no-process": f"Look at its memory and its limit of processes (TasksMax=). {_ENDS}",
        "no-scratch": f"Look at its folder for temporary files: is it there, its own, and not full? {_ENDS}",
    },
)


def work(urls: StoreUrls) -> Iterator[Finding]:
    """Look at the queues and at the audit log; a store that is away is another room's finding."""
    with open_state(urls.state, _SECONDS) as state, open_state(urls.broker, _SECONDS) as broker:
        try:
            now = standing(state, broker)
            verdict = audit.verdict(state) or _nothing_yet(state)
        except NoPermissionError:
            grant = "Run the doctor with a user that may read them: the workers' or the console's."
            yield warn("queues", "cannot tell: its user may not read them", grant)
            return
        except RedisError as error:
            yield bad("queues", f"cannot be looked at ({type(error).__name__})", "Mend the stores first; see above.")
            return
    yield from (
        _workers(now),
        *_trouble(now),
        *_versions(now),
        _queue(now),
        _overdue(now),
        *_revocations(now),
        _audit(verdict, now.at),
    )


def _workers(now: Standing) -> Finding:
    if now.alive:
        return ok("workers", f"{now.alive} alive, {now.threads} slices at once")
    start = "Start a worker: migrator worker; if one runs, look at its log for `store-away`."
    if now.ready or now.due or now.running:
        return bad("workers", f"none alive, and {imports(now.ready + now.due + now.running)} not at the end", start)
    return warn("workers", "none alive; nothing waits for one", start)


def _trouble(now: Standing) -> Iterator[Finding]:
    for one in now.in_trouble:
        yield bad("workers: processes", f"one on {one.host} cannot start any ({one.trouble})", _STARTING[one.trouble])


def _versions(now: Standing) -> Iterator[Finding]:
    found, here = {worker.version for worker in now.workers if worker.is_alive(now.at)}, version(NAME)
    if found - {here}:
        way_out = "Restart the workers that are behind; work goes on in the meantime."
        yield warn("workers: version", f"{', '.join(sorted(found))}; here {here}", way_out)
    elif found:
        yield ok("workers: version", "as here")


def _queue(now: Standing) -> Finding:
    if now.oldest_ready_seconds > _STUCK_SECONDS:
        way_out = "Start more workers, or raise worker.threads; see `migrator queue`."
        return warn("queue", f"an import has been ready for {now.oldest_ready_seconds / 60:.0f} minutes", way_out)
    return ok("queue", f"{now.ready} ready, {now.running} running, {now.due} due later")


def _overdue(now: Standing) -> Finding:
    if now.overdue:
        way_out = "Start a worker: ending and purging is its work; if one runs, look at its log."
        return bad("retention", f"{imports(now.overdue)} should have been ended or purged", way_out)
    return ok("retention", "nothing is kept longer than promised")


def _revocations(now: Standing) -> Iterator[Finding]:
    if now.unconfirmed:
        way_out = "Tell these customers to remove the access in their Google Account: migrator list --unconfirmed."
        yield warn("revocations", f"{imports(now.unconfirmed)} ended without Google's confirmation", way_out)
    if now.unsettled:
        way_out = "A worker finds out what became of them: start one, or look at its log; migrator list --unconfirmed."
        yield warn("revocations: consents", f"{now.unsettled} may have left access at Google", way_out)
    if not now.unconfirmed and not now.unsettled:
        yield ok("revocations", "all confirmed")


def _nothing_yet(state: Redis) -> audit.Verdict | None:
    """Return that a log in which nothing was written down yet is whole."""
    return None if audit.is_begun(state) else audit.Verdict(0, 0, (), 0, at=int(time.time()))


def _audit(verdict: audit.Verdict | None, now: float) -> Finding:
    if verdict is None or now - verdict.at > _UNKEPT_SECONDS:
        way_out = "A worker keeps it: start one, or look at its log for `audit-elsewhere` and `look-failed`."
        return warn("audit log", "nobody keeps it: it has not been verified for half an hour", way_out)
    if verdict.holds:
        return ok("audit log", f"whole, up to entry {verdict.last}")
    number = verdict.flaws[0].number if verdict.flaws else 0
    way_out = "See what is wrong: migrator audit verify; until it is whole nothing is done that must be logged."
    return bad("audit log", f"NOT what was written, from entry {number} on", way_out)
