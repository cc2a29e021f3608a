"""What the scenes are made of: records, numbers and receipts that belong together, everyday names and hostile ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.migration import Migration, State
from jobs.report import Report
from migrator import receipt as receipts
from migrator.receipt import Receipt
from web.views.host import Host

NOW = datetime(2026, 11, 22, 13, 55, tzinfo=UTC).timestamp()
ID = "4f" * 16
HOST = Host("Example Mail", "https://example.org/privacy", "https://example.org/help")

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
