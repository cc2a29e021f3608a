"""The first page: what needs a person, then how everything stands."""

import time
from collections import Counter

from fastapi import APIRouter, Response

from jobs import audit
from jobs.audit import AuditBroken
from jobs.flow import Minute, minutes
from jobs.heartbeats import Worker
from jobs.standing import Standing, standing
from migrator.quota import PROJECT_PER_MINUTE
from web.operator.doors import Console
from web.operator.fresh import Fresh
from web.operator.models import (
    CodeCount,
    MinuteTold,
    Overview,
    Queue,
    QuotaUse,
    StateCount,
    WorkerTold,
    code_of,
    megabytes_of,
    moment_of,
    time_of,
)
from web.operator.needs import needs_of
from web.operator.rights import Viewer, Watcher
from web.operator.rooms import Rooms
from web.operator.telling import told

_MINUTES = 60


def overview_routes(console: Console, fresh: Fresh) -> APIRouter:
    """Return the routes of the overview and of its live part."""
    routes = APIRouter()

    @routes.get("/")
    def overview_page(member: Viewer) -> Response:
        return told(console, "overview.html", member, "overview", overview_now(console.rooms, fresh))

    @routes.get("/overview/live")
    def live(member: Watcher) -> Response:
        return told(console, "_overview.html", member, "overview", overview_now(console.rooms, fresh))

    return routes


def overview_now(rooms: Rooms, fresh: Fresh) -> Overview:
    """Return how everything stands, as all screens share it."""
    return fresh.look("overview", lambda: overview_of(rooms))


def overview_of(rooms: Rooms, *, now: float | None = None) -> Overview:
    """Look at everything once; `now` in seconds since the epoch.

    Raises:
        redis.RedisError: a store is away.
    """
    at = time.time() if now is None else now
    found = standing(rooms.state, rooms.broker, now=at)
    lately = minutes(rooms.state, _MINUTES, now=at)
    return Overview(
        at=moment_of(at),
        needs=needs_of(found, rooms.sentence, audit_broken=_is_audit_broken(rooms)),
        states=tuple(StateCount(state=state, count=count) for state, count in found.states.items()),
        held_up=_codes(rooms, _by_class(found.reasons)),
        queue=_queue(found),
        workers=tuple(_worker(worker, at) for worker in found.workers),
        minutes=tuple(_minute(minute) for minute in lately),
        quotas=_quotas(lately),
        codes=_codes(rooms, sum((_by_class(minute.codes) for minute in lately), Counter())),
        overdue=found.overdue,
        unconfirmed=found.unconfirmed,
    )


def _is_audit_broken(rooms: Rooms) -> bool:
    """Tell whether nothing can be appended now; whether all of the log is whole takes longer to see."""
    try:
        audit.checkpoint(rooms.state)
    except AuditBroken:
        return True
    return False


def _queue(found: Standing) -> Queue:
    return Queue(
        ready=found.ready,
        oldest_ready_seconds=max(0.0, round(found.oldest_ready_seconds, 1)),
        running=found.running,
        threads=found.threads,
        due=found.due,
        next_due=time_of(found.next_due),
        tickets=found.tickets,
        dead_tickets=found.dead_tickets,
        undos_waiting=found.undos.waiting,
        undos_running=found.undos.working,
    )


def _worker(worker: Worker, at: float) -> WorkerTold:
    return WorkerTold(
        id=worker.id,
        host=worker.host,
        version=worker.version,
        threads=worker.threads,
        busy=worker.busy,
        alive=worker.is_alive(at),
        trouble=worker.trouble,
        started_at=time_of(worker.started_at),
        seen_at=time_of(worker.seen_at),
        seen_seconds=max(0.0, round(at - worker.seen_at, 1)),
    )


def _minute(minute: Minute) -> MinuteTold:
    return MinuteTold(
        at=moment_of(minute.at),
        messages=minute.messages,
        megabytes=megabytes_of(minute.bytes),
        codes=dict(_by_class(minute.codes)),
    )


def _quotas(lately: tuple[Minute, ...]) -> tuple[QuotaUse, ...]:
    """Return the use of each Google project; the minute under way is not over, so the one before is the last."""
    projects = sorted({project for minute in lately for project in minute.units})
    used = {project: [minute.units.get(project, 0) for minute in lately] for project in projects}
    return tuple(
        QuotaUse(project=project, last=row[-2], highest=max(row), ceiling=PROJECT_PER_MINUTE)
        for project, row in used.items()
    )


def _codes(rooms: Rooms, counts: dict[str, int]) -> tuple[CodeCount, ...]:
    ordered = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return tuple(CodeCount(code=code, count=count, sentence=rooms.sentence(code)) for code, count in ordered)


def _by_class(codes: dict[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for code, count in codes.items():
        found[code_of(code)] += count
    return found
