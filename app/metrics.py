"""What Prometheus is told: numbers of the whole installation, from the store alone, under closed sets of labels.

One exporter for an installation (`migrator metrics`), a process of its own: workers come and go, and each would tell
the same numbers; the console may be away without the watching ending. Nothing here is of one import or one customer,
and bytes are the rounded ones that operators see.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis

from app.consent_codes import OF_GOOGLE
from app.sentences import codes, consent_codes
from jobs import audit
from jobs.broker import SURVEYS, queued
from jobs.errors import AccountBusy
from jobs.flow import Minute, Totals, minutes, totals
from jobs.fullness import Load, fullness
from jobs.migration import State
from jobs.standing import Standing, standing
from migrator.quota import PROJECT_PER_MINUTE
from web.operator.fresh import Fresh
from web.pools import KINDS

FRESH_SECONDS = 2.0
"""However often it is asked, the store is looked at so often at most."""

OTHER = "other"
"""Stands for every code and project that is not listed: what a label may say is known before anything happens."""

CODES = codes() | {"internal-error", "child-unreadable", "illegal-step"}
CONSENT_CODES = consent_codes() | OF_GOOGLE | {AccountBusy.code}
_POOLS = {
    "working": "Work under way that waits for a mail server, Google or a provider, by kind.",
    "waiting": "What waits for room for such work.",
    "places": "How much such work the living servers and workers do at once.",
}
_HELD_UP = (State.WAITING, State.PAUSED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    standing: Standing
    totals: Totals
    minute: Minute
    """The last whole one."""
    loads: Mapping[str, Load] = field(default_factory=dict)


class Installation(Collector):
    """Gives the metrics of an installation; raises `redis.RedisError` when a store is away.

    Args:
        state: the state store.
        broker: the message broker's database.
        project: the configured Google project.
    """

    def __init__(self, state: Redis, broker: Redis, project: str) -> None:
        self._state = state
        self._broker = broker
        self._project = project
        self._fresh = Fresh(FRESH_SECONDS)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to register it, no store is asked."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        now = self._fresh.look("", self._look)
        verdict = audit.verdict(self._state)
        yield gauge("migrator_build_info", "The version of the exporter.", {version("gmail-migrator"): 1}, "version")
        yield from of_imports(now.standing)
        yield from of_queue(now.standing)
        yield from of_google(now.standing)
        yield from of_flow(now.totals)
        yield from of_quota(now.minute, self._project)
        yield from of_promises(now.standing)
        yield from of_pools(now.loads)
        if verdict:
            yield gauge("migrator_audit_whole", "1 when the audit log is what was written.", int(verdict.holds))
            at = "When the whole audit log was last verified."
            yield gauge("migrator_audit_verified_timestamp_seconds", at, verdict.at)

    def _look(self) -> Snapshot:
        last, _ = minutes(self._state, 2)
        loads = fullness(self._state)
        loads["survey"] = loads.get("survey", Load()) + Load(waiting=queued(self._broker, SURVEYS))
        return Snapshot(standing(self._state, self._broker), totals(self._state), last, loads)


def text_of(installation: Installation) -> bytes:
    """Return the metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(installation)
    return generate_latest(registry)


def of_imports(now: Standing) -> Iterator[Metric]:
    """Give how many imports are in which state, and what holds up those that stand still."""
    states = {str(state): count for state, count in now.states.items()}
    yield gauge("migrator_imports", "Imports by state.", states, "state")
    held = GaugeMetricFamily(
        "migrator_imports_held_up", "Imports that wait, are paused or failed, by why.", labels=["state", "code"]
    )
    for state in _HELD_UP:
        reasons = {code: count for (held_in, code), count in now.held.items() if held_in is state}
        for code, count in closed(reasons, CODES).items():
            held.add_metric([state, code], count)
    yield held
    unreadable = "Imports whose record this version cannot read; they are in no other figure."
    yield gauge("migrator_imports_unreadable", unreadable, len(now.unreadable))


def of_queue(now: Standing) -> Iterator[Metric]:
    """Give how deep the queue is and who works on it."""
    alive = [worker for worker in now.workers if worker.is_alive(now.at)]
    seen = max((worker.seen_at for worker in now.workers), default=0)
    yield gauge("migrator_ready", "Imports ready for a slice.", now.ready)
    oldest = "How long the import has been ready that waits longest."
    yield gauge("migrator_ready_oldest_seconds", oldest, max(0.0, now.oldest_ready_seconds))
    yield gauge("migrator_due", "Imports that go on by themselves at their time.", now.due)
    yield gauge("migrator_slices_running", "Slices at work.", now.running)
    yield gauge("migrator_slices_capacity", "Slices that the living workers could do at once.", now.threads)
    yield gauge("migrator_tickets", "Tickets that no worker has fetched.", now.tickets)
    yield gauge("migrator_undos_waiting", "Undos that wait for a worker.", now.undos.waiting)
    yield gauge("migrator_undos_running", "Undos at work.", now.undos.working)
    yield gauge("migrator_workers_alive", "Workers heard of within 30 seconds.", len(alive))
    trouble = "Workers of these that cannot start processes."
    yield gauge("migrator_workers_in_trouble", trouble, len(now.in_trouble))
    last = "When a worker was last heard of; 0 where none was within a day."
    yield gauge("migrator_worker_last_seen_timestamp_seconds", last, seen)


def of_google(now: Standing) -> Iterator[Metric]:
    """Give whether Google accepts our OAuth client."""
    yield gauge("migrator_google_client_refused", "1 while Google refuses our OAuth client.", int(now.client_refused))


def of_flow(now: Totals) -> Iterator[Metric]:
    """Give what went through since the counting began; a store that was lost begins at 0 again."""
    yield counter("migrator_messages", "Messages that got an outcome.", now.messages)
    yield counter("migrator_bytes", "Bytes copied, rounded to 10 MB, moved at most once a minute.", now.bytes)
    errors = {**dict.fromkeys((*CODES, OTHER), 0), **closed(now.codes, CODES)}
    text = "How often an import began to wait, paused or failed, or a slice died, by why."
    yield counter("migrator_errors", text, errors, "code")
    failed = {**dict.fromkeys((*CONSENT_CODES, OTHER), 0), **closed(now.consents, CONSENT_CODES)}
    yield counter("migrator_consents_failed", "Consents that connected nothing, by why.", failed, "code")
    yield counter("migrator_dead_tickets", "Tickets that died; each was replaced.", now.dead)


def of_quota(last: Minute, project: str) -> Iterator[Metric]:
    """Give the use of Google's units by the configured project, and by all others together."""
    used = {project: 0, **closed(last.units, frozenset({project}))}
    yield gauge("migrator_quota_units", "Google's units used in the last whole minute.", used, "project")
    most = "Google's units that a project may use in a minute."
    yield gauge("migrator_quota_units_limit", most, PROJECT_PER_MINUTE)


def of_promises(now: Standing) -> Iterator[Metric]:
    """Give what is kept too long, and what could not be given back."""
    yield gauge("migrator_retention_overdue", "Imports that should have been ended or purged minutes ago.", now.overdue)
    text = "Imports that ended without Google's confirmation that its access is gone."
    yield gauge("migrator_revocations_unconfirmed", text, now.unconfirmed)
    text = "Consents of which nobody knows yet whether they left access at Google."
    yield gauge("migrator_consents_unsettled", text, now.unsettled)


def of_pools(loads: Mapping[str, Load]) -> Iterator[Metric]:
    """Give how full the pools of all web servers, consoles and workers are."""
    every: dict[str, Load] = {kind: loads.get(kind, Load()) for kind in KINDS}
    for name, text in _POOLS.items():
        values = {kind: float(getattr(load, name)) for kind, load in every.items()}
        yield gauge(f"migrator_pool_{name}", text, values, "pool")


def closed(counts: Mapping[str, int], known: frozenset[str]) -> dict[str, int]:
    """Return counts by known names alone; all others are one."""
    found: dict[str, int] = {}
    for name, count in counts.items():
        label = name if name in known else OTHER
        found[label] = found.get(label, 0) + count
    return found


def gauge(name: str, text: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    """Return a metric that goes up and down: one value, or one for each value of a label."""
    return _filled(GaugeMetricFamily(name, text, labels=[label] if label else []), value)


def counter(name: str, text: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    """Return a metric that only goes up; `_total` is put behind its name."""
    return _filled(CounterMetricFamily(name, text, labels=[label] if label else []), value)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, value: float | Mapping[str, float]
) -> GaugeMetricFamily | CounterMetricFamily:
    rows = {(one,): number for one, number in value.items()} if isinstance(value, Mapping) else {(): value}
    for labels, number in sorted(rows.items()):
        family.add_metric(labels, number)
    return family
