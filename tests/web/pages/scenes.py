"""Every page in every state, as somebody may see it: with everyday data and with hostile data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from jobs.migration import Migration, State
from jobs.progress import Progress, Sample, progress_of
from jobs.report import Report
from migrator import receipt as receipts
from migrator.foldermap import map_folders
from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Choices, Label, catalogue_of
from migrator.outcome import Mark
from migrator.preview import storage_effect
from migrator.quota import PROFILES
from migrator.receipt import Receipt
from web.views.check import Counted, check
from web.views.choose import Looked, choose
from web.views.done import NotCopied, done
from web.views.host import Host
from web.views.notice import notice
from web.views.progress import running
from web.views.start import before, start

NOW = datetime(2026, 11, 22, 13, 55, tzinfo=UTC).timestamp()
ID = "4f" * 16
HOST = Host("Example Mail", "https://example.org/privacy", "https://example.org/help")
SHAPE = MailboxShape("/", "", (ExistingFolder("INBOX"), ExistingFolder("Sent", r"\Sent")), can_create_special_use=True)

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "%(num)s %s {host} {0}",
    "\u202egnp.exe\u202c",
    "\u2066isolated\u2069 \u200b\ufeff\u00ad",
    "bell\x07 escape\x1b[31m nul\x00",
    "x" * 225,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family \U0001f1e8\U0001f1ed",
    "\u05e9\u05dc\u05d5\u05dd 42",
    "javascript:alert(1)",
    "a/b/c/d/e/f/g/h",
    "inbox",
    "  blanks  ",
    "&lt;b&gt; &amp;",
    "Z\u0351\u036b\u0343a\u0321\u0353l\u0300g\u0321o",
)
EVERYDAY = (
    *("Bills", "Bills/2024", "Bills/2025", "Family", "Family/Grandma", "Holidays/Norway", "House", "Newsletters"),
    *(
        "School",
        "Sports club",
        "Tax",
        "Trash",
        "Work",
        "Work/Contracts",
        "Work/Contracts/Signed",
        "Work/Travel",
        "work",
    ),
)

REFUSED = "Access was not allowed at Google, so nothing was granted and nothing was copied."
LOST = ("Not found", "There is no such page.", "/", "To the start")
GIVEN_IN_WORDS = frozenset(
    {"Example Mail", REFUSED, *LOST, SCRIPT, HOSTILE[1], "Not found · Example Mail", f"{SCRIPT} · Example Mail"}
)
"""What views are given in words that are translated already."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A page as it is rendered: its name, its template and its view."""

    name: str
    template: str
    make: Callable[[], Any]


def migration(state: State = State.COPYING, **changes: Any) -> Migration:
    """Return a record, copying unless told otherwise."""
    fields: dict[str, Any] = {
        "id": ID,
        "customer": "c1",
        "state": state,
        "phase": State.COPYING,
        "until": 0.0,
        "reason": "",
        "resumable": False,
        "ending": "",
        "wish": "",
        "running": False,
        "crashes": 0,
        "created_at": NOW - 3600,
        "progress_at": NOW - 30,
        "ended_at": 0.0,
    }
    return Migration(**fields | changes)


def report(state: State = State.COPYING, outcomes: dict[str, int] | None = None, left: int = 0, **more: Any) -> Report:
    """Return numbers that add up."""
    counts = {"copied": 11_402, "already there": 12, "skipped (spam)": 88} if outcomes is None else outcomes
    return Report(
        id=ID,
        state=str(state),
        phase="copying",
        reason="",
        until=0.0,
        total=sum(counts.values()) + left,
        open=left,
        outcomes=counts,
        folders=more.get("folders", {"INBOX": 3_120, "Archive": 5_040, "Bills/2025": 312, "Work": 2_942}),
        failures=more.get("failures", {}),
        bytes=more.get("bytes", 1_234_567_890),
        verified={"found": 11_402},
    )


def progress(told: Report, *, pace: float = 4.8) -> Progress:
    """Return the progress of a report, with a minute of samples at a pace in messages a second."""
    done = sum(told.outcomes.values())
    samples = [
        Sample(at, int(done - pace * (60 - at)), int(told.bytes - pace * 9e4 * (60 - at))) for at in (0, 20, 45, 60)
    ]
    return progress_of(told.total, told.outcomes, samples if pace else [])


def looked(names: tuple[str, ...], choices: Choices) -> Looked:
    """Return an account with these labels looked over, by the functions that do it for a real one."""
    users = tuple(Label(f"Label_{place}", name, "user", hidden=place == 3) for place, name in enumerate(names))
    folder_map = map_folders(users, SHAPE, choices)
    sets = [frozenset({label.id, "INBOX"}) for place, label in enumerate(users) for _ in range(37 * place + 1)]
    sets += [frozenset({"INBOX", "UNREAD"})] * 3_120 + [frozenset({"SENT"})] * 1_850 + [frozenset[str]()] * 5_040
    sets += [frozenset({"SPAM"})] * 88 + [frozenset({"TRASH"})] * 41 + [frozenset({"CHAT"})] * 7
    effect = storage_effect(sets, catalogue_of(users), folder_map, choices, 2_400_000_000)
    by_label = {label.id: 37 * place + 1 for place, label in enumerate(users)}
    return Looked(users, folder_map, effect, by_label, 5_000_000_000)


def receipt(revocation: str = "confirmed") -> Receipt:
    """Return a receipt; only its access matters to the pages."""
    at = receipts.moment(NOW - 60) if revocation != "nothing-held" else None
    access = receipts.Access(revocation, "how", at, 1, "")  # type: ignore[arg-type]
    written = receipts.Written("imap.example.org:993", "TLSv1.3", 0, {}, 0, {}, 0, {})
    then = receipts.moment(NOW)
    return Receipt(
        format=1,
        receipt=ID,
        migration=ID,
        issuer="",
        issued=then,
        end="done",  # type: ignore[arg-type]
        began=then,
        ended=then,
        read=receipts.Read("scope", {}),
        written=written,  # type: ignore[arg-type]
        contacted=(),
        access=access,
        discarded=receipts.Discarded(then, then, then, ()),  # type: ignore[arg-type]
        staff_access=(),
        retained=(),
        policy=receipts.Policy("", ""),  # type: ignore[arg-type]
        software=receipts.Software("", ""),
        audit=receipts.Audit("0:" + "0" * 64),
        limits=(),  # type: ignore[arg-type]
    )


def scenes() -> tuple[Scene, ...]:
    """Return every page in every state."""
    return (*_beginnings(), *_choosing(), *_runs(), *_ends())


def _beginnings() -> Iterator[Scene]:
    new = PROFILES["new"]
    yield Scene("start", "start.html", lambda: start(HOST, new))
    yield Scene("before", "before.html", lambda: before(HOST, "anna.meier@mail.example.org"))
    yield Scene("before-refused", "before.html", lambda: before(HOST, "anna@x.org", "anna@gmail.com", REFUSED))
    yield Scene("before-hostile", "before.html", lambda: before(HOST, HOSTILE[1], HOSTILE[1], SCRIPT))
    for name, counted in {
        "counting": None,
        "fits": Counted(21_408, 17, 1_900_000_000, 3_200_000_000, 12_000_000_000),
        "tight": Counted(21_408, 17, 1_900_000_000, 3_200_000_000, 2_000_000_000),
        "too-small": Counted(412_000, 140, 31_000_000_000, 52_000_000_000, 15_000_000_000),
        "untold": Counted(1, 0, 1_000, 9_000, None),
    }.items():
        yield Scene(f"check-{name}", "check.html", _checking("anna.meier.1979@gmail.com", "anna@example.org", counted))
    yield Scene("check-hostile", "check.html", _checking(SCRIPT + "\u202e@gmail.com", HOSTILE[8] + "@x.org", None))
    yield Scene("notice", "notice.html", lambda: notice(HOST, *LOST))
    yield Scene("notice-hostile", "notice.html", lambda: notice(HOST, SCRIPT, HOSTILE[1]))


def _checking(account: str, mailbox: str, counted: Counted | None) -> Callable[[], Any]:
    return lambda: check(HOST, ID, account, mailbox, counted, PROFILES["new"])


def _choosing() -> Iterator[Scene]:
    chosen = Choices(
        policy="copy-per-label",
        spam=True,
        skip_labels=frozenset({"Label_7", "DRAFT"}),
        renames={"Label_0": "Invoices", "Label_1": HOSTILE[1]},
    )
    for names, words in ((EVERYDAY, "everyday"), (HOSTILE, "hostile"), ((), "no-labels")):
        for choices, turn in ((Choices(), ""), (chosen, "-changed")):
            yield Scene(f"choose-{words}{turn}", "choose.html", _chosen(names, choices))


def _chosen(names: tuple[str, ...], choices: Choices) -> Callable[[], Any]:
    return lambda: choose(HOST, ID, looked(names, choices), choices, Choices())


def _runs() -> Iterator[Scene]:
    later = {"until": NOW + 25 * 60}
    for name, record in {
        "planning": migration(State.PLANNING, phase=State.PLANNING),
        "copying": migration(),
        "copying-pausing": migration(running=True, wish="pause"),
        "copying-hostile": migration(),
        "verifying": migration(State.VERIFYING, phase=State.VERIFYING),
        "finishing": migration(State.FINISHING, phase=State.FINISHING),
        "finishing-cancelled": migration(State.FINISHING, phase=State.FINISHING, ending="cancelled"),
        "waiting-quota": migration(State.WAITING, reason="google-quota", **later),
        "waiting-a-day": migration(State.WAITING, reason="google-bandwidth", until=NOW + 80_000),
        "waiting-full": migration(State.WAITING, reason="mailbox-full", **later),
        "waiting-google": migration(State.WAITING, reason="google-down", **later),
        "waiting-mailbox": migration(State.WAITING, reason="mailbox-unreachable", **later),
        "waiting-revocation": migration(State.WAITING, phase=State.FINISHING, reason="revocation-unconfirmed", **later),
        "waiting-unheard-of": migration(State.WAITING, reason="never-heard-of", **later),
        "paused": migration(State.PAUSED, reason="asked"),
        "paused-reconnect": migration(State.PAUSED, reason="reconnect-needed"),
        "paused-not-started": migration(State.PAUSED, phase=State.PLANNING, reason="not-started"),
        "failed-password": migration(State.FAILED, reason="login-refused", resumable=True),
        "failed-host": migration(State.FAILED, reason="certificate-invalid", resumable=True),
        "failed-ours": migration(State.FAILED, reason="out-of-memory", resumable=True),
        "failed-for-good": migration(State.FAILED, reason="key-lost", resumable=False),
    }.items():
        yield Scene(f"run-{name}", "progress.html", _running(name, record))
    yield Scene("part-of-run", "standing.html", _running("hostile", migration()))


def _running(name: str, record: Migration) -> Callable[[], Any]:
    early = record.phase is State.PLANNING
    folders = dict.fromkeys(HOSTILE, 7) if "hostile" in name else {}
    if early:
        told = report(record.state, {}, folders={}, bytes=0)
    else:
        told = report(
            record.state,
            left=0 if record.phase is not State.COPYING else 18_998,
            **({"folders": folders} if folders else {}),
        )
    moving = record.state is State.COPYING
    return lambda: running(HOST, record, told, progress(told, pace=4.8 if moving else 0), NOW)


def _ends() -> Iterator[Scene]:
    failed = {"copied": 21_290, "copied (altered)": 14, "already there": 2, "skipped (spam)": 88}
    failed |= {"skipped (gone)": 1, "failed (refused)": 12, "failed (google)": 1}
    originals = tuple(NotCopied(f"18c0ffee{place:08x}", Mark.FAILED_REFUSED) for place in range(12))
    originals += (NotCopied("18c0ffee00000abc", Mark.FAILED_GOOGLE), NotCopied("18c0ffee00000abd", Mark.SKIPPED_GONE))
    ended = {"phase": State.FINISHING, "ended_at": NOW - 300.0}
    fine = report(State.DONE)
    yield Scene("done", "done.html", _done(migration(State.DONE, **ended), fine, receipt()))
    with_exceptions = migration(State.DONE_WITH_EXCEPTIONS, **ended)
    yield Scene(
        "done-exceptions",
        "done.html",
        _done(with_exceptions, replace(report(), outcomes=failed, total=sum(failed.values())), receipt(), originals),
    )
    hostile = report(State.DONE, folders=dict.fromkeys(HOSTILE, 7))
    words = (NotCopied(HOSTILE[1], Mark.FAILED_REFUSED, SCRIPT), *(originals * 20))
    yield Scene(
        "done-hostile", "done.html", _done(migration(State.DONE, **ended), hostile, receipt("nothing-held"), words)
    )
    yield Scene("done-unconfirmed", "done.html", _done(migration(State.DONE, **ended), fine, receipt("unconfirmed")))
    yield Scene(
        "cancelled",
        "done.html",
        _done(migration(State.CANCELLED, **ended), report(State.CANCELLED, left=9_000), receipt()),
    )
    yield Scene(
        "expired",
        "done.html",
        _done(migration(State.EXPIRED, **ended), report(State.EXPIRED, {}, folders={}, bytes=0), None),
    )


def _done(
    record: Migration, told: Report, statement: Receipt | None, rows: tuple[NotCopied, ...] = ()
) -> Callable[[], Any]:
    return lambda: done(HOST, record, told, statement, rows, NOW, account="anna.meier.1979@gmail.com")
