"""The pages after the end of an import, and of what is held about it, in every state."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from scenery import HOST, HOSTILE, ID, NOW, SCRIPT, Scene, migration, receipt, report

from jobs.kept import Until
from jobs.migration import Migration, State
from jobs.notcopied import NotCopied
from jobs.overview import Holding
from jobs.permission import Field, Permission, Question, Use
from jobs.report import Report
from jobs.retention import KEPT
from jobs.undowish import Standing
from migrator.outcome import Mark
from migrator.receipt import Receipt
from migrator.undo import Undone
from web.views.done import Taking, done, taking
from web.views.goodbye import goodbye
from web.views.mydata import mydata
from web.views.notices import NOTICES, notice_of
from web.views.permission import permission
from web.views.undo import undo

MAILBOX = "anna.meier@example.org"
ENDED = {"phase": State.FINISHING, "ended_at": NOW - 300.0}
ASKING = taking(asked=False, asks=True, mailbox=MAILBOX)


def endings() -> Iterator[Scene]:
    """Yield every page that can be met after the end, and every notice."""
    yield from _results()
    yield from _undos()
    yield from _data()
    for code in NOTICES:
        yield Scene(f"notice-{code}", "notice.html", _noticed(code))
    yield Scene("goodbye", "goodbye.html", lambda: goodbye(HOST))


def _noticed(code: str) -> Callable[[], Any]:
    return lambda: notice_of(HOST, code)


def _results() -> Iterator[Scene]:
    failed = {"copied": 21_290, "copied (altered)": 14, "already there": 2, "skipped (spam)": 88}
    failed |= {"skipped (gone)": 1, "failed (refused)": 12, "failed (google)": 1}
    left = (
        NotCopied(Mark.FAILED_REFUSED, "too-large", 12, tuple(f"18c0ffee{place:08x}" for place in range(12))),
        NotCopied(Mark.FAILED_GOOGLE, "unreadable", 1, ("18c0ffee00000abc",)),
        NotCopied(Mark.SKIPPED_SPAM, "", 88, tuple(f"18c0ffef{place:08x}" for place in range(50))),
        NotCopied(Mark.SKIPPED_GONE, "", 1, ("18c0ffee00000abd",)),
    )
    fine = report(State.DONE)
    record = migration(State.DONE, **ENDED)
    yield Scene("done", "done.html", _done(record, fine, receipt()))
    yield Scene("done-undo-asked", "done.html", _done(record, fine, receipt(), undo=replace(ASKING, offer="asked")))
    yield Scene("done-undo-at-once", "done.html", _done(record, fine, receipt(), undo=replace(ASKING, asks=False)))
    yield Scene(
        "done-exceptions",
        "done.html",
        _done(
            migration(State.DONE_WITH_EXCEPTIONS, **ENDED),
            replace(report(), outcomes=failed, total=sum(failed.values())),
            receipt(),
            left,
        ),
    )
    hostile = report(State.DONE, folders=dict.fromkeys(HOSTILE, 7))
    words = tuple(
        NotCopied(mark, SCRIPT, 1, (HOSTILE[1],)) for mark in Mark if not mark.is_open and not mark.is_in_mailbox
    )
    nowhere = taking(asked=False, asks=True, mailbox="")
    yield Scene("done-hostile", "done.html", _done(record, hostile, receipt("nothing-held"), words, nowhere))
    yield Scene("done-unconfirmed", "done.html", _done(record, fine, receipt("unconfirmed")))
    cancelled = report(State.CANCELLED, left=9_000)
    yield Scene("cancelled", "done.html", _done(migration(State.CANCELLED, **ENDED), cancelled, receipt()))
    empty = report(State.EXPIRED, {}, folders={}, bytes=0)
    yield Scene("expired", "done.html", _done(migration(State.EXPIRED, **ENDED), empty, None, undo=None))


def _done(
    record: Migration,
    told: Report,
    statement: Receipt | None,
    rows: tuple[NotCopied, ...] = (),
    undo: Taking | None = ASKING,
) -> Callable[[], Any]:
    return lambda: done(HOST, record, told, statement, rows, NOW, account="anna.meier.1979@gmail.com", undo=undo)


def _undos() -> Iterator[Scene]:
    some = Undone(folder=1, done=500, removed=480, changed=3, missing=1)
    whole = Undone(removed=11_395, changed=12, missing=7, refused=2, gone=(2, 3), finished=True)
    hostile = taking(asked=True, asks=True, mailbox=HOSTILE[1])
    for name, standing, asking in (
        ("offered", Standing("none", Undone()), ASKING),
        ("begun", Standing("running", Undone()), ASKING),
        ("running", Standing("running", some), ASKING),
        ("done", Standing("done", whole), ASKING),
        ("wrong-password", Standing("stopped", Undone(), "login-refused"), ASKING),
        ("cut-off", Standing("stopped", some), replace(ASKING, asks=False)),
        ("hostile", Standing("stopped", some, SCRIPT), hostile),
    ):
        yield Scene(f"undo-{name}", "undo.html", _undo(standing, asking))


def _undo(standing: Standing, asking: Taking) -> Callable[[], Any]:
    return lambda: undo(HOST, ID, standing, 11_416, asking)


def _data() -> Iterator[Scene]:
    rows = tuple(
        Holding(row.holds, str(row.where), str(row.sight), row.why, str(row.until), 4_711, int(NOW) + 80_000)
        for row in KEPT
        if row.is_of_migration or row.until in {Until.AUDIT, Until.KEY, Until.REWRITE}
    )
    running, ended = migration(), migration(State.DONE, **ENDED)
    yield Scene("data-running", "overview.html", lambda: mydata(HOST, running, rows, NOW))
    yield Scene("data-ended", "overview.html", lambda: mydata(HOST, ended, rows[:20], NOW))
    given = Permission(frozenset(Field), NOW - 60, NOW + 86_340)
    uses = (Use(int(NOW) - 50, "staff:" + "5a" * 16, "report"), Use(int(NOW) - 40, "staff:" + "1b" * 16, "history"))
    yield Scene("permission", "permission.html", lambda: permission(HOST, running, None, (), NOW))
    yield Scene("permission-nothing", "permission.html", lambda: permission(HOST, running, None, (), NOW, empty=True))
    asked = Question(frozenset({Field.FOLDER_NAMES, Field.HISTORY}), NOW - 60, NOW + 80_000)
    yield Scene("permission-asked", "permission.html", lambda: permission(HOST, running, None, (), NOW, question=asked))
    yield Scene("permission-given", "permission.html", lambda: permission(HOST, ended, given, uses, NOW))
