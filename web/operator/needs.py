"""What needs a person, the gravest first: each with what it means, what to do, and where to look."""

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from jobs.acts import NEEDS_CUSTOMER
from jobs.migration import ENDS, State
from jobs.standing import Standing
from migrator.errors import ClientRefused
from migrator.hold import FAILED_MESSAGES
from web.operator.models import Need, code_of
from web.operator.words import imports, span

STUCK_SECONDS = 300
"""Work that waits longer for a slice than this is stuck: small imports begin within seconds."""

_NAMED = 10
"""So many ids are named at most."""

_BY_WISH = frozenset({"", "asked", "not-started"})
_HELPED = frozenset({"mailbox-full", FAILED_MESSAGES})
"""Waits that go on by themselves, and that a person may shorten."""

Sentence = Callable[[str], str]


def needs_of(standing: Standing, sentence: Sentence, *, audit_broken: bool) -> tuple[Need, ...]:
    """Return what needs a person now."""
    found = [
        *_of_the_service(standing, audit_broken=audit_broken),
        *_of_imports(standing, sentence),
        *_of_the_promise(standing),
    ]
    return tuple(sorted(found, key=lambda need: not need.grave))


def _of_the_service(standing: Standing, *, audit_broken: bool) -> Iterator[Need]:
    yield from _audit(audit_broken=audit_broken)
    for needs in (_no_worker, _cannot_start, _stuck, _client_refused, _unreadable, _dead_tickets):
        yield from needs(standing)


def _audit(*, audit_broken: bool) -> Iterator[Need]:
    if audit_broken:
        yield Need(
            kind="audit",
            grave=True,
            count=1,
            code="audit-broken",
            words="The audit log is damaged",
            sentence="Nothing is done unlogged: acts are refused and imports wait. Verify it and see what is wrong.",
            place="/audit",
        )


def _no_worker(standing: Standing) -> Iterator[Need]:
    unfinished = sum(count for state, count in standing.states.items() if state not in ENDS)
    if not standing.alive and unfinished:
        yield Need(
            kind="no-worker",
            grave=True,
            count=unfinished,
            words=f"No worker is alive, and {imports(unfinished)} {_be(unfinished)} not at the end",
            sentence="Nothing moves, and nothing expires in time. Start a worker; look at its log and its Redis.",
            place="#workers",
        )


def _cannot_start(standing: Standing) -> Iterator[Need]:
    if ill := standing.in_trouble:
        yield Need(
            kind="cannot-start",
            grave=True,
            count=len(ill),
            code=ill[0].trouble,
            words=f"{_workers(len(ill))} cannot start processes, on {', '.join(sorted({one.host for one in ill}))}",
            sentence=(
                "Other workers take its imports. Look at that machine: its limits of processes and open files, its "
                "memory, its folder for temporary files. The worker recovers by itself, or ends to be started anew."
            ),
            place="#workers",
        )


def _stuck(standing: Standing) -> Iterator[Need]:
    if standing.alive and standing.ready and standing.oldest_ready_seconds > STUCK_SECONDS:
        longest = span(standing.oldest_ready_seconds)
        yield Need(
            kind="stuck",
            grave=True,
            count=standing.ready,
            words=f"{imports(standing.ready)} {_waits(standing.ready)} for a slice, the longest {longest}",
            sentence="Are all threads of the workers busy? Then start more. Else restart a worker and look at its log.",
            place="#queue",
        )


def _client_refused(standing: Standing) -> Iterator[Need]:
    if standing.client_refused:
        waiting = standing.held.get((State.WAITING, ClientRefused.code), 0)
        yield Need(
            kind="google-client",
            grave=True,
            count=waiting,
            code=ClientRefused.code,
            words="Google does not accept our OAuth client",
            sentence=f"No account can be connected, and {imports(waiting)} {_waits(waiting)} for it; imports go on by "
            "themselves when it is put right. Check the client's secret, and that client and project are enabled.",
            place=f"/imports?{urlencode({'state': State.WAITING, 'code': ClientRefused.code})}",
        )


def _unreadable(standing: Standing) -> Iterator[Need]:
    if standing.unreadable:
        some = ", ".join(standing.unreadable[:_NAMED]) + (", …" if len(standing.unreadable) > _NAMED else "")
        yield Need(
            kind="unreadable",
            grave=True,
            count=len(standing.unreadable),
            words=f"{imports(len(standing.unreadable))} cannot be read by this version",
            sentence=f"Another version wrote them, and nothing is done with them: {some}. Start that version again for "
            "them, as docs/operations/upgrade.md says.",
            place="#queue",
        )


def _dead_tickets(standing: Standing) -> Iterator[Need]:
    if standing.dead_tickets:
        yield Need(
            kind="dead-tickets",
            grave=False,
            count=standing.dead_tickets,
            words=f"{standing.dead_tickets:,} tickets died",
            sentence="Each was replaced, so nothing is lost; the worker's log says why they died.",
            place="#queue",
        )


def _of_imports(standing: Standing, sentence: Sentence) -> Iterator[Need]:
    for (state, code), count in sorted(standing.held.items(), key=lambda row: (-row[1], row[0])):
        if state is State.FAILED:
            yield _held(state, code, count, "stopped", sentence)
        elif state is State.PAUSED and code not in _BY_WISH:
            yield _held(state, code, count, "paused", sentence)
        elif state is State.WAITING and code in _HELPED:
            yield _held(state, code, count, "waiting", sentence)


def _held(state: State, code: str, count: int, kind: str, sentence: Sentence) -> Need:
    """Return what is said of imports held up by one code; those that only a customer frees are not grave."""
    how = {"stopped": "stopped", "paused": "paused", "waiting": "waiting"}[kind]
    return Need.model_validate(
        {
            "kind": kind,
            "grave": kind == "stopped" or (kind == "paused" and code not in NEEDS_CUSTOMER),
            "count": count,
            "code": code_of(code),
            "words": f"{imports(count)} {how}: {code_of(code)}",
            "sentence": sentence(code_of(code)),
            "place": f"/imports?{urlencode({'state': state, 'code': code})}",
        }
    )


def _of_the_promise(standing: Standing) -> Iterator[Need]:
    if standing.overdue:
        yield Need(
            kind="overdue",
            grave=True,
            count=standing.overdue,
            words=f"{imports(standing.overdue)} kept longer than promised",
            sentence="A worker ends and purges them within two minutes of their time. Is one alive? Look at its log.",
            place="/data",
        )
    if standing.unconfirmed:
        yield Need(
            kind="unconfirmed",
            grave=True,
            count=standing.unconfirmed,
            words=f"{imports(standing.unconfirmed)} ended without Google's word that access is gone",
            sentence="The customer was told to remove the access himself. The audit log names the imports.",
            place="/audit?act=revocation-unconfirmed",
        )


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count:,} workers"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _waits(count: int) -> str:
    return "waits" if count == 1 else "wait"
